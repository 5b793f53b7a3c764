// Several engines on one memory store under random faults: requests and answers lost, late second
// deliveries, crashes, clean restarts, cancels, deadlines, clock jumps. Checks I1, I3, I5, I6, I7.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "store/memory_store.h"

namespace nextid::engine {
namespace {

using std::chrono::milliseconds;

struct Faults {
  bool crashes = false;
  bool long_pauses = false;  // Long enough for slots to be pruned.
};

class World {
 public:
  World(std::uint64_t seed, Faults faults)
      : random_(seed), faults_(faults), store_([this] { return wall_us_; }) {
    for (std::size_t i = 0; i < 3; ++i) nodes_.push_back(new_engine());
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) step(true);
    heal();
  }

  std::uint64_t returned() const { return returned_; }

 private:
  struct Message {
    std::size_t node = 0;
    Engine* engine = nullptr;  // Gone if it is no longer nodes_[node].
    Attempt attempt;
  };

  std::unique_ptr<Engine> new_engine() {
    return std::make_unique<Engine>("c", ++last_writer_, Limits{.max_reservation = 40}, random_());
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void step(bool faulty) {
    now_ += milliseconds(below(4));
    wall_us_ += below(4'000);
    const std::size_t node = below(nodes_.size());
    const std::uint64_t dice = below(100);
    if (dice < 40) {
      request(node);
    } else if (dice < 80) {
      deliver(faulty);
    } else if (dice < 84) {
      replay_a_late_copy();
    } else if (faulty && dice < 86 && !tickets_.empty()) {
      cancel_one();
    } else if (faulty && dice < 87) {
      restart(node);
    } else if (faulty && faults_.long_pauses && dice == 88) {
      wall_us_ += 700'000'000;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) tick(i);
  }

  contract::Outcome apply(const contract::Op& op) {
    contract::Outcome result;
    std::vector<contract::Call> calls;
    calls.push_back({op, [&result](contract::Outcome outcome) { result = std::move(outcome); }});
    store_.submit(std::move(calls));
    return result;
  }

  void request(std::size_t node) {
    const auto timeout = milliseconds(below(8) == 0 ? below(20) : 100'000);
    const std::uint64_t ticket = nodes_[node]->request(nullptr, 0, 1 + below(6), now_ + timeout);
    tickets_[{nodes_[node].get(), ticket}] = highest_answered_;
  }

  void cancel_one() {
    const auto it =
        std::next(tickets_.begin(), static_cast<std::ptrdiff_t>(below(tickets_.size())));
    EXPECT_TRUE(it->first.first->cancel(it->first.second));
    tickets_.erase(it);
  }

  void tick(std::size_t node) {
    Engine& engine = *nodes_[node];
    engine.tick(now_, wall_us_);
    Effects effects = std::exchange(engine.effects(), {});
    for (const Grant& grant : effects.grants) check_grant(engine, grant);
    for (const Refusal& refusal : effects.refusals) {
      EXPECT_NE(refusal.error.code(), ErrorCode::kCorrupt) << refusal.error.what();
      EXPECT_NE(refusal.error.code(), ErrorCode::kExhausted) << refusal.error.what();
      tickets_.erase({&engine, refusal.ticket.number});
    }
    if (effects.attempt) messages_.push_back(Message{node, &engine, *std::move(effects.attempt)});
  }

  void check_grant(Engine& engine, const Grant& grant) {
    const IdRange& range = grant.range;
    const auto ticket = tickets_.find({&engine, grant.ticket.number});
    ASSERT_NE(ticket, tickets_.end()) << "I1: an answer to nobody";
    EXPECT_GT(range.start(), ticket->second) << "I3: below an id answered before the request";
    tickets_.erase(ticket);
    const auto after = returned_ranges_.lower_bound(range.start());
    EXPECT_TRUE(after == returned_ranges_.end() || after->first > range.end()) << "I1";
    EXPECT_TRUE(after == returned_ranges_.begin() || std::prev(after)->second < range.start())
        << "I1";
    returned_ranges_[range.start()] = range.end();
    highest_answered_ = std::max(highest_answered_, range.end());
    returned_ += range.count();
  }

  void deliver(bool faulty) {
    if (messages_.empty()) return;
    const auto it = messages_.begin() + static_cast<std::ptrdiff_t>(below(messages_.size()));
    const Message message = std::move(*it);
    messages_.erase(it);
    const std::uint64_t fate = faulty ? below(10) : 9;
    if (below(4) == 0) late_copies_.push_back(message.attempt.op);
    if (fate == 0) return answer(message, contract::InDoubt{"the request was lost"});
    if (fate == 1) return answer(message, contract::NotApplied{"throttled"});
    const contract::Outcome outcome = apply(message.attempt.op);
    if (fate == 2) return answer(message, contract::InDoubt{"the answer was lost"});
    answer(message, outcome);
  }

  void replay_a_late_copy() {
    if (late_copies_.empty()) return;
    const auto it = late_copies_.begin() + static_cast<std::ptrdiff_t>(below(late_copies_.size()));
    apply(*it);
    late_copies_.erase(it);
  }

  void answer(const Message& message, const contract::Outcome& outcome) {
    if (nodes_[message.node].get() == message.engine) {
      message.engine->outcome(message.attempt.number, outcome);
    }
  }

  /// A crash forgets everything; a clean restart closes the engine first.
  void restart(std::size_t node) {
    if (!(faults_.crashes && below(2) == 0)) close(node);
    std::erase_if(tickets_,
                  [&](const auto& each) { return each.first.first == nodes_[node].get(); });
    accounting_ += nodes_[node]->accounting();
    graveyard_.push_back(std::exchange(nodes_[node], new_engine()));
  }

  void close(std::size_t node) {
    nodes_[node]->close(now_ + std::chrono::hours(1));
    tick(node);
    for (int i = 0; i < 10'000 && !nodes_[node]->closed(); ++i) {
      now_ += milliseconds(1);
      deliver(true);
      tick(node);
    }
    EXPECT_TRUE(nodes_[node]->closed());
  }

  /// No faults from now on: every request must end, and every id is accounted for.
  void heal() {
    for (int i = 0; i < 2'000; ++i) {
      now_ += milliseconds(1);
      deliver(false);
      for (std::size_t node = 0; node < nodes_.size(); ++node) tick(node);
    }
    EXPECT_TRUE(tickets_.empty()) << tickets_.size() << " requests never ended";
    for (std::size_t node = 0; node < nodes_.size(); ++node) restart_cleanly(node);
    while (!late_copies_.empty()) replay_a_late_copy();

    const auto found = std::get<contract::Found>(apply(contract::Load{"c", 999'999}));
    const auto value = static_cast<std::uint64_t>(found.state.value);
    EXPECT_EQ(accounting_.returned, returned_);
    EXPECT_GE(value, highest_answered_) << "I7";
    const std::uint64_t accounted = accounting_.returned + accounting_.burned_total();
    if (faults_.crashes || faults_.long_pauses) {
      EXPECT_GE(value, accounted) << "I5";
    } else {
      EXPECT_EQ(value, accounted) << "I5";
    }
  }

  void restart_cleanly(std::size_t node) {
    close(node);
    accounting_ += nodes_[node]->accounting();
    graveyard_.push_back(std::exchange(nodes_[node], new_engine()));
  }

  std::mt19937_64 random_;
  const Faults faults_;
  WallMicros wall_us_ = 1'000'000'000;
  MonotonicTime now_{std::chrono::hours(1)};
  store::MemoryStore store_;
  contract::WriterId last_writer_ = 0;
  std::vector<std::unique_ptr<Engine>> nodes_;
  std::vector<std::unique_ptr<Engine>> graveyard_;  // Keeps addresses from being used again.
  std::vector<Message> messages_;
  std::vector<contract::Op> late_copies_;
  /// Who waits, and the highest id that was answered before it asked.
  std::map<std::pair<Engine*, std::uint64_t>, std::uint64_t> tickets_;
  std::map<std::uint64_t, std::uint64_t> returned_ranges_;
  std::uint64_t highest_answered_ = 0;
  std::uint64_t returned_ = 0;
  Accounting accounting_;
};

class EngineWorldTest : public ::testing::TestWithParam<Faults> {};

TEST_P(EngineWorldTest, KeepsItsInvariantsUnderFaults) {
  const std::uint64_t seeds = std::getenv("NEXTID_TEST_LONG") != nullptr ? 1'500 : 150;
  std::uint64_t returned = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, GetParam());
    world.run(1'500);
    returned += world.returned();
    if (HasFailure()) return;
  }
  EXPECT_GT(returned, 100'000U) << "the worlds did too little to show anything";
}

INSTANTIATE_TEST_SUITE_P(Worlds, EngineWorldTest,
                         ::testing::Values(Faults{}, Faults{.crashes = true},
                                           Faults{.crashes = true, .long_pauses = true}),
                         [](const auto& world) {
                           return std::string(world.param.crashes ? "Crashes" : "NoCrashes") +
                                  (world.param.long_pauses ? "AndPauses" : "");
                         });

}  // namespace
}  // namespace nextid::engine
