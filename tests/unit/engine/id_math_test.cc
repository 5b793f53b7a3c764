#include "engine/id_math.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace nextid::engine {
namespace {

constexpr auto kTop = static_cast<std::int64_t>(kMaxId);

Definition stride(std::uint64_t start, std::uint64_t increment, std::uint64_t max = kMaxId) {
  Definition definition;
  definition.start = start;
  definition.increment = increment;
  definition.max = max;
  return definition;
}

TEST(IdMath, CountsTheRoomAboveAValue) {
  const struct {
    std::int64_t value;
    Definition definition;
    std::uint64_t room;
  } rows[] = {
      {0, stride(1, 1, 10), 10},
      {9, stride(1, 1, 10), 1},
      {10, stride(1, 1, 10), 0},
      {11, stride(1, 1, 10), 0},  // Its max was lowered.
      {-9, stride(1, 10, 21), 3},
      {1, stride(1, 10, 20), 1},
      {1, stride(1, 10, 21), 2},
      {3, stride(1, 10, 21), 1},  // Off the stride.
      {kTop - 1, stride(1, 1), 1},
      {kTop, stride(1, 1), 0},
      // Where the signed difference overflows.
      {std::numeric_limits<std::int64_t>::min(), stride(1, kMaxId), 2},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(room_above(row.value, row.definition), row.room) << "above " << row.value;
  }
}

TEST(IdMath, FindsTheLastIdAtAValue) {
  const struct {
    std::int64_t value;
    Definition definition;
    std::uint64_t id;
  } rows[] = {
      {7, stride(1, 1), 7},         {1, stride(1, 10), 1},
      {10, stride(1, 10), 1},       {11, stride(1, 10), 11},
      {29, stride(5, 10), 25},      {kTop, stride(1, 1), kMaxId},
      {kTop, stride(1, 2), kMaxId}, {kTop, stride(2, 2), kMaxId - 1},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(last_id(row.value, row.definition), row.id) << "at " << row.value;
  }
}

TEST(IdMath, CountsTheIdsBetweenTwoValues) {
  const struct {
    std::int64_t before;
    std::int64_t end;
    Definition definition;
    std::uint64_t ids;
  } rows[] = {
      {0, 10, stride(1, 1), 10},       {10, 10, stride(1, 1), 0}, {-9, 1, stride(1, 10), 1},
      {-9, 0, stride(1, 10), 0},       {1, 11, stride(1, 10), 1}, {1, 10, stride(1, 10), 0},
      {4, 23, stride(1, 10), 2},       {0, 4, stride(5, 1), 0},   {0, 5, stride(5, 1), 1},
      {0, kTop, stride(1, 1), kMaxId},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(ids_between(row.before, row.end, row.definition), row.ids)
        << "in (" << row.before << ", " << row.end << "]";
  }
}

}  // namespace
}  // namespace nextid::engine
