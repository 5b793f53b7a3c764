// After fork() the child's calls fail with a clear error, and nothing of the parent's is touched.
#include <atomic>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "scratch_dir.h"

namespace nextid {
namespace {

/// Runs `body` in a forked child; true when it returned true there.
template <typename Body>
bool holds_in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    // A child that waits for a lock of the parent's would hang: the alarm turns that into a
    // failure.
    ::alarm(20);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool says_forked(const Error& error) {
  return error.code() == ErrorCode::kInvalid &&
         std::string(error.what()).find("forked") != std::string::npos;
}

class Ignored final : public RangeReceiver {
 public:
  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    forked = range.has_error() && says_forked(range.error());
  }
  bool forked = false;
};

TEST(ForkTest, EveryCallOfTheChildSaysThatItWasForked) {
  const testing::ScratchDir dir;
  Store store = open_store(dir.sqlite_url()).value();
  const IdGenerator ids(store);
  ASSERT_EQ(ids.next_id().value(), 1U);
  EXPECT_TRUE(holds_in_child([&] { return says_forked(ids.next_id().error()); }));
  EXPECT_TRUE(holds_in_child([&] { return says_forked(ids.next_range(3).error()); }));
  EXPECT_TRUE(
      holds_in_child([&] { return says_forked(IdGenerator(store, "n").next_id().error()); }));
  EXPECT_TRUE(holds_in_child([&] { return says_forked(store.counter("global").error()); }));
  EXPECT_TRUE(holds_in_child([&] { return says_forked(store.counters().error()); }));
  EXPECT_TRUE(holds_in_child([&] { return !store.close(std::chrono::seconds(1)); }));
  EXPECT_TRUE(holds_in_child([&] {
    Ignored receiver;
    Batch batch(store);
    batch.add(ids, 1, IdGenerator::Clock::now(), receiver);
    batch.submit();
    return receiver.forked;
  }));
  EXPECT_EQ(ids.next_id().value(), 2U) << "the parent goes on";
}

TEST(ForkTest, TheChildsDestructorsTouchNothing) {
  const testing::ScratchDir dir;
  std::optional<Store> store = open_store(dir.sqlite_url()).value();
  std::optional<IdGenerator> ids(*store);
  ASSERT_EQ(ids->next_id().value(), 1U);
  EXPECT_TRUE(holds_in_child([&] {
    ids.reset();
    store.reset();
    return true;
  }));
  EXPECT_EQ(ids->next_id().value(), 2U);
  EXPECT_EQ(store->accounting().burned_total(), 0U);
}

TEST(ForkTest, AChildForkedUnderLoadFailsWithoutWaitingForLocks) {
  const testing::ScratchDir dir;
  const Store store = open_store(dir.sqlite_url()).value();
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const IdGenerator ids(store);
      while (!stop) ids.next_id().value();
    });
  }
  const IdGenerator ids(store);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(holds_in_child([&] { return says_forked(ids.next_id().error()); }));
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  const std::uint64_t returned = store.accounting().returned;
  EXPECT_EQ(ids.next_id().value(), returned + 1) << "no gap";
}

TEST(ForkTest, TheChildMayNotOpenTheParentsFile) {
  const testing::ScratchDir dir;
  const Store store = open_store(dir.sqlite_url()).value();
  EXPECT_TRUE(holds_in_child([&] { return open_store(dir.sqlite_url()).has_error(); }));
  EXPECT_EQ(IdGenerator(store).next_id().value(), 1U);
}

#if defined(__has_feature)  // clang's.
constexpr bool kThreadSanitizer = __has_feature(thread_sanitizer);
#elif defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif

TEST(ForkTest, TheChildMayOpenOtherStores) {
  if (kThreadSanitizer) {
    GTEST_SKIP() << "not run: the thread sanitizer has no threads in a child whose parent had some";
  }
  const testing::ScratchDir dir;
  const testing::ScratchDir other;
  const Store store = open_store(dir.sqlite_url()).value();
  EXPECT_TRUE(holds_in_child(
      [&] { return IdGenerator(open_store(other.sqlite_url())).next_id().value() == 1; }));
  EXPECT_EQ(IdGenerator(store).next_id().value(), 1U);
}

}  // namespace
}  // namespace nextid
