// The fields of a counter's definition: one row each. Code that reads, writes, checks or shows all
// of them goes through these rows, and names no field: a store's columns, JSON, options, tables.
//
// A new field is a member of Definition, one of DefinitionChange, and a row. CONTRIBUTING.md says
// what else it takes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "nextid/counter.h"
#include "nextid/id_range.h"

namespace nextid::contract {

/// The two halves of "counter 'orders' HAS 5, and WHY." Both empty for a field that may change.
struct WhyFixed {
  std::string_view has;
  std::string_view why;
};

struct NumberField {
  std::string_view name;  ///< In messages, JSON, options (--NAME), and stores.
  std::string_view help;  ///< Of the option, without its default and a full stop.
  std::uint64_t Definition::*member = nullptr;
  std::optional<std::uint64_t> DefinitionChange::*change = nullptr;
  std::uint64_t least = 1;
  std::uint64_t most = kMaxId;
  /// An id, or a distance between ids: text in JSON where ids are.
  bool is_id = false;
  WhyFixed fixed = {};
  /// In a DefinitionChange it is not a new value, but the one that the change is based on.
  bool is_revision = false;

  constexpr bool never_changes() const noexcept { return !fixed.why.empty(); }
  /// In a DefinitionChange. An item that another program made in DynamoDB has revision 0.
  constexpr std::uint64_t least_in_change() const noexcept { return is_revision ? 0 : least; }
};

/// Text in UTF-8, which may always change.
struct TextField {
  std::string_view name;
  std::string_view help;
  std::string Definition::*member = nullptr;
  std::optional<std::string> DefinitionChange::*change = nullptr;
  std::size_t most_bytes = 0;
};

using DefinitionField = std::variant<NumberField, TextField>;

/// In the order in which people see them.
inline constexpr auto kDefinitionFields = std::to_array<DefinitionField>({
    NumberField{
        .name = "start",
        .help = "The first id; never changes",
        .member = &Definition::start,
        .change = &DefinitionChange::start,
        .is_id = true,
        .fixed = {"starts at", "a start never changes; use another counter, or advance it"}},
    NumberField{.name = "increment",
                .help = "The distance between ids; never changes",
                .member = &Definition::increment,
                .change = &DefinitionChange::increment,
                .is_id = true,
                .fixed = {"has the increment", "an increment never changes; use another counter"}},
    NumberField{.name = "max",
                .help = "The largest id",
                .member = &Definition::max,
                .change = &DefinitionChange::max,
                .is_id = true},
    NumberField{.name = "cache",
                .help = "1 is strict; more is faster, and gives up order between processes",
                .member = &Definition::cache,
                .change = &DefinitionChange::cache},
    TextField{.name = "comment",
              .help = "What the counter is for",
              .member = &Definition::comment,
              .change = &DefinitionChange::comment,
              .most_bytes = kMaxCommentBytes},
    NumberField{.name = "revision",
                .help = "Change it only if this is its revision still",
                .member = &Definition::revision,
                .change = &DefinitionChange::revision,
                .is_revision = true},
});

namespace detail {

template <typename Kind>
consteval auto fields_of_kind() {
  constexpr auto count = std::count_if(
      kDefinitionFields.begin(), kDefinitionFields.end(),
      [](const DefinitionField& field) { return std::holds_alternative<Kind>(field); });
  std::array<Kind, count> fields;
  auto next = fields.begin();
  for (const DefinitionField& field : kDefinitionFields) {
    if (const auto* kind = std::get_if<Kind>(&field)) *next++ = *kind;
  }
  return fields;
}

}  // namespace detail

/// The rows of one kind, for code that treats numbers and text apart.
inline constexpr auto kNumberFields = detail::fields_of_kind<NumberField>();
inline constexpr auto kTextFields = detail::fields_of_kind<TextField>();

static_assert(sizeof(Definition) == kNumberFields.size() * sizeof(std::uint64_t) +
                                        kTextFields.size() * sizeof(std::string),
              "a member of Definition has no row");
static_assert(sizeof(DefinitionChange) ==
                  kNumberFields.size() * sizeof(std::optional<std::uint64_t>) +
                      kTextFields.size() * sizeof(std::optional<std::string>),
              "a member of DefinitionChange has no row");

/// Calls on_number(field) or on_text(field) for each field, in order.
template <typename OnNumber, typename OnText>
void for_each_field(OnNumber on_number, OnText on_text) {
  for (const DefinitionField& field : kDefinitionFields) {
    if (const auto* number = std::get_if<NumberField>(&field)) {
      on_number(*number);
    } else {
      on_text(std::get<TextField>(field));
    }
  }
}

constexpr std::string_view name_of(const DefinitionField& field) noexcept {
  return std::visit([](const auto& kind) { return kind.name; }, field);
}

/// True when both have the same values in all fields that never change.
inline bool same_where_fixed(const Definition& one, const Definition& other) noexcept {
  return std::all_of(kNumberFields.begin(), kNumberFields.end(), [&](const NumberField& field) {
    return !field.never_changes() || one.*field.member == other.*field.member;
  });
}

}  // namespace nextid::contract
