#include "auth/right.h"

#include <algorithm>
#include <array>

namespace nextid::auth {
namespace {

constexpr std::array kRights{Right::kRead, Right::kAllocate, Right::kDefine, Right::kDelete};

}  // namespace

std::string_view to_string(Right right) noexcept {
  switch (right) {
    case Right::kRead:
      return "read";
    case Right::kAllocate:
      return "allocate";
    case Right::kDefine:
      return "define";
    case Right::kDelete:
      return "delete";
  }
  return "";
}

std::optional<Rights> parse_rights(std::string_view text) {
  Rights rights;
  for (;;) {
    const auto comma = text.find(',');
    const auto word = text.substr(0, comma);
    const auto right = std::find_if(kRights.begin(), kRights.end(),
                                    [&](Right known) { return to_string(known) == word; });
    if (right == kRights.end()) return std::nullopt;
    rights.add(*right);
    if (comma == std::string_view::npos) return rights;
    text.remove_prefix(comma + 1);
  }
}

std::string to_string(Rights rights) {
  std::string text;
  for (const auto right : kRights) {
    if (!rights.has(right)) continue;
    if (!text.empty()) text += ',';
    text += to_string(right);
  }
  return text;
}

}  // namespace nextid::auth
