// Which lane commits what, and when its answers come.
#include "store/common/commit_lanes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::store {
namespace {

using contract::Call;
using contract::Committed;
using contract::Load;
using contract::Outcome;
using contract::TryWrite;
using std::chrono::milliseconds;
using Names = std::vector<std::string>;

constexpr std::chrono::seconds kLimit{20};
/// Longer than any test.
constexpr LaneTimes kPatient{.patience = std::chrono::hours(1), .apart = std::chrono::hours(1)};
/// Lanes take over at once.
constexpr LaneTimes kHasty{.patience = milliseconds(0), .apart = std::chrono::hours(1)};

/// The name of a listing among those of counters.
const std::string kListing = "a listing";

/// What became of the groups so far, and which commits may return. Outlives the committers.
class Record {
 public:
  struct Commit {
    std::size_t lane = 0;
    Names names;  // Of the calls' counters and the listings, in order.
    base::MonotonicTime began;
  };

  /// Commits with a call on the counter wait from now on.
  void hold(const std::string& name) {
    change([&] { held_.insert(name); });
  }
  void let_go(const std::string& name) {
    change([&] { held_.erase(name); });
  }
  void let_go_of_all() {
    change([&] { held_.clear(); });
  }
  /// Commits with a call on the counter tell from now on that it held them up, or no more.
  void lock_row(const std::string& name) {
    change([&] { locked_.insert(name); });
  }
  void unlock_row(const std::string& name) {
    change([&] { locked_.erase(name); });
  }

  Answers commit(std::size_t lane, const Group& group) {
    const Names names = names_of(group);
    std::unique_lock lock(mutex_);
    const std::set<std::string> distinct(names.begin(), names.end());
    for (const std::string& name : distinct) {
      EXPECT_TRUE(name.empty() || under_way_.insert(name).second) << name << ": twice at a time";
    }
    commits_.push_back({lane, names, base::monotonic_now()});
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [&] {
      return std::none_of(names.begin(), names.end(),
                          [this](const auto& name) { return held_.contains(name); });
    }));
    for (const std::string& name : distinct) under_way_.erase(name);
    ++ended_;
    Answers answers;
    answers.outcomes.assign(group.calls.size(), Committed{ended_});
    answers.pages.assign(group.listings.size(), CounterPage());
    for (const std::string& name : distinct) {
      if (locked_.contains(name)) answers.held_up.push_back(name);
    }
    return answers;
  }

  void tidied() { ++tidied_; }
  int times_tidied() const { return tidied_; }

  /// How many commits have ended.
  std::int64_t ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::vector<Commit> commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
  }
  /// The names in each.
  std::vector<Names> groups() const {
    std::vector<Names> groups;
    for (const Commit& commit : commits()) groups.push_back(commit.names);
    return groups;
  }
  /// Waits until as many have begun.
  void wait_for(std::size_t commits) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLimit, [&] { return commits_.size() >= commits; }))
        << commits_.size() << " of " << commits;
  }
  /// Waits until one begins whose names are such.
  void wait_for_one(const std::function<bool(const Names&)>& is_such) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [&] { return is_such(commits_.back().names); }));
  }

 private:
  static Names names_of(const Group& group) {
    Names names;
    for (const Call& call : group.calls) {
      const Load* const load = std::get_if<Load>(&call.op);
      names.push_back(load != nullptr ? load->counter : "");
    }
    names.insert(names.end(), group.listings.size(), kListing);
    return names;
  }

  template <typename Change>
  void change(Change make) {
    const std::lock_guard lock(mutex_);
    make();
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> held_;
  std::set<std::string> locked_;
  std::set<std::string> under_way_;
  std::int64_t ended_ = 0;
  std::atomic<int> tidied_{0};
  std::vector<Commit> commits_;
};

class RecordingCommitter final : public Committer {
 public:
  RecordingCommitter(std::shared_ptr<Record> record, std::size_t lane)
      : record_(std::move(record)), lane_(lane) {}

  Answers commit(const Group& group) noexcept override {
    ++commits_;
    return record_->commit(lane_, group);
  }
  void tidy() noexcept override { record_->tidied(); }
  std::uint64_t commits() const noexcept override { return commits_; }

 private:
  const std::shared_ptr<Record> record_;
  const std::size_t lane_;
  std::atomic<std::uint64_t> commits_{0};
};

Call call(
    const std::string& counter, std::function<void(Outcome)> done = [](const Outcome&) {}) {
  return {Load{counter, 1}, std::move(done)};
}

/// The number of the commit that an outcome comes from.
std::int64_t commit_of(const Outcome& outcome) { return std::get<Committed>(outcome).end; }

