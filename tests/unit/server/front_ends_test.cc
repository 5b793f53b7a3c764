// The list of front ends agrees with what else names them.
#include "server/front_ends.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace nextid::server {
namespace {

TEST(FrontEnds, HaveTheNameOfTheirLabelsAndTheOptionOfTheirAddress) {
  std::set<std::string_view> names;
  for (const FrontEndKind& kind : front_end_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_EQ(kind.labels.name, kind.name);
    const auto known = options();
    const auto option = std::find_if(known.begin(), known.end(), [&](const Option& candidate) {
      return candidate.name == kind.name;
    });
    ASSERT_NE(option, known.end()) << kind.name;
    Config config;
    ASSERT_TRUE(option->apply(config, "127.0.0.1:4711")) << kind.name;
    EXPECT_EQ(kind.address(config)->port, 4711) << kind.name;
  }
}

TEST(FrontEnds, TheFirstIsNeverOff) {
  Config config;
  config.resp.reset();
  EXPECT_TRUE(front_end_kinds().front().address(config));
  EXPECT_FALSE(front_end_kinds().back().address(config));
}

}  // namespace
}  // namespace nextid::server
