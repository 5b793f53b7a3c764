#include "store/etcd/keys.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::size_t kMostPrefixBytes = 256;
constexpr std::size_t kWriterDigits = 16;
/// The character that follows "/", so that PREFIX + it ends the range of all PREFIX/...
constexpr char kAfterSlash = '/' + 1;

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':' || c == '/';
}

bool is_part_of_ours(std::string_view part) {
  return part == "store" || part == "c" || part == "s" || part == "i" || part == "try";
}

std::string digits_of(contract::WriterId writer) {
  char digits[kWriterDigits + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(writer));
  return digits;
}

}  // namespace

bool is_etcd_prefix(std::string_view prefix) {
  if (prefix.empty() || prefix.size() > kMostPrefixBytes || prefix.ends_with('/')) return false;
  if (!std::all_of(prefix.begin(), prefix.end(), is_allowed)) return false;
  for (std::size_t begin = 0; begin <= prefix.size();) {
    const std::size_t end = std::min(prefix.find('/', begin), prefix.size());
    if (is_part_of_ours(prefix.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

std::string EtcdKeys::counter(std::string_view name) const { return cat(prefix_, "/c/", name); }

std::string EtcdKeys::slot(std::string_view name, contract::WriterId writer) const {
  return cat(prefix_, "/s/", name, "/", digits_of(writer));
}

KeyRange EtcdKeys::slots(std::string_view name) const {
  return {cat(prefix_, "/s/", name, "/"), cat(prefix_, "/s/", name, kAfterSlash)};
}

KeyRange EtcdKeys::counters(std::string_view after) const {
  std::string begin = cat(prefix_, "/c/", after);
  if (!after.empty()) begin.push_back('\0');
  return {std::move(begin), cat(prefix_, "/c", kAfterSlash)};
}

std::string EtcdKeys::record(std::string_view space, std::string_view key) const {
  return cat(prefix_, "/i/", space, "/", key);
}

std::string EtcdKeys::counter_of(std::string_view key) const {
  const std::string begin = prefix_ + "/c/";
  return std::string(key.starts_with(begin) ? key.substr(begin.size()) : key);
}

std::optional<contract::WriterId> EtcdKeys::writer_of(std::string_view key) const {
  if (key.size() < kWriterDigits) return std::nullopt;
  const std::string_view digits = key.substr(key.size() - kWriterDigits);
  contract::WriterId writer = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), writer, 16);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
  return whole ? std::optional(writer) : std::nullopt;
}

}  // namespace nextid::store
