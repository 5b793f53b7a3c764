// Whole copies between stores in memory, with faults, interruptions and nodes that go on.
#include "copy/copier.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/cat.h"
#include "conformance/store_harness.h"
#include "copy/verification.h"
#include "store/memory/store.h"

namespace nextid::copy {
namespace {

using base::cat;
using test::run;
constexpr int kNever = std::numeric_limits<int>::max();

/// A store that fails, and that can be cut off.
class FaultyStore final : public contract::StoreDriver {
 public:
  explicit FaultyStore(contract::StoreDriver& store) : store_(store) {}

  void submit(std::vector<contract::Call> calls) override {
    for (contract::Call& call : calls) {
      if (before_op) before_op(call.op);
      const auto fault = faults ? (*faults)() % 20 : std::mt19937::result_type{19};
      const bool cut = ops_left <= 0;
      if (cut || fault == 0) {
        call.done(contract::NotApplied{"it is away"});
      } else if (fault == 1) {
        call.done(contract::InDoubt{"no answer"});  // Lost on its way there.
      } else {
        const bool is_first = doubts_firsts && seen_.insert(test::describe(call.op)).second;
        contract::Outcome outcome = run(store_, call.op);
        --ops_left;
        is_first || fault == 2 ? call.done(contract::InDoubt{"no answer"})
                               : call.done(std::move(outcome));
      }
    }
  }
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override {
    store_.list(wanted, std::move(done));
  }
  const StoreOpening& opening() const noexcept override { return store_.opening(); }
  std::uint64_t commits() const noexcept override { return 0; }

  std::function<void(const contract::Op&)> before_op;
  std::mt19937* faults = nullptr;
  int ops_left = kNever;
  bool doubts_firsts = false;  ///< The first answer to each op is lost.

