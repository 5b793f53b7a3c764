#include "simulation/client.h"

#include <algorithm>
#include <utility>

namespace nextid::simulation {

void Client::start(std::function<void()> before_each) {
  before_each_ = std::move(before_each);
  think();
}

void Client::think() {
  context_.queue.after(context_.up_to(context_.parameters.think_us), [this] { act(); });
}

void Client::act() {
  if (left_ == 0) return;
  --left_;
  before_each_();
  Node& node = *nodes_[context_.random.below(nodes_.size())];
  const auto process = node.process();
  if (!process) return think();
  waits_ = true;
  node.machine().when_awake([this, process] {
    if (process->over()) {
      waits_ = false;
      think();
    } else if (context_.fails(context_.parameters.cursors) && take_from_cursor(process)) {
      waits_ = false;
      think();
    } else {
      request(process);
    }
  });
}

void Client::request(const std::shared_ptr<Process>& process) {
  const Parameters& p = context_.parameters;
  const auto ended = [this] {
    waits_ = false;
    think();
  };
  if (context_.fails(p.advances) && ledger_.definition()) {
    const std::int64_t value = std::max<std::int64_t>(ledger_.value(), 1);
    const std::int64_t by = static_cast<std::int64_t>(context_.random.between_orders(1, 300)) - 20;
    const std::int64_t room = static_cast<std::int64_t>(kMaxId) - value;
    return process->advance(name_, std::max<std::int64_t>(value + std::min(by, room), 1), timeout(),
                            ended);
  }
  const bool range = context_.random.chance(p.ranges);
  process->ask(name_, range ? context_.random.between_orders(1, p.largest_count) : 1, timeout(),
               ended);
}

microseconds Client::timeout() {
  const Parameters& p = context_.parameters;
  const std::uint64_t us = context_.fails(p.short_timeouts)
                               ? context_.random.between_orders(1, 1'000'000)
                               : p.request_timeout_us;
  return microseconds(static_cast<std::int64_t>(us));
}

/// One id, from the loan it has or a new one. Its end is settled when it is used up, or sooner.
bool Client::take_from_cursor(const std::shared_ptr<Process>& process) {
  if (cursor_ && cursor_->process->crashed()) cursor_.reset();
  if (cursor_ && cursor_->used == cursor_->lent.count) end_cursor();
  if (!cursor_) {
    const auto lent = process->lend(context_.random.between_orders(1, 64));
    if (!lent) return false;
    cursor_ = Cursor{process, *lent};
  }
  cursor_->process->hands_out(name_, cursor_->lent,
                              cursor_->lent.first + cursor_->used * cursor_->lent.increment);
  ++cursor_->used;
  if (context_.random.chance(50)) end_cursor();
  return true;
}

void Client::end_cursor() {
  if (!cursor_ || cursor_->process->crashed()) return cursor_.reset();
  engine::Loan rest = cursor_->lent;
  rest.first += cursor_->used * rest.increment;
  rest.count -= cursor_->used;
  cursor_->process->settle(cursor_->lent.count, rest);
  cursor_.reset();
}

}  // namespace nextid::simulation
