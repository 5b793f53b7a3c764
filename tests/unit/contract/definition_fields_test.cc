// The rows of a definition's fields are about one member each.
#include "contract/definition_fields.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::contract {
namespace {

/// A value of its own for each field.
std::uint64_t value_of(const NumberField& field) {
  return std::hash<std::string_view>()(field.name);
}
std::string value_of(const TextField& field) { return std::string(field.name); }

TEST(DefinitionFields, NoTwoAreTheSameMember) {
  Definition definition;
  DefinitionChange change;
  const auto set = [&](const auto& field) {
    definition.*field.member = value_of(field);
    EXPECT_FALSE(change.*field.change) << field.name;
    change.*field.change = value_of(field);
  };
  for_each_field(set, set);
  const auto is_set = [&](const auto& field) {
    EXPECT_EQ(definition.*field.member, value_of(field)) << field.name;
    EXPECT_EQ(change.*field.change, value_of(field)) << field.name;
  };
  for_each_field(is_set, is_set);
}

TEST(DefinitionFields, DefaultsAreWithinTheirBounds) {
  const Definition definition;
  for (const NumberField& field : kNumberFields) {
    EXPECT_GE(definition.*field.member, field.least) << field.name;
    EXPECT_LE(definition.*field.member, field.most) << field.name;
  }
  for (const TextField& field : kTextFields) {
    EXPECT_LE((definition.*field.member).size(), field.most_bytes) << field.name;
  }
}

TEST(DefinitionFields, StartAndIncrementNeverChange) {
  Definition changed;
  changed.max = 9;
  changed.cache = 2;
  changed.comment = "orders";
  changed.revision = 2;
  EXPECT_TRUE(same_where_fixed({}, changed));
  changed.start = 2;
  EXPECT_FALSE(same_where_fixed({}, changed));
  changed = {};
  changed.increment = 2;
  EXPECT_FALSE(same_where_fixed({}, changed));
}

}  // namespace
}  // namespace nextid::contract