 private:
  contract::StoreDriver& store_;
  std::set<std::string> seen_;
};

contract::CounterState state_of(contract::StoreDriver& store, const std::string& name) {
  return test::found(run(store, contract::Load{name, 0}));
}

/// As a node with a writer of its own does, if it may: the ids are given out.
void take_ids(contract::StoreDriver& store, const std::string& name, std::uint64_t count) {
  static contract::WriterId writer = 1000;
  const auto outcome = run(store, contract::Load{name, 0});
  const auto* found = std::get_if<contract::Found>(&outcome);
  if (found == nullptr || found->state.deleted) return;
  contract::Reserve op = test::reserve(name, ++writer, base::wall_now_us(), 0, count);
  op.revision = found->state.definition.revision;
  op.seq = std::max<contract::Seq>(op.seq, found->state.floor + 1);
  run(store, op);
}

void define(contract::StoreDriver& store, const std::string& name, const Definition& definition,
            std::uint64_t ids, bool deleted) {
  run(store, contract::Define{name, 0, definition});
  if (ids > 0) take_ids(store, name, ids);
  if (!deleted) return;
  Definition last = definition;
  ++last.revision;
  run(store, contract::Redefine{name, 0, last, true});
}

CopySettings settings(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  CopySettings settings;
  settings.source.page = 3;
  settings.target.page = 2;
  settings.batch = 4;
  settings.patience = patience;
  return settings;
}

Result<void> copy(contract::StoreDriver& source, contract::StoreDriver& target,
                  std::vector<Copied>* all = nullptr,
                  std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  return Copier(source, target, settings(patience)).copy([&](const std::vector<Copied>& done) {
    if (all != nullptr) all->insert(all->end(), done.begin(), done.end());
  });
}

std::string wrong(contract::StoreDriver& source, contract::StoreDriver& target) {
  std::string lines;
  const auto verified =
      verify(source, target, settings(), [&](const std::string& line) { lines += line + "\n"; });
  EXPECT_TRUE(verified);
  return lines;
}

/// Two stores, made by a seed, and what must become of them.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    for (int i = 0; i < 10; ++i) {
      const std::string name = cat("c", i);
      const Definition definition{1 + random_() % 3, 1, kMaxId, 1 + random_() % 5, "", 1};
      const unsigned in_source = random_() % 4;
      if (in_source > 0) define(source, name, definition, random_() % 9, in_source == 1);
      const unsigned in_target = random_() % 4;
      if (in_target > 1) define(target, name, definition, random_() % 9, in_target == 2);
      if (in_source == 0) continue;
      definitions_[name] = definition;
      // What was deleted in the source before the copy never comes into use by it.
      in_use_[name] = in_source > 1 || in_target == 3;
    }
  }

  /// Copies, is cut off, and copies again, until nothing more is to be done.
  void copy_with_interruptions() {
    for (bool done = false; !done;) {
      FaultyStore from(source);
      FaultyStore to(target);
      from.faults = to.faults = &random_;
      // Sometimes the source's nodes still run.
      if (random_() % 2 == 0) {
        from.before_op = [this](const contract::Op&) { take_some(); };
      }
      if (random_() % 4 != 0) {
        from.ops_left = static_cast<int>(random_() % 20);
        to.ops_left = static_cast<int>(random_() % 40);
      }
      const std::chrono::milliseconds patience(random_() % 20 == 0 ? 40 : 0);
      done = copy(from, to, nullptr, patience).has_value();
      take_some();
    }
  }

  void check() {
    for (const auto& [name, definition] : definitions_) {
      SCOPED_TRACE(name);
      const auto from = state_of(source, name);
      const auto to = state_of(target, name);
      EXPECT_TRUE(from.deleted);
      EXPECT_EQ(to.deleted, !in_use_[name]);
      EXPECT_GE(to.value, from.value);
      if (to.deleted) continue;
      EXPECT_EQ(to.definition.start, definition.start);
      EXPECT_EQ(to.definition.cache, definition.cache);
      EXPECT_EQ(to.definition.comment, "");
    }
    EXPECT_EQ(wrong(source, target), "");
  }

  store::MemoryStore source;
  store::MemoryStore target;

 private:
  void take_some() { take_ids(source, cat("c", random_() % 10), 1 + random_() % 3); }

  std::mt19937 random_;
  std::map<std::string, Definition> definitions_;
  std::map<std::string, bool> in_use_;
};

TEST(Copy, EndsTheSameHoweverOftenItIsCutOff) {
  for (unsigned seed = 1; seed <= 100 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    World world(seed);
    world.copy_with_interruptions();
    world.check();
  }
}

class Copying : public testing::Test {
 protected:
  store::MemoryStore source_;
  store::MemoryStore target_;
};

TEST_F(Copying, KeepsTheRevision) {
  define(source_, "orders", {5, 1, 90, 1, "c", 7}, 4, false);
  ASSERT_TRUE(copy(source_, target_));
  const auto copied = state_of(target_, "orders");
  EXPECT_EQ(copied.definition, (Definition{5, 1, 90, 1, "c", 7}));
  EXPECT_EQ(copied.value, 8);
}

TEST_F(Copying, LeavesNoSlots) {
  define(source_, "orders", {}, 4, false);
  ASSERT_TRUE(copy(source_, target_));
  // A writer without a slot is in turn above the floor alone, which the release has raised.
  const auto state = state_of(target_, "orders");
  EXPECT_GT(state.floor, 0U);
}

TEST_F(Copying, AnExhaustedCounterStaysExhausted) {
  define(source_, "few", {1, 1, 4, 1, "", 1}, 4, false);
  ASSERT_TRUE(copy(source_, target_));
  EXPECT_EQ(state_of(target_, "few").value, 4);
  EXPECT_EQ(state_of(target_, "few").definition.max, 4U);
}