class CommitLanesTest : public testing::Test {
 protected:
  ~CommitLanesTest() override {
    record_->let_go_of_all();
    if (lanes_) lanes_->stop();
  }

  void start(std::size_t lanes, LaneTimes times) {
    std::vector<std::unique_ptr<Committer>> committers;
    for (std::size_t i = 0; i < lanes; ++i) {
      committers.push_back(std::make_unique<RecordingCommitter>(record_, i));
    }
    lanes_ = CommitLanes::start(std::move(committers), times);
  }
  void stop() { std::exchange(lanes_, nullptr)->stop(); }

  /// One call on each.
  void submit(const Names& counters) {
    std::vector<Call> calls;
    for (const std::string& counter : counters) calls.push_back(call(counter));
    lanes_->submit(std::move(calls));
  }
  /// And waits until its commit has begun, as the last so far; it stays under way.
  void submit_and_hold(const std::string& counter) {
    record_->hold(counter);
    const std::size_t before = record_->commits().size();
    submit({counter});
    record_->wait_for(before + 1);
  }
  void submit_and_wait(const Names& counters) {
    std::atomic<std::size_t> left{counters.size()};
    std::promise<void> answered;
    std::vector<Call> calls;
    for (const std::string& counter : counters) {
      calls.push_back(call(counter, [&](const Outcome&) {
        if (--left == 0) answered.set_value();
      }));
    }
    lanes_->submit(std::move(calls));
    wait_for(answered);
  }
  void list() {
    lanes_->list({{.limit = 10}, [](const Result<CounterPage>& page) { EXPECT_TRUE(page); }});
  }
  void list_and_wait() {
    std::promise<void> answered;
    lanes_->list({{.limit = 10}, [&](const Result<CounterPage>&) { answered.set_value(); }});
    wait_for(answered);
  }
  /// The counters hold up a group, and travel apart from now on.
  void set_apart(const Names& counters) {
    for (const std::string& counter : counters) record_->lock_row(counter);
    submit_and_wait(counters);
    for (const std::string& counter : counters) record_->unlock_row(counter);
  }
  /// Ends the test rather than what the answer would then refer to.
  static void wait_for(std::promise<void>& answered) {
    if (answered.get_future().wait_for(kLimit) == std::future_status::ready) return;
    ADD_FAILURE() << "no answer";
    std::abort();
  }

  const std::shared_ptr<Record> record_ = std::make_shared<Record>();
  std::shared_ptr<CommitLanes> lanes_;
};

TEST_F(CommitLanesTest, WhatWaitsSharesOneGroupAndBlocksNobody) {
  start(4, kPatient);
  submit_and_hold("a");
  submit({"b", "c"});
  submit({"d"});
  submit({"a", "b"});
  EXPECT_EQ(record_->ended(), 0) << "submit() returned four times, with no commit done";
  list_and_wait();  // So another lane has looked.
  EXPECT_EQ(record_->groups(), (std::vector<Names>{{"a"}, {kListing}}));
  record_->let_go("a");
  stop();
  EXPECT_EQ(record_->groups(), (std::vector<Names>{{"a"}, {kListing}, {"b", "c", "d", "a", "b"}}));
}

TEST_F(CommitLanesTest, AGroupHasItsMostCallsAndTheRestFollow) {
  start(2, kPatient);
  submit_and_hold("a");
  submit(Names(2 * CommitLanes::kMostCalls + 1, "b"));
  record_->let_go("a");
  stop();
  const auto groups = record_->groups();
  ASSERT_EQ(groups.size(), 4u);
  EXPECT_EQ(groups[1].size(), CommitLanes::kMostCalls);
  EXPECT_EQ(groups[2].size(), CommitLanes::kMostCalls);
  EXPECT_EQ(groups[3].size(), 1u);
}

TEST_F(CommitLanesTest, AnotherLaneTakesOverOnlyWhenPatienceEnds) {
  constexpr milliseconds kPatience{100};
  start(2, {.patience = kPatience});
  const auto before = base::monotonic_now();
  submit_and_hold("a");
  const auto first = record_->commits().front();
  submit_and_wait({"b"});
  EXPECT_EQ(record_->ended(), 1) << "'a' is under way";
  const auto second = record_->commits().back();
  EXPECT_EQ(second.names, Names{"b"});
  EXPECT_NE(second.lane, first.lane);
  EXPECT_GE(second.began - before, kPatience);
}

