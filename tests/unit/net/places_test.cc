// Places for connections, and which of them are kept.
#include "net/places.h"

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::net {
namespace {

std::vector<Place> take_all(Places& places, std::size_t front_end) {
  std::vector<Place> taken;
  while (auto place = places.take(front_end)) taken.push_back(*std::move(place));
  return taken;
}

TEST(PlacesTest, OneFrontEndHasAll) {
  Places places(50, {true, false});
  EXPECT_EQ(take_all(places, 0).size(), 50U);
  EXPECT_EQ(take_all(places, 0).size(), 50U) << "they were given back";
}

TEST(PlacesTest, EachOfTwoKeepsASixteenthForItself) {
  Places places(50, {true, true});
  auto first = take_all(places, 0);
  EXPECT_EQ(first.size(), 47U);
  auto second = take_all(places, 1);
  EXPECT_EQ(second.size(), 3U);
  first.resize(20);
  EXPECT_EQ(take_all(places, 1).size(), 27U);
}

TEST(PlacesTest, AFewAreEnoughOfVeryMany) {
  Places places(100'000, {true, true});
  EXPECT_EQ(take_all(places, 1).size(), 100'000U - Places::kMostKept);
  Places few(15, {true, true});
  EXPECT_EQ(take_all(few, 1).size(), 15U) << "too few to keep any";
}

TEST(PlacesTest, WhoHasNoMoreThanIsKeptLeavesNothingToOthers) {
  Places places(32, {true, true});
  const auto first = places.take(0);
  const auto second = places.take(0);
  EXPECT_FALSE(places.would_serve(0, 1));
  EXPECT_TRUE(places.would_serve(0, 0));
  const auto third = places.take(0);
  EXPECT_TRUE(places.would_serve(0, 1));
}

TEST(PlacesTest, APlaceIsGivenBackOnce) {
  Places places(1, {true});
  auto place = places.take(0);
  ASSERT_TRUE(place);
  Place moved = *std::move(place);
  place.reset();
  EXPECT_FALSE(places.take(0));
  moved.give_back();
  moved.give_back();
  auto again = places.take(0);
  EXPECT_TRUE(again);
  EXPECT_FALSE(places.take(0));
}

}  // namespace
}  // namespace nextid::net
