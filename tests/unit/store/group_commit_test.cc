// Who commits what, and when its answers come.
#include "store/common/group_commit.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::store {
namespace {

using contract::Call;
using contract::Committed;
using contract::Load;
using contract::Outcome;

constexpr std::chrono::seconds kLimit{20};

/// What became of the groups so far, and whether the next commit may return. Outlives the
/// committer.
class Record {
 public:
  struct Commit {
    std::thread::id thread;
    std::size_t calls = 0;
    std::size_t listings = 0;
  };

  /// Commits wait from now on.
  void hold() { set_held(true); }
  void let_go() { set_held(false); }

  Answers commit(const Group& group) {
    std::unique_lock lock(mutex_);
    EXPECT_FALSE(std::exchange(committing_, true)) << "two commits at a time";
    commits_.push_back({std::this_thread::get_id(), group.calls.size(), group.listings.size()});
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, kLimit, [this] { return !held_; }));
    committing_ = false;
    ++ended_;
    Answers answers;
    answers.outcomes.assign(group.calls.size(), Committed{ended_});
    answers.pages.assign(group.listings.size(), CounterPage());
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
  /// Waits until as many have begun.
  void wait_for(std::size_t commits) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kLimit, [&] { return commits_.size() >= commits; }));
  }

 private:
  void set_held(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool committing_ = false;
  std::int64_t ended_ = 0;
  std::atomic<int> tidied_{0};
  std::vector<Commit> commits_;
};

class RecordingCommitter final : public Committer {
 public:
  explicit RecordingCommitter(std::shared_ptr<Record> record) : record_(std::move(record)) {}

  Answers commit(const Group& group) noexcept override { return record_->commit(group); }
  void tidy() noexcept override { record_->tidied(); }
  std::uint64_t commits() const noexcept override {
    return static_cast<std::uint64_t>(record_->ended());
  }

 private:
  const std::shared_ptr<Record> record_;
};

Call call(std::function<void(Outcome)> done) { return {Load{"c", 1}, std::move(done)}; }
/// One that nobody waits for.
Call aside(std::function<void(Outcome)> done) { return {Load{"c", 1}, std::move(done), false}; }
void ignore(const Outcome&) {}

/// The number of the commit that an outcome comes from.
std::int64_t commit_of(const Outcome& outcome) { return std::get<Committed>(outcome).end; }

class GroupCommitTest : public testing::Test {
 protected:
  ~GroupCommitTest() override {
    record_->let_go();
    if (commits_) commits_->stop();
  }

  void submit(std::size_t count) {
    std::vector<Call> calls;
    for (std::size_t i = 0; i < count; ++i) calls.push_back(call(&ignore));
    commits_->submit(std::move(calls));
  }
  /// Submits from another thread, whose commit waits for let_go() where it leads.
  std::thread submit_aside(std::size_t count) {
    std::thread thread([this, count] { submit(count); });
    return thread;
  }
  void stop() { std::exchange(commits_, nullptr)->stop(); }

  const std::shared_ptr<Record> record_ = std::make_shared<Record>();
  std::shared_ptr<GroupCommit> commits_ =
      GroupCommit::start(std::make_unique<RecordingCommitter>(record_));
};

TEST_F(GroupCommitTest, CommitsInTheCallingThreadAndAnswersBeforeSubmitReturns) {
  bool answered = false;
  commits_->submit({call([&](const Outcome&) {
    answered = true;
    EXPECT_EQ(record_->ended(), 1);
  })});
  EXPECT_TRUE(answered);
  EXPECT_EQ(record_->commits().front().thread, std::this_thread::get_id());
}

TEST_F(GroupCommitTest, LeadsOnceAndLeavesToTheThreadWhatCameMeanwhile) {
  record_->hold();
  std::thread leader = submit_aside(1);
  const auto leader_id = leader.get_id();
  record_->wait_for(1);
  submit(2);
  submit(3);
  record_->let_go();
  leader.join();
  stop();
  const auto commits = record_->commits();
  ASSERT_EQ(commits.size(), 2u);
  EXPECT_EQ(commits[0].thread, leader_id);
  EXPECT_EQ(commits[1].calls, 5u);
  EXPECT_NE(commits[1].thread, leader_id) << "nobody leads twice in a row";
  EXPECT_NE(commits[1].thread, std::this_thread::get_id()) << "who waits for a commit leads none";
}

