#include "engine/reservoir.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"
#include "base/check.h"

namespace nextid::engine {

using base::Canary;
using base::canary;

// --- How much to hold

void Reservoir::op_starts(base::MonotonicTime now, std::uint64_t demand, std::uint64_t cache) {
  if (cache <= 1) return;
  bound_ = held() == 0 ? cache - 1 : std::max(bound_, cache - 1);
  asked_of_ops_ += demand;
  refill_.op_starts(now, asked_of_ops_ + stock_.handed_out());
  stock_.set_low_mark(target(cache) / 2);
}

std::uint64_t Reservoir::target(std::uint64_t cache) const noexcept {
  return std::min(refill_.target(), cache - 1);
}

bool Reservoir::wants_refill(std::uint64_t cache) const noexcept {
  if (cache <= 1 || refill_paused_) return false;
  return target(cache) > 0 && held() <= target(cache) / 2;
}

std::uint64_t Reservoir::lacking(std::uint64_t cache) const noexcept {
  if (cache <= 1 || refill_paused_) return 0;
  const std::uint64_t held = canary(Canary::kStocksTooMuch) ? 0 : this->held();
  return std::min(target(cache) - std::min(target(cache), held), Lane::kMaxIds);
}

// --- The stock

std::uint64_t Reservoir::make_way_for(Block& fresh) {
  if (stock_.empty()) return 0;
  stock_.merge_last_into(fresh);
  return stock_.drop_all();
}

std::uint64_t Reservoir::trim(Block& fresh, const Definition& definition) const noexcept {
  const std::uint64_t held = lent_ + fresh.count;
  const std::uint64_t excess = held - std::min(held, definition.cache - 1);
  return fresh.drop_front(excess, definition.increment);
}

// --- Loans

std::optional<Loan> Reservoir::lend(std::uint64_t most, const Definition& definition) {
  if (!left_.empty()) {
    const Loan left = left_.back();
    left_.pop_back();
    return left;
  }
  const std::uint64_t bound = (definition.cache - 1) / 2;
  const std::uint64_t count = std::min({most, lane().left() / 2, bound - std::min(bound, lent_)});
  if (count == 0) return std::nullopt;
  const std::uint64_t first = lane().take_run(count);
  if (first == 0) return std::nullopt;
  not_returned_ += count;
  lent_ += count;
  return Loan{first, count, definition.increment};
}

std::uint64_t Reservoir::settle(std::uint64_t lent, const Loan& left) {
  const std::uint64_t used = lent - left.count;
  not_returned_ -= used;
  if (closed_) return used;
  lent_ -= used;
  if (left.count > 0) left_.push_back(left);
  return used;
}

std::uint64_t Reservoir::left_by_cursors() const noexcept {
  std::uint64_t sum = 0;
  for (const Loan& left : left_) sum += left.count;
  return sum;
}

bool Reservoir::cursors_hold_ids() const noexcept { return lent_ > left_by_cursors(); }

std::uint64_t Reservoir::drop_left_by_cursors() {
  const std::uint64_t dropped = left_by_cursors();
  lent_ -= dropped;
  left_.clear();
  return dropped;
}

// --- The tail

std::uint64_t Reservoir::set_tail_aside(std::int64_t value) {
  if (!stock_.empty()) {
    // No earlier tail is left: the ids in stock were reserved after it ended.
    tail_ = Block{0, 0, value, value, value};
    tail_offered_ = false;
    stock_.merge_last_into(tail_);
  }
  return stock_.drop_all();
}

std::optional<Block> Reservoir::offer_tail() noexcept {
  if (tail_.empty() || std::exchange(tail_offered_, true)) return std::nullopt;
  return tail_;
}

std::int64_t Reservoir::lowest(std::int64_t value) const noexcept {
  return tail_.empty() ? value : std::min(value, tail_.kept_before);
}

std::int64_t Reservoir::issued(std::int64_t value) const noexcept {
  return tail_.empty() ? stock_.kept_before(value) : lowest(value);
}

std::uint64_t Reservoir::close() {
  closed_ = true;
  left_.clear();
  return drop_tail() + stock_.drop_all() + std::exchange(lent_, 0);
}

void Reservoir::verify() const {
  stock_.verify();
  NEXTID_CHECK(held() <= bound_);
  NEXTID_CHECK(lent_ >= left_by_cursors());
  NEXTID_CHECK(tail_.empty() || stock_.empty());
  NEXTID_CHECK(tail_.empty() || tail_.kept_before <= tail_.end);
  NEXTID_CHECK(!closed_ || held() == 0);
}

}  // namespace nextid::engine
