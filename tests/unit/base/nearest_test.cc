// Which known name a wrong one is taken for.
#include "base/nearest.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

TEST(Nearest, IsWhatWasProbablyMeant) {
  const std::vector<std::string> known{"counter", "count", "as", "limit", "next"};
  const std::vector<std::pair<std::string, std::string>> cases{
      {"cout", "count"}, {"COUNT", "count"},  {"cuont", "count"},    {"coounter", "counter"},
      {"nxt", "next"},   {"limits", "limit"}, {"a", "as"},           {"x", ""},
      {"", ""},          {"to", ""},          {"counting down", ""},
  };
  for (const auto& [name, meant] : cases) EXPECT_EQ(nearest(name, known), meant) << name;
  EXPECT_EQ(nearest("count", {}), "");
}

TEST(Nearest, OfALongTextIsNone) { EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {"aaaa"}), ""); }

}  // namespace
}  // namespace nextid::base
