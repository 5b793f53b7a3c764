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
#include "store/memory_store.h"

namespace nextid::test {
namespace {

using contract::Op;
using contract::Seq;
using contract::WriterId;

constexpr std::uint64_t kSeed = 20261122;

/// A few counters and writers, so that they meet often; ops that mostly follow their slots, and
/// sometimes do not; and copies of any earlier op.
class RandomOps {
 public:
  RandomOps(std::uint64_t seed, TurnedClock clock) : random_(seed), clock_(std::move(clock)) {}

  Op next() {
    const std::uint64_t kind = below(100);
    if (kind < 15 && !sent_.empty()) return sent_[below(sent_.size())];
    sent_.push_back(fresh(kind));
    return sent_.back();
  }

 private:
  Op fresh(std::uint64_t kind) {
    const std::string counter = "c" + std::to_string(below(5));
    const WriterId writer = (below(6) + 1) * 0x2aaa'aaaa'aaaa'aaab;
    if (kind < 25) return contract::Load{counter, writer};
    if (kind < 30) {
      return contract::Define{counter, writer, {1 + below(9), 1 + below(3), kMaxId, 1, "", 1}};
    }
    Seq& last = last_seq_[{counter, writer}];
    const Seq prev = below(10) == 0 ? below(2) * (last - below(3)) : last;
    const Seq seq = below(10) == 0 ? last : std::max(last + 1, clock_.now_us() - below(100));
    last = seq;
    if (kind < 40) return contract::Release{counter, writer, seq, prev};
    contract::Reserve op{counter, writer, seq, prev, 1, 1 + below(20), 0};
    op.revision = below(20) == 0 ? 2 : 1;
    op.limit = below(10) == 0 ? static_cast<std::int64_t>(below(20'000))
                              : std::numeric_limits<std::int64_t>::max();
    return op;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  std::mt19937_64 random_;
  const TurnedClock clock_;
  std::map<std::pair<std::string, WriterId>, Seq> last_seq_;
  std::vector<Op> sent_;
};

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
    const std::string expected = describe(run(model, op));
    ASSERT_EQ(describe(run(*store, op)), expected) << "step " << step << ": " << describe(op);
    ++outcomes[expected.substr(0, expected.find(' '))];
  }
  for (const char* kind : {"Committed", "Refused", "Found", "Missing"}) {
    EXPECT_GT(outcomes[kind], 0) << "the steps never led to " << kind;
  }
  if (GetParam().drop) GetParam().drop(directory);
}

}  // namespace
}  // namespace nextid::test
