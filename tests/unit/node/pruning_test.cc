// A counter in long use has the slots removed that other writers left behind.
#include <chrono>
#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "contract/store_driver.h"
#include "scratch_dir.h"
#include "store/factory.h"
#include "store/sqlite/store.h"

namespace nextid::testing {
namespace {

using contract::Outcome;

Outcome run(contract::StoreDriver& driver, contract::Op op) {
  std::promise<Outcome> promise;
  driver.submit({{std::move(op), [&](Outcome outcome) { promise.set_value(std::move(outcome)); }}});
  return promise.get_future().get();
}

TEST(PruningTest, HappensWhileACounterIsInUse) {
  const ScratchDir directory;
  StoreOptions options;
  options.pruning_interval = std::chrono::milliseconds(5);
  const auto store = open_store(directory.sqlite_url(), options);
  const IdGenerator ids(store, "orders");
  ASSERT_EQ(ids.next_id().value(), 1u);

  // A writer of long ago, seen through a clock of long ago, which itself prunes nothing.
  const auto path = directory.sqlite_url().substr(std::string_view("sqlite:").size());
  const auto long_ago = [] { return base::WallMicros{1'000'000}; };
  const auto other = store::SqliteStore::open(path, {}, {long_ago}).value();
  constexpr contract::WriterId kDead = 77;
  run(*other, contract::Reserve{"orders", kDead, 1'000'000, 0, 1, 5, 1'000});
  const auto has_slot = [&] {
    return std::get<contract::Found>(run(*other, contract::Load{"orders", kDead}))
        .state.slot.has_value();
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (has_slot() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(has_slot());
  EXPECT_EQ(ids.next_id().value(), 7u);
}

}  // namespace
}  // namespace nextid::testing
