#include "auth/limits.h"

#include <array>

#include "base/cat.h"
#include "base/whole_number.h"

namespace nextid::auth {
namespace {

using base::cat;

struct Row {
  std::string_view name;
  std::optional<std::uint64_t> Limits::*value;
};

// In the order of Limit.
constexpr std::array kRows{Row{"counters-in-use", &Limits::counters_in_use},
                           Row{"new-counters", &Limits::new_counters},
                           Row{"keys", &Limits::keys},
                           Row{"waiting", &Limits::waiting},
                           Row{"ids-per-second", &Limits::ids_per_second},
                           Row{"requests-per-second", &Limits::requests_per_second}};

static_assert(kRows.size() == kLimits);

std::string names() {
  std::string list;
  for (const Row& row : kRows) list += cat(list.empty() ? "" : ", ", row.name);
  return list;
}

}  // namespace

std::string_view to_string(Limit limit) noexcept {
  return kRows[static_cast<std::size_t>(limit)].name;
}

std::optional<std::uint64_t> value_of(const Limits& limits, Limit limit) noexcept {
  return limits.*kRows[static_cast<std::size_t>(limit)].value;
}

Result<void> set_limit(Limits& limits, std::string_view word) {
  const auto name = word.substr(0, word.find('='));
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    const auto value = base::whole_number(word.substr(name.size() + 1), 1);
    if (!value) {
      return Error(ErrorCode::kInvalid,
                   cat("the limit ", row.name, "= must be a whole number from 1 up."));
    }
    if (limits.*row.value) {
      return Error(ErrorCode::kInvalid, cat("the limit ", row.name, "= stands there twice."));
    }
    limits.*row.value = value;
    return {};
  }
  return Error(ErrorCode::kInvalid, cat("a word with = must be one of the limits ", names(), "."));
}

}  // namespace nextid::auth
