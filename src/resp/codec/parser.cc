#include "resp/codec/parser.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"
#include "base/wipe.h"
#include "resp/codec/words.h"

namespace nextid::resp {
namespace {

using base::cat;

// With its sign; more than any length within the limits needs.
constexpr std::ptrdiff_t kMaxLengthDigits = 11;

}  // namespace

Parser::Outcome Parser::feed(std::string_view bytes) {
  std::size_t consumed = 0;
  while (consumed < bytes.size()) {
    arguments_.clear();
    const std::string_view rest = bytes.substr(consumed);
    std::size_t size = 0;
    inline_ = rest.front() != '*';
    const Found found = inline_ ? parse_inline(rest, size) : parse_array(rest, size);
    if (found == Found::kWrong) return {bytes.size(), Status::kError};
    if (found == Found::kNothing) {
      if (rest.size() < limits_.max_command_bytes) break;
      fail_as_too_long();
      return {bytes.size(), Status::kError};
    }
    consumed += size;
    if (!arguments_.empty()) return {consumed, Status::kCommand};
  }
  return {consumed, Status::kNeedMore};
}

Parser::Found Parser::fail(std::string sentence) {
  error_ = std::move(sentence);
  return Found::kWrong;
}

Parser::Found Parser::fail_as_too_long() {
  return fail(cat("the command exceeds ", limits_.max_command_bytes, " bytes", limits_.when));
}

void Parser::rest() noexcept {
  std::vector<std::string_view>().swap(arguments_);  // An assignment would keep its capacity.
  base::wipe(unquoted_);
  std::string().swap(unquoted_);
}

// Reads "<type><number>\r\n" at `at`, and moves `at` past it.
Parser::Found Parser::parse_length(std::string_view bytes, std::size_t& at, char type,
                                   long& length) {
  if (at == bytes.size()) return Found::kNothing;
  if (bytes[at] != type) {
    return fail(cat("a '", type, "' was expected, not ", base::in_quotes(bytes.substr(at, 1))));
  }
  const char* const begin = bytes.data() + at + 1;
  const char* const end = bytes.data() + bytes.size();
  const auto [stop, failure] = std::from_chars(begin, end, length);
  // If the bytes end here, the length may go on: after digits, after a sign, or with its first
  // byte.
  const bool is_number = failure == std::errc{} && stop - begin <= kMaxLengthDigits;
  const bool may_become_one = is_number || begin == end || (end - begin == 1 && *begin == '-');
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  if (is_number && rest.starts_with("\r\n")) {
    at = static_cast<std::size_t>(stop + 2 - bytes.data());
    return Found::kWhole;
  }
  if (may_become_one && (rest.empty() || rest == "\r" || rest == "-")) return Found::kNothing;
  return fail(cat("the length after a '", type, "' is no whole number"));
}

Parser::Found Parser::parse_array(std::string_view bytes, std::size_t& size) {
  std::size_t at = 0;
  long count = 0;
  if (const Found found = parse_length(bytes, at, '*', count); found != Found::kWhole) return found;
  if (count > static_cast<long>(limits_.max_arguments)) {
    return fail(cat("a command of ", count, " arguments exceeds the limit of ",
                    limits_.max_arguments, limits_.when));
  }
  for (long i = 0; i < count; ++i) {
    long length = 0;
    if (const Found found = parse_length(bytes, at, '$', length); found != Found::kWhole) {
      return found;
    }
    if (length < 0 || static_cast<std::size_t>(length) > limits_.max_command_bytes) {
      return fail(cat("an argument of ", length, " bytes is out of the limits, 0 to ",
                      limits_.max_command_bytes, limits_.when));
    }
    const auto argument_size = static_cast<std::size_t>(length);
    if (bytes.size() - at < argument_size + 2) return Found::kNothing;
    if (bytes[at + argument_size] != '\r' || bytes[at + argument_size + 1] != '\n') {
      return fail(cat("an argument is longer than its length, ", length, ", says"));
    }
    arguments_.push_back(bytes.substr(at, argument_size));
    at += argument_size + 2;
  }
  size = at;
  return at <= limits_.max_command_bytes ? Found::kWhole : fail_as_too_long();
}

Parser::Found Parser::parse_inline(std::string_view bytes, std::size_t& size) {
  const std::size_t line_end = bytes.substr(0, limits_.max_command_bytes).find('\n', scanned_);
  if (line_end == std::string_view::npos) {
    scanned_ = std::min(bytes.size(), limits_.max_command_bytes);
    return Found::kNothing;
  }
  scanned_ = 0;
  size = line_end + 1;
  std::string_view line = bytes.substr(0, line_end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  base::wipe(unquoted_);  // It may have a token.
  switch (split_words(line, limits_.max_arguments, unquoted_, arguments_)) {
    case Split::kWhole:
      return Found::kWhole;
    case Split::kUnbalanced:
      return fail("the quotes of an inline command are unbalanced");
    case Split::kTooMany:
      return fail(cat("a command exceeds the limit of ", limits_.max_arguments, " arguments",
                      limits_.when));
  }
  return Found::kNothing;
}

}  // namespace nextid::resp
