#include <string>

#include <gtest/gtest.h>

#include "nextid/counter.h"

namespace nextid {
namespace {

TEST(CounterNameTest, TakesWhatTheDesignAllows) {
  for (const std::string name : {"a", "_", "9", "global", "eu-west:orders.v2_x", "A.b:c-d"}) {
    EXPECT_TRUE(is_counter_name(name)) << name;
  }
  EXPECT_TRUE(is_counter_name(std::string(kMaxCounterNameBytes, 'x')));
}

TEST(CounterNameTest, RefusesTheRest) {
  for (const std::string name : {"", ".a", ":a", "-a", "a b", "a/b", "ä", "a\n", "a%20b"}) {
    EXPECT_FALSE(is_counter_name(name)) << name;
  }
  EXPECT_FALSE(is_counter_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_counter_name(std::string(kMaxCounterNameBytes + 1, 'x')));
}

}  // namespace
}  // namespace nextid
