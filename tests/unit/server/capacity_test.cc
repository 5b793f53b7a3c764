// How many connections the descriptors are enough for.
#include "server/capacity.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace nextid::server {
namespace {

TEST(CapacityTest, EnoughDescriptorsAreForAllAndForRefusals) {
  const auto capacity = capacity_for(10'000, 1'000'000, 2);
  EXPECT_EQ(capacity.connections, 10'000U);
  EXPECT_EQ(capacity.refusals, 256U);
}

TEST(CapacityTest, ConnectionsComeBeforeRefusals) {
  const auto capacity = capacity_for(100, 140, 2);
  EXPECT_EQ(capacity.connections, 100U);
  EXPECT_EQ(capacity.refusals, 20U);
}

TEST(CapacityTest, FewerDescriptorsAreForFewerConnections) {
  const auto capacity = capacity_for(100, 12, 2);
  EXPECT_EQ(capacity.connections, 10U);
  EXPECT_EQ(capacity.refusals, 1U);
  for (const std::uint64_t none : {0U, 1U, 2U}) {
    EXPECT_EQ(capacity_for(100, none, 2).connections, 1U);
    EXPECT_EQ(capacity_for(100, none, 2).refusals, 1U);
  }
}

TEST(CapacityTest, WhatTheProcessHasIsNotFree) {
  EXPECT_GT(free_descriptors(1), 0U);
  EXPECT_EQ(free_descriptors(1) - free_descriptors(3), 8U);
}

}  // namespace
}  // namespace nextid::server