TEST_F(CommitLanesTest, AGroupThatIsLateIsWaitedForNoMore) {
  constexpr milliseconds kPatience{200};
  constexpr int kCalls = 100;
  start(4, {.patience = kPatience});
  submit_and_hold("a");
  const auto began = base::monotonic_now();
  for (int i = 0; i < kCalls; ++i) submit_and_wait({"b"});
  EXPECT_LT(base::monotonic_now() - began, kPatience * kCalls / 2)
      << "each waited for the end of patience";
}

TEST_F(CommitLanesTest, EveryLaneMayBeLateAndTheFirstToEndGoesOn) {
  start(3, kHasty);
  submit_and_hold("a");
  submit_and_hold("b");
  submit_and_hold("c");
  submit({"d"});
  submit({"e"});
  EXPECT_EQ(record_->commits().size(), 3u);
  record_->let_go("b");
  record_->wait_for(4);
  const auto commits = record_->commits();
  EXPECT_EQ(commits[3].names, (Names{"d", "e"}));
  EXPECT_EQ(commits[3].lane, commits[1].lane);
}

TEST_F(CommitLanesTest, ACounterIsInOneGroupAtATime) {
  start(4, kHasty);
  submit_and_hold("a");
  submit({"a"});
  submit_and_wait({"b", "c"});
  submit({"a", "a"});
  submit_and_wait({"b"});
  EXPECT_EQ(record_->groups(), (std::vector<Names>{{"a"}, {"b", "c"}, {"b"}}))
      << "another call on 'a' would wait for the same row";
  record_->let_go("a");
  record_->wait_for(4);
  EXPECT_EQ(record_->groups().back(), (Names{"a", "a", "a"}));
}

TEST_F(CommitLanesTest, OpsThatNeedNoRowWaitForNone) {
  start(2, kHasty);
  const auto try_write = [this](const std::function<void(Outcome)>& done) {
    lanes_->submit({{TryWrite{}, done}});
  };
  record_->hold("");
  try_write([](const Outcome&) {});
  record_->wait_for(1);
  try_write([](const Outcome&) {});
  record_->wait_for(2);
}

TEST_F(CommitLanesTest, ACounterThatHeldUpAGroupTravelsApart) {
  start(3, kPatient);
  record_->lock_row("x");
  submit_and_wait({"x", "y"});
  submit_and_hold("x");
  submit({"x"});
  submit_and_wait({"y"});
  submit_and_wait({"y"});
  EXPECT_EQ(record_->groups(), (std::vector<Names>{{"x", "y"}, {"x"}, {"y"}, {"y"}}))
      << "one group at a time, and nobody waits for it";
  submit({"x"});
  record_->let_go("x");
  record_->wait_for(5);
  EXPECT_EQ(record_->groups().back(), (Names{"x", "x"}));
}

TEST_F(CommitLanesTest, CallsThatWaitedGoApartToo) {
  start(2, kPatient);
  submit_and_hold("x");
  submit({"x", "y", "x"});
  record_->lock_row("x");
  record_->let_go("x");
  record_->wait_for(3);
  auto groups = record_->groups();
  std::sort(groups.begin() + 1, groups.end());
  EXPECT_EQ(groups, (std::vector<Names>{{"x"}, {"x", "x"}, {"y"}}));
}

TEST_F(CommitLanesTest, GroupsApartAreNeverOnAllLanes) {
  start(3, kPatient);
  set_apart({"u", "v", "w"});
  for (const char* counter : {"u", "v", "w"}) record_->hold(counter);
  submit({"w"});
  record_->wait_for(2);
  submit({"u"});
  record_->wait_for(3);
  submit({"v", "u"});
  submit_and_wait({"y"});
  list_and_wait();
  submit_and_wait({"y"});
  EXPECT_EQ(record_->groups(),
            (std::vector<Names>{{"u", "v", "w"}, {"w"}, {"u"}, {"y"}, {kListing}, {"y"}}));
  record_->let_go("u");
  record_->wait_for(7);
  EXPECT_EQ(record_->groups().back(), Names{"v"});
}

TEST_F(CommitLanesTest, GroupsApartComeInTheOrderInWhichTheyWaited) {
  start(2, kPatient);
  set_apart({"u", "v", "w"});
  submit_and_hold("u");
  for (const char* counter : {"w", "u", "v", "w"}) submit({counter});
  record_->let_go("u");
  stop();
  EXPECT_EQ(record_->groups(),
            (std::vector<Names>{{"u", "v", "w"}, {"u"}, {"w", "w"}, {"u"}, {"v"}}));
}

