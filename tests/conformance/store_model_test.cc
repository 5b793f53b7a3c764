// Thousands of random steps against the memory store as the model: any two outcomes must be the
// same.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_fixture.h"
#include "store/memory/store.h"

namespace nextid::test {
namespace {

using contract::IdempotencyRecord;
using contract::Op;
using contract::Outcome;
using contract::Seq;
using contract::WriterId;

constexpr std::uint64_t kSeed = 20261122;

/// What the steps so far showed of a counter.
struct Seen {
  std::int64_t value = 0;
  Definition definition;
};

std::string counter_of(const Op& op) {
  return std::visit(
      [](const auto& each) -> std::string {
        if constexpr (requires { each.counter; }) return each.counter;
        return {};
      },
      op);
}

/// A few counters, writers and keys, so that they meet often; ops that mostly follow what the
/// outcomes show, and sometimes do not; and copies of any earlier op.
class RandomOps {
 public:
  RandomOps(std::uint64_t seed, TurnedClock clock) : random_(seed), clock_(std::move(clock)) {}

  Op next() {
    const std::uint64_t kind = below(100);
    if (kind < 15 && !sent_.empty()) return sent_[below(sent_.size())];
    sent_.push_back(fresh(kind));
    return sent_.back();
  }

  void learn(const Op& op, const Outcome& outcome) {
    if (std::holds_alternative<contract::TryWrite>(op)) return;
    Seen& seen = seen_[counter_of(op)];
    if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
      const auto* advance = std::get_if<contract::Advance>(&op);
      seen.value = advance != nullptr ? advance->to : committed->end;
    } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
      seen = {refused->state.value, refused->state.definition};
    } else if (const auto* found = std::get_if<contract::Found>(&outcome)) {
      seen = {found->state.value, found->state.definition};
    }
  }

 private:
  Op fresh(std::uint64_t kind) {
    const std::string counter = "c" + std::to_string(below(5));
    const WriterId writer = (below(6) + 1) * 0x2aaa'aaaa'aaaa'aaab;
    if (kind < 22) return contract::Load{counter, writer};
    if (kind < 26) {
      return contract::Define{counter, writer, {1 + below(9), 1 + below(3), kMaxId, 1, "", 1}};
    }
    if (kind < 32) {
      contract::Redefine op{counter, writer, next_definition(seen_[counter]), below(4) == 0};
      if (below(3) == 0) {
        const std::int64_t from = seen_[counter].value + (below(4) == 0 ? 1 : 0);
        op.raise = {from, from + signed_below(12)};
      }
      return op;
    }
    if (kind < 36) return contract::Recall{counter, key(), scope()};
    if (kind < 41) return contract::Remember{counter, key(), record(), scope()};
    if (kind < 42) return contract::TryWrite{};
    return with_seq(kind, counter, writer);
  }

  Op with_seq(std::uint64_t kind, const std::string& counter, WriterId writer) {
    Seq& last = last_seq_[{counter, writer}];
    const Seq prev = below(10) == 0 ? below(2) * (last - below(3)) : last;
    const Seq seq = below(10) == 0 ? last : std::max(last + 1, clock_.now_us() - below(100));
    last = seq;
    if (kind < 50) return contract::Release{counter, writer, seq, prev};
    const Seen& seen = seen_[counter];
    const auto around = [&](std::uint64_t bound) { return seen.value + signed_below(bound); };
    if (kind < 62) {
      const std::int64_t end = below(5) == 0 ? around(3) - 1 : seen.value;
      return contract::GiveBack{counter, writer, seq, prev, end, end - signed_below(12)};
    }
    const std::uint64_t revision = below(20) == 0 ? 1 + below(9) : seen.definition.revision;
    if (kind < 68) return contract::Advance{counter, writer, seq, prev, revision, around(30) - 5};
    const std::int64_t limit =
        below(10) == 0 ? around(40) - 20 : std::numeric_limits<std::int64_t>::max();
    return contract::Reserve{counter, writer, seq, prev, revision, 1 + below(20), limit};
  }

