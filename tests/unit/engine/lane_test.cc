#include "nextid/detail/lane.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::detail {
namespace {

TEST(LaneTest, GivesNothingWhenNoneIsOpen) {
  Lane lane;
  EXPECT_EQ(lane.take(), 0U);
  EXPECT_EQ(lane.take_run(1), 0U);
  EXPECT_EQ(lane.left(), 0U);
  EXPECT_EQ(lane.close(), 0U);
}

TEST(LaneTest, GivesEachIdOfABlockOnceAndNoMore) {
  Lane lane;
  lane.open(3, 3, 10, 3);
  EXPECT_EQ(lane.take(), 3U);
  EXPECT_EQ(lane.take_run(2), 13U);
  EXPECT_EQ(lane.take(), 0U);
  EXPECT_EQ(lane.taken(), 3U);
  EXPECT_EQ(lane.close(), 3U);
}

TEST(LaneTest, RefusesARunThatDoesNotFitAndKeepsTheRest) {
  Lane lane;
  lane.open(1, 5, 1, 5);
  EXPECT_EQ(lane.take_run(6), 0U);
  EXPECT_EQ(lane.take_run(~std::uint64_t{0}), 0U);
  EXPECT_EQ(lane.take_run(5), 1U);
}

TEST(LaneTest, StopsAtTheMarkUntilItsOwnerPassesIt) {
  Lane lane;
  lane.open(1, 4, 1, 2);
  lane.pass_mark();  // Not there yet: nothing changes.
  EXPECT_EQ(lane.take(), 1U);
  EXPECT_EQ(lane.take(), 2U);
  EXPECT_EQ(lane.take(), 0U);
  EXPECT_EQ(lane.left(), 2U);
  lane.pass_mark();
  EXPECT_EQ(lane.take(), 3U);
}

TEST(LaneTest, GivesNothingOfAClosedBlock) {
  Lane lane;
  lane.open(1, 4, 1, 4);
  EXPECT_EQ(lane.take(), 1U);
  EXPECT_EQ(lane.close(), 1U);
  EXPECT_EQ(lane.take(), 0U);
  EXPECT_EQ(lane.take_run(1), 0U);
  EXPECT_EQ(lane.close(), 0U);
}

TEST(LaneTest, TakesAsManyIdsAsABlockCanHave) {
  Lane lane;
  lane.open(1, Lane::kMaxIds, 1, Lane::kMaxIds);
  EXPECT_EQ(lane.take_run(Lane::kMaxIds - 1), 1U);
  EXPECT_EQ(lane.take(), Lane::kMaxIds);
  EXPECT_EQ(lane.take(), 0U);
  EXPECT_EQ(lane.close(), Lane::kMaxIds);
}

/// Blocks are closed early and opened in quick succession while threads take from them (I1, I5):
/// every id that close() says was taken reached a thread, and no other did.
TEST(LaneTest, LosesAndDoublesNothingWhileBlocksChange) {
  constexpr std::uint64_t kBlocks = 2'000;
  constexpr std::uint64_t kBlockIds = 64;
  Lane lane;
  std::atomic<bool> done{false};
  std::vector<std::vector<std::uint64_t>> got(3);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < got.size(); ++i) {
    threads.emplace_back([&, i] {
      while (!done.load()) {
        const std::uint64_t id = i == 0 ? lane.take_run(3) : lane.take();
        if (id == 0) continue;
        got[i].push_back(id);
        if (i == 0) got[i].insert(got[i].end(), {id + 7, id + 14});
      }
    });
  }
  std::vector<std::uint64_t> taken;
  std::uint64_t first = 1;
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    lane.open(first, kBlockIds, 7, kBlockIds);
    if (block % 2 == 0) std::this_thread::yield();
    const std::uint64_t count = lane.close();
    for (std::uint64_t i = 0; i < count; ++i) taken.push_back(first + i * 7);
    first += kBlockIds * 7;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();

  std::vector<std::uint64_t> all;
  for (const auto& ids : got) {
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    all.insert(all.end(), ids.begin(), ids.end());
  }
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, taken);
}

}  // namespace
}  // namespace nextid::detail
