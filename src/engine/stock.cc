#include "engine/stock.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/canary.h"
#include "base/check.h"

namespace nextid::engine {

std::uint64_t Stock::behind() const noexcept {
  std::uint64_t sum = 0;
  for (const Block& block : blocks_) sum += block.count;
  return sum;
}

std::uint64_t Stock::left() const noexcept { return lane_.left() + behind(); }

std::uint64_t Stock::passed_through() const noexcept {
  return handed_out_ + opened_.count + behind();
}

std::uint64_t Stock::left_up_to(std::int64_t end) const noexcept {
  if (!blocks_.empty()) return blocks_.back().end == end ? blocks_.back().count : 0;
  return opened_.end == end ? lane_.left() : 0;
}

std::int64_t Stock::kept_before(std::int64_t end) const noexcept {
  if (!blocks_.empty()) return blocks_.back().end == end ? blocks_.back().kept_before : end;
  if (opened_.empty() || opened_.end != end) return end;
  Block left = opened_;
  left.drop_front(lane_.taken(), increment_);
  return left.empty() ? end : left.kept_before;
}

void Stock::append(const Block& block) {
  if (block.empty()) return;
  Block whole = block;
  merge_last_into(whole);
  blocks_.push_back(whole);
  if (lane_.left() == 0) open_first();
}

std::optional<std::uint64_t> Stock::take(std::uint64_t count, std::uint64_t& burned) {
  if (const std::uint64_t first = lane_.take_run(count)) return first;
  const auto fits = std::find_if(blocks_.begin(), blocks_.end(),
                                 [count](const Block& block) { return block.count >= count; });
  if (fits == blocks_.end()) return std::nullopt;
  burned += close_lane().count;
  for (auto it = blocks_.begin(); it != fits; ++it) burned += it->count;
  blocks_.erase(blocks_.begin(), fits);
  open_first();
  // Another thread may have taken ids in between.
  const std::uint64_t first = lane_.take_run(count);
  return first == 0 ? std::nullopt : std::optional(first);
}

void Stock::withhold() {
  const Block left = close_lane();
  if (!left.empty()) blocks_.insert(blocks_.begin(), left);
}

void Stock::merge_last_into(Block& block) {
  if (base::canary(base::Canary::kMergesAnyBlocks)) {
    block.before = blocks_.empty() ? opened_.end : blocks_.back().end;
  }
  Block last;
  if (!blocks_.empty()) {
    if (blocks_.back().end != block.before) return;
    last = blocks_.back();
    blocks_.pop_back();
  } else {
    if (lane_.left() == 0 || opened_.end != block.before) return;
    last = close_lane();
  }
  if (last.empty()) return;
  block.first = last.first;
  block.before = last.before;
  block.kept_before = last.kept_before;
  block.count += last.count;
}

std::uint64_t Stock::drop_up_to(std::int64_t value) {
  std::vector<Block> blocks;
  blocks.push_back(close_lane());
  blocks.insert(blocks.end(), blocks_.begin(), blocks_.end());
  blocks_.clear();
  std::uint64_t dropped = 0;
  for (Block& block : blocks) {
    if (!block.empty() && static_cast<std::int64_t>(block.first) <= value) {
      const auto above_first = static_cast<std::uint64_t>(value) - block.first;
      dropped += block.drop_front(above_first / increment_ + 1, increment_);
    }
    if (!block.empty()) blocks_.push_back(block);
  }
  open_first();
  return dropped;
}

std::uint64_t Stock::drop_all() {
  const std::uint64_t dropped = close_lane().count + behind();
  blocks_.clear();
  return dropped;
}

/// Closes the lane, and returns what was left of its block.
Block Stock::close_lane() {
  Block left = std::exchange(opened_, Block{});
  handed_out_ += left.drop_front(lane_.close(), increment_);
  return left;
}

/// Moves the first block into the lane, whose own block is used up.
void Stock::open_first() {
  if (blocks_.empty()) return;
  close_lane();
  Block& block = blocks_.front();
  opened_ = block;
  if (block.count > Lane::kMaxIds) {
    opened_.count = Lane::kMaxIds;
    opened_.end = static_cast<std::int64_t>(block.first + (Lane::kMaxIds - 1) * increment_);
    block.drop_front(Lane::kMaxIds, increment_);
  } else {
    blocks_.erase(blocks_.begin());
  }
  // At the mark, low_mark_ ids are left in all.
  const std::uint64_t low = low_mark_ - std::min(low_mark_, behind());
  const bool has_mark = low_mark_ >= behind() && opened_.count > low;
  lane_.open(opened_.first, opened_.count, increment_,
             has_mark ? opened_.count - low : opened_.count);
}

void Stock::verify() const {
  NEXTID_CHECK(lane_.taken() <= opened_.count);
  NEXTID_CHECK(!opened_.empty() || lane_.left() == 0);
  std::int64_t end = opened_.end;
  for (const Block& block : blocks_) {
    NEXTID_CHECK(!block.empty());
    NEXTID_CHECK(block.kept_before <= block.before);
    NEXTID_CHECK(block.before < static_cast<std::int64_t>(block.first));
    NEXTID_CHECK(block.end >=
                 static_cast<std::int64_t>(block.first + (block.count - 1) * increment_));
    NEXTID_CHECK(opened_.empty() || static_cast<std::int64_t>(block.first) > end);
    end = block.end;
  }
}

}  // namespace nextid::engine
