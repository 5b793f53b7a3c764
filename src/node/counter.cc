#include "node/counter.h"

#include <random>
#include <utility>

namespace nextid::node {
namespace {

/// 64 bits from the system: writer identities must never come again, in any process.
std::uint64_t random_bits() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

engine::Limits limits_of(const StoreOptions& options) {
  return engine::Limits{options.max_range, options.max_waiting_requests, options.max_waiting_ids,
                        options.max_reservation};
}

}  // namespace

Counter::Counter(std::string name, Runtime& runtime)
    : runtime_(runtime),
      engine_(std::move(name), random_bits(), limits_of(runtime.options()), random_bits()),
      last_request_(base::monotonic_now()),
      last_pruning_(last_request_) {}

RequestId Counter::add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                       std::uint64_t tag) {
  const std::lock_guard lock(mutex_);
  return engine_.request(&receiver, tag, count, deadline);
}

void Counter::pump(std::vector<contract::Call>& calls) {
  std::unique_lock lock(mutex_);
  engine::Effects effects = tick_and_take(lock);
  deliver(effects, calls);
}

void Counter::run() {
  std::vector<contract::Call> calls;
  pump(calls);
  runtime_.submit(std::move(calls));
}

bool Counter::cancel(RequestId request) {
  const std::lock_guard lock(mutex_);
  return engine_.cancel(request);
}

void Counter::count_undelivered(std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  engine_.count_undelivered(count);
}

void Counter::close(base::MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  engine_.close(deadline);
}

bool Counter::idle_since(base::MonotonicTime time) const {
  const std::lock_guard lock(mutex_);
  return engine_.idle() && last_request_ <= time;
}

bool Counter::pruning_due(base::MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  if (now < last_pruning_ + runtime_.options().pruning_interval) return false;
  last_pruning_ = now;
  return true;
}

Accounting Counter::accounting() const {
  const std::lock_guard lock(mutex_);
  return engine_.accounting();
}

/// Ticks the engine, arms the timer, and unlocks.
engine::Effects Counter::tick_and_take(std::unique_lock<std::mutex>& lock) {
  const base::MonotonicTime now = base::monotonic_now();
  if (!engine_.idle()) last_request_ = now;
  engine_.tick(now, base::wall_now_us());
  engine::Effects effects = std::exchange(engine_.effects(), {});
  const auto wake_at = engine_.wake_at();
  // Only ever armed for an earlier time: under steady traffic the timer fires once a deadline's
  // length, not once a request.
  if (wake_at && *wake_at < armed_at_) {
    armed_at_ = *wake_at;
    runtime_.timer().at(*wake_at, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->on_timer();
    });
  }
  const bool closed_now = engine_.closed() && !closed_.exchange(true);
  lock.unlock();
  if (closed_now) runtime_.counter_closed();
  return effects;
}

void Counter::deliver(engine::Effects& effects, std::vector<contract::Call>& calls) {
  for (const std::string& warning : effects.warnings) runtime_.log(LogLevel::kWarning, warning);
  const auto receiver = [](const engine::Ticket& ticket) {
    return static_cast<RangeReceiver*>(ticket.owner);
  };
  for (engine::Grant& grant : effects.grants) {
    receiver(grant.ticket)->on_range(grant.ticket.tag, grant.range);
  }
  for (engine::Refusal& refusal : effects.refusals) {
    receiver(refusal.ticket)->on_range(refusal.ticket.tag, std::move(refusal.error));
  }
  if (!effects.attempt) return;
  const std::uint64_t number = effects.attempt->number;
  calls.push_back(contract::Call{std::move(effects.attempt->op),
                                 [self = shared_from_this(), number](contract::Outcome outcome) {
                                   self->on_outcome(number, outcome);
                                 }});
}

void Counter::on_outcome(std::uint64_t attempt, const contract::Outcome& outcome) {
  std::unique_lock lock(mutex_);
  engine_.outcome(attempt, outcome);
  engine::Effects effects = tick_and_take(lock);
  std::vector<contract::Call> calls;
  deliver(effects, calls);
  runtime_.submit(std::move(calls));
  runtime_.attempt_done();
}

void Counter::on_timer() {
  {
    const std::lock_guard lock(mutex_);
    armed_at_ = base::MonotonicTime::max();
  }
  run();
}

}  // namespace nextid::node
