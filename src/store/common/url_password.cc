#include "store/common/url_password.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace nextid::store {
namespace {

constexpr auto kNowhere = std::string_view::npos;

/// Where the user and the host begin.
std::size_t authority_begin(std::string_view url) {
  const auto colon = url.find(':');
  if (colon == kNowhere) return 0;
  if (url.substr(colon).starts_with("://")) return colon + 3;
  // A slash that was forgotten, or a path; else the scheme itself may be missing.
  return url.substr(colon).starts_with(":/") || url.substr(colon).starts_with(":.") ? colon + 1 : 0;
}

std::string_view authority_of(std::string_view url) {
  const auto begin = authority_begin(url);
  return url.substr(begin, url.find_first_of("/?#", begin) - begin);
}

/// "HOST", "HOST:PORT" or several of these with commas between them.
bool is_hosts(std::string_view authority) {
  while (!authority.empty()) {
    std::string_view host = authority.substr(0, authority.find(','));
    authority.remove_prefix(std::min(authority.size(), host.size() + 1));
    if (host.starts_with('[')) host.remove_prefix(std::min(host.size(), host.find(']')));
    const auto port = host.find(':');
    if (port == kNowhere) continue;
    if (host.find_first_not_of("0123456789", port + 1) != kNowhere) return false;
  }
  return true;
}

/// Calls take() with each parameter of a query.
template <typename Take>
void for_each_part(std::string_view query, Take take) {
  for (;;) {
    const auto end = query.find('&');
    take(query.substr(0, end));
    if (end == kNowhere) return;
    query.remove_prefix(end + 1);
  }
}

bool is_query(std::string_view text) {
  bool all_have_values = true;
  for_each_part(text, [&](std::string_view part) {
    all_have_values = all_have_values && part.find('=') != kNowhere;
  });
  return all_have_values;
}

/// The '@' behind a user and a password, which may have others.
std::size_t at_sign(std::string_view url) {
  const auto begin = authority_begin(url);
  const auto question = std::min(url.find('?', begin), url.size());
  const auto last = url.rfind('@');
  if (last == kNowhere || last < begin) return kNowhere;
  if (last < question) return last;
  // It is in a parameter, unless the '?' is the password's.
  std::string_view hosts = authority_of(url);
  hosts.remove_prefix(hosts.find('@') + 1);
  if (!is_hosts(hosts) || !is_query(url.substr(question + 1, last - question - 1))) return last;
  const auto in_front = url.substr(0, question).rfind('@');
  return in_front == kNowhere || in_front < begin ? kNowhere : in_front;
}

struct Piece {
  std::size_t begin;
  std::size_t end;
};

/// From the ':' to the '@', without that.
std::optional<Piece> password_in(std::string_view url) {
  const auto at = at_sign(url);
  const auto colon = url.find(':', authority_begin(url));
  if (at == kNowhere || colon == kNowhere || colon > at) return std::nullopt;
  return Piece{colon, at};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  const auto at = std::string_view("0123456789abcdef").find(lower(c));
  return at == kNowhere ? -1 : static_cast<int>(at);
}

/// In small letters, decoded.
std::string name_of(std::string_view parameter) {
  std::string name;
  for (std::size_t i = 0; i < parameter.size() && parameter[i] != '='; ++i) {
    const int high =
        parameter[i] == '%' && i + 2 < parameter.size() ? hex_digit(parameter[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(parameter[i + 2]) : -1;
    name += lower(low >= 0 ? static_cast<char>(16 * high + low) : parameter[i]);
    if (low >= 0) i += 2;
  }
  return name;
}

bool is_secret(std::string_view parameter) {
  const std::string name = name_of(parameter);
  if (name.ends_with("file")) return false;  // Where a password is.
  return name.find("password") != kNowhere || name.find("passwd") != kNowhere || name == "pwd";
}

}  // namespace

std::string hide_password(std::string_view url) {
  const auto password = password_in(url);
  std::string shown(url);
  if (password) shown.erase(password->begin, password->end - password->begin);
  const auto question = shown.find('?', password ? password->begin : 0);
  if (question == kNowhere) return shown;
  std::string kept = shown.substr(0, question);
  char separator = '?';
  for_each_part(std::string_view(shown).substr(question + 1), [&](std::string_view part) {
    if (is_secret(part)) return;
    kept.append(1, std::exchange(separator, '&')).append(part);
  });
  return kept;
}

bool has_unclear_password(std::string_view url) {
  const auto password = password_in(url);
  if (!password) return false;
  return authority_begin(url) + authority_of(url).find('@') != password->end;
}

}  // namespace nextid::store
