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
#include "contract/tombstone.h"
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

/// As a node with a writer of its own does, if it may: the ids are given out. Returns the last.
std::optional<std::int64_t> take_ids(contract::StoreDriver& store, const std::string& name,
                                     std::uint64_t count) {
  static contract::WriterId writer = 1000;
  const auto outcome = run(store, contract::Load{name, 0});
  const auto* found = std::get_if<contract::Found>(&outcome);
  if (found == nullptr || found->state.deleted) return std::nullopt;
  contract::Reserve op = test::reserve(name, ++writer, base::wall_now_us(), 0, count);
  op.revision = found->state.definition.revision;
  op.seq = std::max<contract::Seq>(op.seq, found->state.floor + 1);
  op.limit =
      static_cast<std::int64_t>(found->state.definition.max) - static_cast<std::int64_t>(count);
  const auto taken = run(store, op);
  const auto* committed = std::get_if<contract::Committed>(&taken);
  return committed == nullptr ? std::nullopt : std::optional(committed->end);
}

/// Changes its definition, as `nextid define` does.
void redefine(contract::StoreDriver& store, const std::string& name,
              const std::function<void(Definition&)>& change, bool deletes = false) {
  Definition definition = state_of(store, name).definition;
  ++definition.revision;
  change(definition);
  test::found(run(store, contract::Redefine{name, 0, definition, deletes}));
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

/// All of the target may be deleted.
Names all_deleted(contract::StoreDriver& target) {
  Names names;
  const auto page = test::list(target, {.limit = 1000, .deleted = true});
  for (const CounterInfo& counter : page.value().counters) names.insert(counter.name);
  return names;
}

std::string wrong(contract::StoreDriver& source, contract::StoreDriver& target,
                  const Names& deleted) {
  std::string lines;
  const auto verified = verify(source, target, settings(), deleted,
                               [&](const std::string& line) { lines += line + "\n"; });
  EXPECT_TRUE(verified);
  return lines;
}

std::string wrong(contract::StoreDriver& source, contract::StoreDriver& target) {
  return wrong(source, target, all_deleted(target));
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

/// Counters that went away and come back, while nodes of both stores go on with them.
class Return {
 public:
  explicit Return(unsigned seed) : random_(seed) {
    for (int i = 0; i < kCounters; ++i) {
      const Definition definition{1, 1, 1'000'000, 1 + random_() % 5, "c", 1};
      run(home_, contract::Define{name_of(i), 0, definition});
      // Some are used for the first time after they went away.
      if (random_() % 3 != 0) take(home_, i);
    }
    EXPECT_TRUE(copy(home_, away_));
    for (int i = 0; i < kCounters; ++i) take(away_, i);
  }

  /// Is cut off after any op, and begun again, until it is done.
  void go_back() {
    for (bool done = false; !done;) {
      FaultyStore from(away_);
      FaultyStore to(home_);
      from.faults = to.faults = &random_;
      from.before_op = to.before_op = [this](const contract::Op&) { take_some(); };
      if (random_() % 4 != 0) {
        from.ops_left = static_cast<int>(random_() % 20);
        to.ops_left = static_cast<int>(random_() % 40);
      }
      done = copy(from, to, nullptr, std::chrono::milliseconds(0)).has_value();
      for (int i = 0; i < kCounters; ++i) take_some();
    }
    for (int i = 0; i < kCounters; ++i) take(home_, i);
  }

  void check() {
    for (int i = 0; i < kCounters; ++i) {
      SCOPED_TRACE(name_of(i));
      const auto back = state_of(home_, name_of(i));
      EXPECT_FALSE(back.deleted);
      EXPECT_EQ(back.definition.max, 1'000'000U);
      EXPECT_EQ(back.definition.comment, "c");
      const auto gone = state_of(away_, name_of(i));
      EXPECT_TRUE(gone.deleted);
      EXPECT_TRUE(contract::has_moved(gone.definition));
      EXPECT_EQ(std::set<std::int64_t>(ids_[i].begin(), ids_[i].end()).size(), ids_[i].size())
          << "an id was given twice";
      EXPECT_EQ(*ids_[i].rbegin(), back.value);
    }
  }

 private:
  static constexpr int kCounters = 6;
  static std::string name_of(int i) { return cat("c", i); }

  void take(contract::StoreDriver& store, int i) {
    const std::uint64_t count = 1 + random_() % 3;
    const auto last = take_ids(store, name_of(i), count);
    for (std::uint64_t k = 0; last && k < count; ++k) {
      ids_[i].insert(*last - static_cast<std::int64_t>(k));
    }
  }
  void take_some() {
    take(random_() % 2 == 0 ? home_ : away_, static_cast<int>(random_() % kCounters));
  }

  std::mt19937 random_;
  store::MemoryStore home_;
  store::MemoryStore away_;
  std::map<int, std::multiset<std::int64_t>> ids_;
};

TEST(Copy, GivesNoIdTwiceOnTheWayBackWhateverGoesOn) {
  for (unsigned seed = 1; seed <= 100 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    Return world(seed);
    world.go_back();
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

TEST_F(Copying, NodesMayGoOnAsSoonAsACounterIsBack) {
  define(source_, "back", {}, 9, false);
  define(target_, "back", {}, 2, true);
  FaultyStore to(target_);
  to.doubts_firsts = true;
  std::optional<std::int64_t> last;
  to.before_op = [&](const contract::Op&) {
    if (const auto taken = take_ids(target_, "back", 1)) {
      EXPECT_TRUE(state_of(source_, "back").deleted);
      last = taken;
    }
  };
  const auto copied = copy(source_, to);
  ASSERT_TRUE(copied) << copied.error().what();
  EXPECT_EQ(last, 10);
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

// Else the advice to make them equal in the source would bring back what has moved.
TEST_F(Copying, WhatHasMovedMayBeDefinedAnew) {
  define(source_, "orders", {}, 10, false);
  ASSERT_TRUE(copy(source_, target_));
  redefine(target_, "orders", [](Definition& definition) { definition.cache = 50; });
  std::vector<Copied> all;
  const auto again = copy::copy(source_, target_, &all);
  ASSERT_TRUE(again) << again.error().what();
  EXPECT_EQ(all.at(0).fate, Fate::kKept);
  EXPECT_EQ(state_of(target_, "orders").definition.cache, 50U);
  EXPECT_EQ(wrong(source_, target_), "");
}

TEST_F(Copying, ADefinitionThatChangesMeanwhileIsCopiedToo) {
  define(source_, "orders", {}, 10, false);
  FaultyStore from(source_);
  bool is_first = true;
  from.before_op = [&](const contract::Op&) {
    if (!std::exchange(is_first, false)) return;
    redefine(source_, "orders", [](Definition& definition) { definition.comment = "new"; });
  };
  ASSERT_TRUE(copy(from, target_));
  EXPECT_EQ(state_of(target_, "orders").definition.comment, "new");
  EXPECT_TRUE(copy(source_, target_));
}

TEST_F(Copying, WhatAnEndedCopyLeftGoesNowhere) {
  define(source_, "gone", {}, 4, true);
  FaultyStore to(target_);
  to.ops_left = 1;
  ASSERT_FALSE(copy(source_, to, nullptr, std::chrono::milliseconds(0)));
  const auto back = copy(target_, source_);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(state_of(source_, "gone").deleted);
  EXPECT_EQ(state_of(source_, "gone").definition.comment, "");
  EXPECT_TRUE(copy(source_, target_));
  EXPECT_TRUE(copy(target_, source_));
}

TEST_F(Copying, ANameThatNoCounterHasIsRefusedBeforeAnythingIsChanged) {
  define(source_, "a\"b", {}, 4, false);
  const auto copied = copy(source_, target_);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kConflict);
  EXPECT_FALSE(state_of(source_, "a\"b").deleted);
  EXPECT_TRUE(test::list(target_, "", 10).value().counters.empty());
}

TEST_F(Copying, ACounterPastItsMaxGoesThereAndBack) {
  define(source_, "few", {1, 1, 4, 1, "", 1}, 4, false);
  run(source_, contract::Advance{"few", 9, base::wall_now_us() + 1'000'000, 0, 1, 9});
  ASSERT_TRUE(copy(source_, target_));
  const auto back = copy(target_, source_);
  ASSERT_TRUE(back) << back.error().what();
  EXPECT_EQ(state_of(source_, "few").value, 9);
  EXPECT_EQ(state_of(source_, "few").definition.max, 4U);
}

TEST_F(Copying, VerificationFindsWhatIsWrong) {
  for (const char* name : {"a", "b", "d", "e", "f", "g"}) define(source_, name, {}, 5, true);
  define(source_, "c", {}, 5, false);
  define(target_, "b", {}, 4, false);
  define(target_, "d", {1, 2, kMaxId, 2, "", 1}, 6, false);
  define(target_, "e", {}, 5, true);
  define(target_, "f", {}, 5, true);
  define(target_, "g", {1, 1, kMaxId, 1, std::string(kUnfinished), 1}, 5, false);
  EXPECT_EQ(wrong(source_, target_, {"f"}),
            "counter 'a' is missing in the target\n"
            "counter 'b' is at 4 in the target, below 5 in the source\n"
            "counter 'c' is in use in the source\n"
            "counter 'd' has the increment 2 in the target and 1 in the source\n"
            "counter 'e' is deleted in the target: somebody did so after it was copied, perhaps "
            "another copy\n"
            "counter 'g' of the target is one that a copy has not ended with\n");
}

// Each one finds in use what the other one has not deleted yet.
TEST_F(Copying, TwoCopiesInOppositeDirectionsAreNotBothWell) {
  define(source_, "orders", {}, 5, false);
  std::vector<Copied> there;
  std::vector<Copied> back;
  FaultyStore from(source_);
  bool is_first = true;
  from.before_op = [&](const contract::Op&) {
    if (std::exchange(is_first, false)) {
      ASSERT_TRUE(copy::copy(target_, source_, &back));
    }
  };
  ASSERT_TRUE(copy::copy(from, target_, &there));
  ASSERT_EQ(there.size(), 1U);
  EXPECT_FALSE(there[0].target_deleted);
  EXPECT_NE(wrong(source_, target_, {}), "");
}

/// A store whose lists lack what is damaged.
class DamagedStore final : public contract::StoreDriver {
 public:
  DamagedStore(contract::StoreDriver& store, std::string name)
      : store_(store), name_(std::move(name)) {}

  void submit(std::vector<contract::Call> calls) override { store_.submit(std::move(calls)); }
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override {
    store_.list(wanted, [this, wanted, done = std::move(done)](Result<CounterPage> page) {
      if (name_ > wanted.after) page->left_out.push_back(name_);
      done(std::move(page));
    });
  }
  const StoreOpening& opening() const noexcept override { return store_.opening(); }
  std::uint64_t commits() const noexcept override { return 0; }

 private:
  contract::StoreDriver& store_;
  const std::string name_;
};

TEST_F(Copying, ACounterThatTheListLacksIsNotLost) {
  for (const char* name : {"a", "c"}) define(source_, name, {}, 5, false);
  DamagedStore from(source_, "b");
  const auto look = [](const Planned&) {};
  const auto planned = Copier(from, target_, settings()).plan(look);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code(), ErrorCode::kCorrupt);
  EXPECT_STREQ(planned.error().what(),
               "the source: 'b' is damaged, or no counter, so its value can't be told; mend or "
               "remove it.");
  const auto copied = copy(from, target_);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::kCorrupt);
  EXPECT_FALSE(verify(from, target_, settings(), {}, [](const std::string&) {}));
}

TEST_F(Copying, DamageOfTheTargetMattersWhereItWouldBeCopiedTo) {
  for (const char* name : {"a", "c"}) define(source_, name, {}, 5, false);
  const auto look = [](const Planned&) {};
  DamagedStore other(target_, "b");
  EXPECT_TRUE(Copier(source_, other, settings()).plan(look));
  DamagedStore same(target_, "c");
  const auto planned = Copier(source_, same, settings()).plan(look);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace nextid::copy
