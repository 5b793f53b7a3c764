// How stores keep a definition's numbers, and with them whether the counter is deleted.
//
// The revision of a deleted counter is kept below zero: -revision. So it equals that of no Reserve
// or Advance, and releases of nextid that know no deletion take it for damage: they give no ids of
// the counter, whatever else they do.
#pragma once

#include <cstdint>
#include <limits>

#include "nextid/counter.h"

#include "contract/definition_fields.h"

namespace nextid::contract {

/// Whether this field tells by its sign that the counter is deleted.
constexpr bool tells_deletion(const NumberField& field) noexcept { return field.is_revision; }

/// What is kept of one field.
constexpr std::int64_t stored_number(const NumberField& field, const Definition& definition,
                                     bool deleted) noexcept {
  const auto number = static_cast<std::int64_t>(definition.*field.member);
  return deleted && tells_deletion(field) ? -number : number;
}

/// Sets the field, and `deleted` if it tells so. False where nextid never keeps such a number.
constexpr bool take_stored_number(const NumberField& field, std::int64_t stored,
                                  Definition& definition, bool& deleted) noexcept {
  if (stored < 0 && stored > std::numeric_limits<std::int64_t>::min() && tells_deletion(field)) {
    deleted = true;
    stored = -stored;
  }
  if (stored < static_cast<std::int64_t>(field.least)) return false;
  definition.*field.member = static_cast<std::uint64_t>(stored);
  return true;
}

}  // namespace nextid::contract
