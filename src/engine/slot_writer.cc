#include "engine/slot_writer.h"

#include <algorithm>
#include <utility>

#include "base/cat.h"
#include "base/check.h"

namespace nextid::engine {

using base::cat;

contract::Seq SlotWriter::next_seq(WallMicros now) {
  last_seq_ = std::max({last_seq_ + 1, floor_ + 1, now});
  return last_seq_;
}

Reading SlotWriter::read(const contract::CounterState& state, const SlotOp& op,
                         const Definition& known, std::int64_t lowest) const {
  using Kind = Reading::Kind;
  if (op.seq != 0 && state.slot && state.slot->seq == op.seq) return {Kind::kApplied};
  if (state.value < lowest) return {Kind::kSetBack};
  if (state.definition.start != known.start || state.definition.increment != known.increment) {
    return {Kind::kContradiction, {}, "its start or increment has changed, which never happens"};
  }
  if (state.slot) {
    if (state.slot->seq == op.prev) return {Kind::kUnchanged};
    if (auto landed = landed_in(*state.slot)) return {Kind::kOvertaken, landed};
    return {Kind::kContradiction,
            {},
            cat("its slot holds an op that this node never sent, seq ", state.slot->seq)};
  }
  return {op.seq != 0 && state.floor >= op.seq ? Kind::kSlotLost : Kind::kUnchanged};
}

std::optional<GivenUp> SlotWriter::landed_in(const contract::Slot& slot) const {
  const auto it = std::find_if(given_up_.begin(), given_up_.end(),
                               [&](const GivenUp& op) { return op.seq == slot.seq; });
  return it == given_up_.end() ? std::nullopt : std::optional(*it);
}

void SlotWriter::see_floor(contract::Seq floor) noexcept { floor_ = std::max(floor_, floor); }

void SlotWriter::applied(contract::Seq seq, std::int64_t value) {
  NEXTID_CHECK(value >= high_water_);
  prev_ = seq;
  high_water_ = value;
  given_up_.clear();
}

void SlotWriter::gave_back(contract::Seq seq, std::int64_t lowest) {
  prev_ = seq;
  given_up_.clear();
  may_have_gone_back(lowest);
}

/// Given-up ops with higher seqs may still land, though they had the same prev: if this slot is
/// pruned, the floor is below them. The floor keeps out those with lower seqs.
void SlotWriter::landed(const GivenUp& op, std::int64_t value) {
  if (op.kind == GivenUp::Kind::kGiveBack) {
    may_have_gone_back(value);
  } else {
    high_water_ = std::max(high_water_, value);
  }
  prev_ = op.seq;
  std::erase_if(given_up_, [&op](const GivenUp& one) { return one.seq <= op.seq; });
}

void SlotWriter::may_have_gone_back(std::int64_t lowest) {
  NEXTID_CHECK(lowest <= high_water_);
  high_water_ = lowest;
}

void SlotWriter::give_up(const GivenUp& op) { given_up_.push_back(op); }

void SlotWriter::released() noexcept {
  prev_ = 0;
  given_up_.clear();
}

void SlotWriter::verify() const {
  NEXTID_CHECK(prev_ <= last_seq_);
  contract::Seq last = prev_;
  for (const GivenUp& op : given_up_) {
    NEXTID_CHECK(op.seq > last);
    last = op.seq;
  }
  NEXTID_CHECK(last <= last_seq_);
  // A give-back that is given up before the slot is released may be one more.
  NEXTID_CHECK(given_up_.size() <= kMaxGivenUp + 1);
}

}  // namespace nextid::engine