TEST_F(CommitLanesTest, ACounterTravelsWithTheOthersAgainWhenItsTimeIsOver) {
  constexpr milliseconds kApart{200};
  start(2, {.patience = std::chrono::hours(1), .apart = kApart});
  const auto before = base::monotonic_now();
  set_apart({"x"});
  const auto are_together = [this] { return record_->groups().back() == Names{"x", "y"}; };
  while (!are_together()) {
    ASSERT_LT(base::monotonic_now() - before, kLimit);
    submit_and_wait({"x", "y"});
  }
  EXPECT_GE(record_->commits().back().began - before, kApart);
}

/// Each answer submits the next call on the same counters, until it is told to end.
struct Endless {
  CommitLanes& lanes;
  std::atomic<bool>& ends;

  void next(const std::string& counter) {
    if (ends) return;
    lanes.submit({call(counter, [this, counter](const Outcome&) { next(counter); })});
  }
};

TEST_F(CommitLanesTest, ACounterWithoutAPauseRejoinsTheOthersToo) {
  start(2, {.patience = std::chrono::hours(1), .apart = milliseconds(50)});
  std::atomic<bool> ends{false};
  Endless endless{*lanes_, ends};
  set_apart({"x"});
  for (const char* counter : {"x", "x", "y", "y"}) endless.next(counter);
  record_->wait_for_one([](const Names& names) {
    return std::set<std::string>(names.begin(), names.end()).size() == 2;
  });
  ends = true;
  stop();
}

TEST_F(CommitLanesTest, WhatComesAtOnceGoesToSeveralLanes) {
  start(4, kPatient);
  set_apart({"u", "v"});
  for (const char* counter : {"u", "v", "y"}) record_->hold(counter);
  submit({"u", "v", "y"});
  record_->wait_for(4);
}

TEST_F(CommitLanesTest, ListingsGoOnWhileCallsWait) {
  start(3, kPatient);
  submit_and_hold("a");
  submit({"b"});
  for (int i = 0; i < 200; ++i) list_and_wait();
  EXPECT_EQ(record_->groups().back(), Names{kListing});
}

TEST_F(CommitLanesTest, ListingsAndCallsTakeTurnsOnTheLastLane) {
  start(2, kPatient);
  set_apart({"x"});
  submit_and_hold("x");
  submit_and_hold("a");
  list();
  list();
  submit({"b", "c"});
  record_->let_go("a");
  record_->wait_for(6);
  EXPECT_EQ(record_->groups(),
            (std::vector<Names>{{"x"}, {"x"}, {"a"}, {kListing}, {"b", "c"}, {kListing}}));
}

TEST_F(CommitLanesTest, OneListingAtATimeWhichNobodyWaitsFor) {
  start(4, kPatient);
  record_->hold(kListing);
  list();
  record_->wait_for(1);
  list();
  submit_and_wait({"a"});
  EXPECT_EQ(record_->groups(), (std::vector<Names>{{kListing}, {"a"}}));
  record_->let_go(kListing);
  record_->wait_for(3);
  EXPECT_EQ(record_->groups().back(), Names{kListing});
}

TEST_F(CommitLanesTest, AnswersNothingBeforeItsCommitHasReturned) {
  start(2, kPatient);
  record_->hold("a");
  std::promise<std::int64_t> ended;
  std::atomic<bool> is_answered{false};
  lanes_->submit({call("a", [&](const Outcome& outcome) {
    is_answered = true;
    ended.set_value(record_->ended() - commit_of(outcome));
  })});
  record_->wait_for(1);
  EXPECT_FALSE(is_answered);
  record_->let_go("a");
  EXPECT_EQ(ended.get_future().get(), 0);
}

TEST_F(CommitLanesTest, TidiesAfterTheAnswersOfEachCommit) {
  start(2, kPatient);
  std::promise<int> tidied_before;
  lanes_->submit(
      {call("a", [&](const Outcome&) { tidied_before.set_value(record_->times_tidied()); })});
  EXPECT_EQ(tidied_before.get_future().get(), 0);
  stop();
  EXPECT_EQ(record_->times_tidied(), 1);
}

TEST_F(CommitLanesTest, CountsTheCommitsOfAllLanes) {
  start(2, kHasty);
  submit_and_hold("a");
  submit_and_wait({"b"});
  EXPECT_EQ(lanes_->commits(), 2u);
}

TEST_F(CommitLanesTest, AnAnswerMaySubmitAndEndsUnderNoLock) {
  start(2, kPatient);
  std::promise<void> second;
  std::promise<void> third;
  // What an answer holds may be the last that holds the store, and so submit or stop.
  const auto at_end = [&](void*) {
    lanes_->submit({call("a", [&](const Outcome&) { third.set_value(); })});
  };
  lanes_->submit({call("a", [&, held = std::shared_ptr<void>(nullptr, at_end)](const Outcome&) {
    lanes_->submit({call("a", [&](const Outcome&) { second.set_value(); })});
    EXPECT_EQ(record_->ended(), 1) << "an answer's op has no commit inside that answer";
  })});
  wait_for(second);
  wait_for(third);
}