  Definition next_definition(const Seen& seen) {
    Definition definition = seen.definition;
    definition.max = below(2) == 0 ? kMaxId
                                   : static_cast<std::uint64_t>(std::max<std::int64_t>(
                                         1, seen.value + signed_below(5) - 2));
    definition.cache = 1 + below(3);
    definition.comment = std::string(below(3), 'x');
    definition.revision += below(8) == 0 ? below(3) : 1;
    if (below(20) == 0) definition.start += 1;
    if (below(20) == 0) definition.increment += 1;
    return definition;
  }

  std::string key() { return "key " + std::to_string(below(4)); }
  std::string scope() { return below(3) == 0 ? "c" + std::to_string(below(2)) : ""; }

  IdempotencyRecord record() {
    const std::int64_t now_s = contract::whole_seconds(clock_.now_us());
    const std::int64_t expires_s = now_s + signed_below(2) * signed_below(1500);
    return {IdRange(1 + below(100), 1 + below(10), 1 + below(3)), expires_s, random_()};
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::int64_t signed_below(std::uint64_t bound) { return static_cast<std::int64_t>(below(bound)); }

  std::mt19937_64 random_;
  const TurnedClock clock_;
  std::map<std::string, Seen> seen_;
  std::map<std::pair<std::string, WriterId>, Seq> last_seq_;
  std::vector<Op> sent_;
};

/// "Reserve Committed" and the like.
std::string kind_of(const Op& op, const std::string& outcome) {
  const std::string name = describe(op);
  return name.substr(0, name.find(' ')) + " " + outcome.substr(0, outcome.find(' '));
}

std::string names_of(contract::StoreDriver& store, bool deleted) {
  std::string names;
  const auto page = list(store, {.limit = 10, .deleted = deleted});
  EXPECT_TRUE(page);
  if (!page) return names;
  for (const CounterInfo& counter : page->counters) {
    EXPECT_EQ(counter.deleted, deleted);
    names += counter.name + " ";
  }
  return names;
}

void expect_same_lists(contract::StoreDriver& model, contract::StoreDriver& store) {
  for (const bool deleted : {false, true}) {
    EXPECT_EQ(names_of(store, deleted), names_of(model, deleted));
  }
}

class StoreModel : public testing::TestWithParam<StoreRow> {};

INSTANTIATE_TEST_SUITE_P(Stores, StoreModel, testing::ValuesIn(store_rows()), row_name);

TEST_P(StoreModel, AnswersAsTheModelDoes) {
  const char* chosen = std::getenv("NEXTID_TEST_SEED");
  const std::uint64_t seed = chosen == nullptr ? kSeed : std::strtoull(chosen, nullptr, 10);
  std::printf("NEXTID_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const TempDir directory;
  TurnedClock clock;
  store::MemoryStore model(clock.reader());
  const auto store = GetParam().open(directory, clock);
  RandomOps ops(seed, clock);
  std::mt19937_64 time(seed + 1);
  std::map<std::string, int> outcomes;
  for (int step = 0; step < GetParam().model_steps; ++step) {
    clock.advance(std::chrono::microseconds(time() % 1000));
    if (time() % 100 == 0) clock.advance(contract::kSlotIdleLimit);
    const Op op = ops.next();
    const Outcome modelled = run(model, op);
    ops.learn(op, modelled);
    const std::string expected = describe(modelled);
    ASSERT_EQ(describe(run(*store, op)), expected) << "step " << step << ": " << describe(op);
    ++outcomes[kind_of(op, expected)];
    if (step % 50 == 0) expect_same_lists(model, *store);
  }
  for (const char* kind :
       {"Load Found", "Load Missing", "Define Found", "Redefine Found", "Redefine Refused",
        "Delete Found", "Delete Refused", "Reserve Committed", "Reserve Refused",
        "GiveBack Committed", "GiveBack Refused", "GiveBack NotApplied", "Advance Committed",
        "Advance Refused", "Release Committed", "Release Refused", "Recall Remembered",
        "Remember Remembered"}) {
    EXPECT_GT(outcomes[kind], 0) << "the steps never led to " << kind;
  }
  if (GetParam().drop) GetParam().drop(directory);
}

}  // namespace
}  // namespace nextid::test