TEST_F(GroupCommitTest, LeavesToTheThreadWhatItsOwnAnswersSubmit) {
  std::promise<std::thread::id> second;
  commits_->submit({call([&](const Outcome&) {
    commits_->submit({call([&](const Outcome&) { second.set_value(std::this_thread::get_id()); })});
    EXPECT_EQ(record_->ended(), 1) << "an answer's op has no commit inside that answer";
  })});
  EXPECT_NE(second.get_future().get(), std::this_thread::get_id());
}

TEST_F(GroupCommitTest, LeadsAgainOnceTheThreadHasNothingLeft) {
  commits_->submit({call([&](const Outcome&) { submit(1); })});
  record_->wait_for(2);
  while (record_->times_tidied() < 2) std::this_thread::yield();
  // The thread lets go of the lead a moment after it has tidied.
  for (std::size_t i = 3; record_->commits().back().thread != std::this_thread::get_id(); ++i) {
    ASSERT_LT(i, 1'000'000u);
    submit(1);
    record_->wait_for(i);
  }
}

TEST_F(GroupCommitTest, LeavesToTheThreadWhatNobodyWaitsFor) {
  record_->hold();
  commits_->submit({aside(&ignore)});
  record_->wait_for(1);
  EXPECT_EQ(record_->ended(), 0) << "submit() returned, with no commit done";
  commits_->submit({aside(&ignore), aside(&ignore)});
  record_->let_go();
  stop();
  const auto commits = record_->commits();
  ASSERT_EQ(commits.size(), 2u);
  EXPECT_NE(commits[0].thread, std::this_thread::get_id());
  EXPECT_EQ(commits[1].calls, 2u);
}

TEST_F(GroupCommitTest, ACallerLeadsItselfAfterAnAside) {
  record_->hold();
  commits_->submit({aside(&ignore)});
  record_->wait_for(1);
  std::thread caller = submit_aside(1);
  const auto caller_id = caller.get_id();
  commits_->submit({aside(&ignore)});
  record_->let_go();
  caller.join();
  stop();
  const auto commits = record_->commits();
  ASSERT_GE(commits.size(), 2u);
  std::size_t calls = 0;
  bool caller_led = false;
  for (const auto& commit : commits) {
    calls += commit.calls;
    caller_led = caller_led || commit.thread == caller_id;
  }
  EXPECT_EQ(calls, 3u);
  EXPECT_TRUE(caller_led) << "an aside makes no caller's calls the thread's";
  EXPECT_NE(commits[0].thread, caller_id);
}

TEST_F(GroupCommitTest, ACallThatIsWaitedForTakesTheOthersWithIt) {
  commits_->submit({aside(&ignore), call(&ignore)});
  EXPECT_EQ(record_->commits().front().thread, std::this_thread::get_id());
  EXPECT_EQ(record_->commits().front().calls, 2u);
}

TEST_F(GroupCommitTest, AnAnswerOfAnAsideMaySubmitWhatIsWaitedForAlsoWhileItStops) {
  record_->hold();
  std::promise<std::int64_t> second;
  commits_->submit({aside([&, commits = commits_](const Outcome&) {
    commits->submit({call([&](const Outcome& outcome) { second.set_value(commit_of(outcome)); })});
  })});
  record_->wait_for(1);
  std::thread stopper([this] { stop(); });
  record_->let_go();
  EXPECT_EQ(second.get_future().get(), 2);
  stopper.join();
}

TEST_F(GroupCommitTest, AListingIsTheThreads) {
  record_->hold();
  std::promise<bool> page;
  commits_->list(
      {{.limit = 10}, [&](const Result<CounterPage>& got) { page.set_value(bool(got)); }});
  record_->wait_for(1);
  EXPECT_NE(record_->commits().front().thread, std::this_thread::get_id());
  record_->let_go();
  EXPECT_TRUE(page.get_future().get());
}

TEST_F(GroupCommitTest, AnswersNothingBeforeItsCommitHasReturned) {
  record_->hold();
  std::atomic<bool> answered{false};
  std::thread submitter(
      [&] { commits_->submit({call([&](const Outcome&) { answered = true; })}); });
  record_->wait_for(1);
  EXPECT_FALSE(answered);
  record_->let_go();
  submitter.join();
  stop();
  EXPECT_TRUE(answered);
}