TEST_F(CommitLanesTest, AnswersAllThatWaitsWhenItStops) {
  start(3, kPatient);
  set_apart({"x"});
  submit_and_hold("x");
  submit_and_hold("a");
  record_->hold(kListing);
  std::atomic<int> answers{0};
  const auto count = [&](const auto&) { ++answers; };
  lanes_->list({{.limit = 10}, count});
  record_->wait_for(4);
  lanes_->list({{.limit = 10}, count});
  lanes_->submit({call("x", count), call("a", count), call("y", count)});
  std::thread stopper([this] { stop(); });
  record_->let_go("a");
  record_->let_go(kListing);
  record_->let_go("x");
  stopper.join();
  EXPECT_EQ(answers, 5);
}

/// An answer stops it while the groups of other lanes are under way, and submits once more.
TEST_F(CommitLanesTest, CanBeStoppedAndLetGoOfByAnAnswer) {
  start(4, kHasty);
  set_apart({"x"});
  std::promise<void> last;
  std::promise<void> apart;
  record_->hold("x");
  lanes_->submit({call("x", [&](const Outcome&) { apart.set_value(); })});
  record_->wait_for(2);
  submit_and_hold("b");
  std::shared_ptr<CommitLanes>* const held = &lanes_;
  const std::shared_ptr<CommitLanes> lanes = lanes_;
  std::promise<void> stopped;
  lanes->submit({call("a", [held, &last, &stopped](const Outcome&) {
    const std::shared_ptr<CommitLanes> mine = std::exchange(*held, nullptr);
    mine->stop();
    mine->submit({call("a", [&last](const Outcome&) { last.set_value(); })});
    stopped.set_value();
  })});
  wait_for(stopped);
  wait_for(last);
  record_->let_go_of_all();
  wait_for(apart);
}

TEST_F(CommitLanesTest, NothingIsLeftOfItOnceItWasStoppedByAnAnswer) {
  start(3, kHasty);
  submit_and_hold("b");
  std::promise<void> stopped;
  lanes_->submit({call("a", [&](const Outcome&) {
    std::exchange(lanes_, nullptr)->stop();
    stopped.set_value();
  })});
  wait_for(stopped);
  record_->let_go("b");
  const auto began = base::monotonic_now();
  // Each committer holds the record.
  while (record_.use_count() > 1 && base::monotonic_now() - began < kLimit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(record_.use_count(), 1);
}

/// Each chain submits its next op from the answer to the one before.
struct Chain {
  CommitLanes& lanes;
  Record& record;
  std::atomic<int>& left;
  std::atomic<int>& pages;
  unsigned seed;

  void next(int steps) {
    if (steps == 0) {
      --left;
      return;
    }
    // A few counters, so that chains meet on them; now and then one holds up its group.
    seed = seed * 1'103'515'245 + 12'345;
    const std::string counter = "c" + std::to_string((seed >> 16) % 7);
    if (steps % 50 == 0) record.lock_row(counter);
    if (steps % 50 == 25) record.unlock_row(counter);
    if (steps % 9 == 0) lanes.list({{.limit = 1}, [this](const auto&) { ++pages; }});
    lanes.submit({call(counter, [this, steps](const Outcome&) { next(steps - 1); })});
  }
};

TEST_F(CommitLanesTest, KeepsItsPromisesToManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kSteps = 450;
  start(4, {.patience = milliseconds(1), .apart = milliseconds(5)});
  std::atomic<int> left{kThreads};
  std::atomic<int> pages{0};
  std::vector<std::unique_ptr<Chain>> chains;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    chains.push_back(std::make_unique<Chain>(Chain{*lanes_, *record_, left, pages, i}));
    threads.emplace_back([chain = chains.back().get()] { chain->next(kSteps); });
  }
  for (std::thread& thread : threads) thread.join();
  stop();
  EXPECT_EQ(left, 0);
  EXPECT_EQ(pages, kThreads * kSteps / 9);
  std::size_t calls = 0;
  for (const Names& group : record_->groups()) calls += group.size();
  EXPECT_EQ(calls, std::size_t{kThreads} * (kSteps + kSteps / 9));
}

TEST_F(CommitLanesTest, CommitsNothingWhereNothingIsSubmitted) {
  start(2, kPatient);
  submit({});
  stop();
  EXPECT_TRUE(record_->commits().empty());
}

}  // namespace
}  // namespace nextid::store