TEST_F(Copying, IdsThatTheSourceGivesOutMeanwhileArePassed) {
  define(source_, "orders", {}, 4, false);
  FaultyStore from(source_);
  from.before_op = [&](const contract::Op&) { take_ids(source_, "orders", 10); };
  std::vector<Copied> all;
  ASSERT_TRUE(copy(from, target_, &all));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].was_used);
  EXPECT_EQ(all[0].target_value, 14U);
  EXPECT_EQ(state_of(target_, "orders").value, 14);
  take_ids(source_, "orders", 1);
  EXPECT_EQ(state_of(source_, "orders").value, 14);
}

TEST_F(Copying, CountersThatAreMadeMeanwhileAreCopiedToo) {
  define(source_, "orders", {}, 4, false);
  FaultyStore from(source_);
  bool is_first = true;
  from.before_op = [&](const contract::Op&) {
    if (std::exchange(is_first, false)) define(source_, "a-new-one", {}, 3, false);
  };
  ASSERT_TRUE(copy(from, target_));
  EXPECT_EQ(state_of(target_, "a-new-one").value, 3);
}

TEST_F(Copying, ATargetInUseIsNoticed) {
  define(source_, "orders", {}, 40, false);
  FaultyStore to(target_);
  to.before_op = [&](const contract::Op& op) {
    if (std::holds_alternative<contract::Advance>(op)) take_ids(target_, "orders", 2);
  };
  const auto copied = copy(source_, to);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kConflict);
  EXPECT_STREQ(
      copied.error().what(),
      "the target's counter 'orders' moved from 0 to 2 during the copy: servers of the "
      "target give out ids that the source may have given out; stop them, and copy again.");
  EXPECT_FALSE(state_of(source_, "orders").deleted);
}

TEST_F(Copying, WhatIsInDoubtIsDoneOnce) {
  define(source_, "orders", {}, 40, false);
  define(source_, "gone", {}, 4, true);
  define(source_, "back", {}, 4, false);
  define(target_, "back", {}, 2, true);
  FaultyStore from(source_);
  FaultyStore to(target_);
  from.doubts_firsts = to.doubts_firsts = true;
  const auto copied = copy(from, to);
  ASSERT_TRUE(copied) << copied.error().what();
  EXPECT_EQ(state_of(target_, "orders").value, 40);
  EXPECT_TRUE(state_of(target_, "gone").deleted);
  EXPECT_EQ(state_of(target_, "back").value, 4);
  EXPECT_EQ(wrong(source_, target_), "");
}

TEST_F(Copying, AClockThatWasAheadOfOursIsNoHindrance) {
  define(source_, "orders", {}, 40, false);
  define(target_, "orders", {}, 3, false);
  const auto later = contract::Seq{base::wall_now_us()} + 1'000'000'000'000;
  run(target_, contract::Release{"orders", 77, later, 0});
  ASSERT_TRUE(copy(source_, target_));
  EXPECT_EQ(state_of(target_, "orders").value, 40);
}

TEST_F(Copying, AStoreThatIsAwayIsGivenUp) {
  define(source_, "orders", {}, 40, false);
  FaultyStore to(target_);
  to.ops_left = 0;
  const auto copied = copy(source_, to, nullptr, std::chrono::milliseconds(1));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kUnavailable);
  EXPECT_STREQ(copied.error().what(), "the target can't be used: it is away.");
}

TEST_F(Copying, VerificationFindsWhatIsWrong) {
  define(source_, "a", {}, 5, true);
  define(source_, "b", {}, 5, true);
  define(source_, "c", {}, 5, false);
  define(source_, "d", {}, 5, true);
  define(target_, "b", {}, 4, false);
  define(target_, "d", {1, 1, kMaxId, 2, "", 1}, 5, false);
  EXPECT_EQ(wrong(source_, target_),
            "counter 'a' is missing in the target\n"
            "counter 'b' is at 4 in the target, below 5 in the source\n"
            "counter 'c' is in use in the source\n"
            "counter 'd' has the cache 2 in the target and 1 in the source\n");
}

}  // namespace
}  // namespace nextid::copy