TEST_F(GroupCommitTest, ListingsAndCallsTakeTurns) {
  record_->hold();
  std::thread leader = submit_aside(1);
  record_->wait_for(1);
  std::atomic<int> pages{0};
  const auto list = [&] {
    commits_->list(
        {{.limit = 10}, [&](const Result<CounterPage>& page) { pages += page ? 1 : 100; }});
  };
  list();
  list();
  submit(2);
  record_->let_go();
  leader.join();
  stop();
  EXPECT_EQ(pages, 2);
  const auto commits = record_->commits();
  ASSERT_EQ(commits.size(), 4u);
  for (const std::size_t i : {1u, 3u}) {
    EXPECT_EQ(commits[i].listings, 1u) << "no call waits for two";
    EXPECT_EQ(commits[i].calls, 0u);
  }
  EXPECT_EQ(commits[2].calls, 2u);
}

TEST_F(GroupCommitTest, CommitsNothingWhereNothingIsSubmitted) {
  submit(0);
  stop();
  EXPECT_TRUE(record_->commits().empty());
}

TEST_F(GroupCommitTest, TidiesAfterTheAnswersOfEachCommit) {
  std::promise<int> tidied_before;
  commits_->submit(
      {call([&](const Outcome&) { tidied_before.set_value(record_->times_tidied()); })});
  EXPECT_EQ(tidied_before.get_future().get(), 0);
  stop();
  EXPECT_EQ(record_->times_tidied(), 1);
}

TEST_F(GroupCommitTest, AnswersAllThatWaitsWhenItStops) {
  record_->hold();
  std::atomic<int> answers{0};
  const auto count = [&](const Outcome&) { ++answers; };
  std::thread leader([&] { commits_->submit({call(count)}); });
  record_->wait_for(1);
  commits_->submit({call(count), call(count)});
  record_->let_go();
  leader.join();
  stop();
  EXPECT_EQ(answers, 3);
}

TEST_F(GroupCommitTest, CanBeStoppedAndLetGoOfByAnAnswer) {
  std::promise<std::int64_t> last;
  const auto submit_last = [&last](const std::shared_ptr<GroupCommit>& commits) {
    commits->submit(
        {call([&last](const Outcome& outcome) { last.set_value(commit_of(outcome)); })});
  };
  std::shared_ptr<GroupCommit>* const held = &commits_;
  const std::shared_ptr<GroupCommit> commits = commits_;
  commits->submit({call([held, submit_last](const Outcome&) {
    const std::shared_ptr<GroupCommit> mine = std::exchange(*held, nullptr);
    mine->stop();
    submit_last(mine);
  })});
  EXPECT_EQ(last.get_future().get(), 2) << "what an answer submits is still committed";
}

/// Each chain submits its next op from the answer to the one before.
struct Chain {
  GroupCommit& commits;
  const Record& record;
  std::atomic<int>& left;
  std::int64_t before = 0;

  void next(int steps) {
    if (steps == 0) {
      --left;
      return;
    }
    const bool is_waited_for = steps % 3 != 0;
    commits.submit({{Load{"c", 1},
                     [this, steps](const Outcome& outcome) {
                       EXPECT_GT(commit_of(outcome), before) << "the same commit twice";
                       EXPECT_LE(commit_of(outcome), record.ended())
                           << "before its commit has ended";
                       before = commit_of(outcome);
                       if (steps % 7 == 0) commits.list({{.limit = 1}, [](const auto&) {}});
                       next(steps - 1);
                     },
                     is_waited_for}});
  }
};

TEST_F(GroupCommitTest, KeepsItsPromisesToManyThreads) {
  constexpr int kThreads = 6;
  constexpr int kSteps = 400;
  std::atomic<int> left{kThreads};
  std::vector<std::unique_ptr<Chain>> chains;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    chains.push_back(std::make_unique<Chain>(Chain{*commits_, *record_, left}));
    threads.emplace_back([chain = chains.back().get()] { chain->next(kSteps); });
  }
  for (std::thread& thread : threads) thread.join();
  stop();
  EXPECT_EQ(left, 0);
  std::size_t calls = 0;
  for (const auto& commit : record_->commits()) calls += commit.calls;
  EXPECT_EQ(calls, std::size_t{kThreads} * kSteps);
}

}  // namespace
}  // namespace nextid::store
