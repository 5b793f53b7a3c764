#include "node/counter.h"

#include <memory>
#include <utility>

#include "node/random.h"

namespace nextid::node {
namespace {

/// Tells the requests with a key, which the engine does not number, from the others.
constexpr RequestId kIdempotent = RequestId{1} << 63;

/// An advance under way, as the engine's tickets know their callers.
class AdvanceCall final : public RangeReceiver {
 public:
  explicit AdvanceCall(Store::CounterReceiver receiver) : receiver_(std::move(receiver)) {}

  /// Engines grant no ranges to advances: this is a refusal.
  void on_range(std::uint64_t, Result<IdRange> refusal) noexcept override {
    const std::unique_ptr<AdvanceCall> self(this);
    receiver_(refusal.error());
  }
  void on_advanced(CounterInfo counter) {
    const std::unique_ptr<AdvanceCall> self(this);
    receiver_(std::move(counter));
  }

 private:
  const Store::CounterReceiver receiver_;
};

engine::Limits limits_of(const StoreOptions& options) {
  return engine::Limits{options.max_range, options.max_waiting_requests, options.max_waiting_ids,
                        options.max_reservation};
}

engine::FirstUse first_use_of(const StoreOptions& options) {
  return {options.auto_create, options.default_cache};
}

RangeReceiver* receiver_of(const engine::Ticket& ticket) {
  return static_cast<RangeReceiver*>(ticket.owner);
}

}  // namespace

Counter::Counter(std::string name, Runtime& runtime)
    : name_(std::move(name)),
      runtime_(runtime),
      last_request_(base::monotonic_now()),
      last_pruning_(last_request_) {}

/// Under mutex_.
engine::Engine& Counter::engine() {
  if (!engine_) {
    const StoreOptions& options = runtime_.options();
    engine_ =
        std::make_unique<engine::Engine>(name_, random_bits(), limits_of(options), random_bits(),
                                         first_use_of(options), lane_, predecessor_);
    if (closing_) engine_->close({});  // It does no more than to refuse.
  }
  return *engine_;
}

/// Under mutex_.
Counter::Past& Counter::past() {
  if (!past_) past_ = std::make_unique<Past>();
  return *past_;
}

/// Under mutex_; the engine is at rest.
void Counter::drop_engine() {
  past().accounting += engine_->accounting();
  if (const Definition* definition = engine_->definition()) past().definition = *definition;
  predecessor_ = engine_->as_predecessor();
  taken_from_stock_ = 0;
  engine_.reset();
}

contract::WriterId Counter::writer() const {
  const std::lock_guard lock(mutex_);
  return engine_ ? engine_->writer() : 0;
}

RequestId Counter::add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                       std::uint64_t tag) {
  const std::lock_guard lock(mutex_);
  return engine().request(&receiver, tag, count, deadline);
}

std::uint64_t Counter::take_at_mark() {
  if (lane_.left() == 0) return 0;
  {
    const std::lock_guard lock(mutex_);
    if (!engine_) return 0;
    engine_->mark_reached();
  }
  const std::uint64_t id = lane_.take();
  run();
  return id;
}

RequestId Counter::add_idempotent(std::uint64_t count, base::MonotonicTime deadline,
                                  RangeReceiver& receiver, std::uint64_t tag,
                                  const std::string& key) {
  static std::atomic<RequestId> last{kIdempotent};
  const RequestId id = ++last;
  {
    const std::lock_guard lock(mutex_);
    if (!idempotent_) idempotent_ = std::make_unique<IdempotentRequests>(*this, runtime_);
  }
  idempotent_->add(id, count, deadline, receiver, tag, key);
  return id;
}

void Counter::pump(std::vector<contract::Call>& calls) {
  std::unique_lock lock(mutex_);
  IdempotentRequests* const keyed = idempotent_.get();
  engine::Effects effects = tick_and_take(lock);
  deliver(effects, calls);
  if (keyed != nullptr) keyed->pump(calls);
}

void Counter::run() {
  std::vector<contract::Call> calls;
  pump(calls);
  runtime_.submit(std::move(calls));
}

bool Counter::cancel(RequestId request) {
  // The request's id was given out after idempotent_ was made.
  if (request > kIdempotent) return idempotent_->cancel(request);
  const std::lock_guard lock(mutex_);
  return engine_ && engine_->cancel(request);
}

void Counter::count_as_burned(std::uint64_t count, BurnReason reason) {
  const std::lock_guard lock(mutex_);
  if (engine_) return engine_->count_as_burned(count, reason);
  past().accounting.returned -= count;
  past().accounting.burned[static_cast<std::size_t>(reason)] += count;
}

void Counter::advance(std::uint64_t to, base::MonotonicTime deadline,
                      Store::CounterReceiver receiver) {
  auto call = std::make_unique<AdvanceCall>(std::move(receiver));
  RangeReceiver* const owner = call.get();
  {
    const std::lock_guard lock(mutex_);
    engine().advance(owner, static_cast<std::int64_t>(to), deadline);
  }
  static_cast<void>(call.release());  // Its answer destroys it.
  run();
}

std::optional<engine::Loan> Counter::lend(std::uint64_t most) {
  const std::lock_guard lock(mutex_);
  return engine_ ? engine_->lend(most) : std::nullopt;
}

void Counter::settle(std::uint64_t lent, const engine::Loan& rest) {
  const std::lock_guard lock(mutex_);
  engine_->settle(lent, rest);  // It is not at rest before its loans have ended.
}

void Counter::close(base::MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  if (engine_) return engine_->close(deadline);
  closed_.store(true);
}

bool Counter::rest(base::MonotonicTime deadline) {
  const std::lock_guard lock(mutex_);
  if (!engine_) return true;
  engine_->rest(deadline);
  return engine_->corrupt();
}

bool Counter::idle_since(base::MonotonicTime time) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t taken = engine_ ? engine_->taken_from_stock() : 0;
  if (std::exchange(taken_from_stock_, taken) != taken) last_request_ = base::monotonic_now();
  return (!engine_ || engine_->idle()) && last_request_ <= time &&
         (!idempotent_ || idempotent_->idle());
}

bool Counter::pruning_due(base::MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  if (now < last_pruning_ + runtime_.options().pruning_interval) return false;
  last_pruning_ = now;
  return true;
}

Accounting Counter::accounting() const {
  const std::lock_guard lock(mutex_);
  Accounting accounting = past_ ? past_->accounting : Accounting{};
  if (engine_) accounting += engine_->accounting();
  return accounting;
}

CounterActivity Counter::activity() const {
  CounterActivity activity;
  activity.name = name_;
  activity.accounting = accounting();
  const std::lock_guard lock(mutex_);
  std::int64_t value = predecessor_.high_water;
  if (past_) activity.definition = past_->definition;
  if (engine_) {
    activity.waiting_requests = engine_->waiting_requests();
    activity.held_ids = engine_->unasked();
    value = engine_->last_value();
    if (const Definition* definition = engine_->definition()) activity.definition = *definition;
  }
  if (value > 0) activity.value = static_cast<std::uint64_t>(value);
  return activity;
}

std::uint64_t Counter::add_to(NodeActivity& activity) const {
  const Accounting own = accounting();
  activity.accounting += own;
  const std::lock_guard lock(mutex_);
  if (engine_) {
    activity.waiting_requests += engine_->waiting_requests();
    activity.held_ids += engine_->unasked();
  }
  return own.returned;
}

/// Ticks the engine, arms the timer, and unlocks. Lets go of an engine that is at rest.
engine::Effects Counter::tick_and_take(std::unique_lock<std::mutex>& lock) {
  if (!engine_) {
    lock.unlock();
    return {};
  }
  const base::MonotonicTime now = base::monotonic_now();
  if (!engine_->idle() && !engine_->resting()) last_request_ = now;
  engine_->tick(now, base::wall_now_us());
  engine::Effects effects = engine_->take_effects();
  const auto wake_at = engine_->wake_at();
  // Only ever armed for an earlier time: under steady traffic the timer fires once a deadline's
  // length, not once a request.
  if (wake_at && *wake_at < armed_at_) {
    armed_at_ = *wake_at;
    runtime_.timer().at(*wake_at, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->on_timer();
    });
  }
  const bool closed_now = engine_->closed() && !closed_.exchange(true);
  if (engine_->at_rest()) drop_engine();
  lock.unlock();
  if (closed_now) runtime_.counter_closed();
  return effects;
}

void Counter::deliver(engine::Effects& effects, std::vector<contract::Call>& calls) {
  for (const std::string& warning : effects.warnings) runtime_.log(LogLevel::kWarning, warning);
  for (engine::Grant& grant : effects.grants) {
    receiver_of(grant.ticket)->on_range(grant.ticket.tag, grant.range);
  }
  for (engine::Refusal& refusal : effects.refusals) {
    receiver_of(refusal.ticket)->on_range(refusal.ticket.tag, std::move(refusal.error));
  }
  for (engine::Advanced& advanced : effects.advanced) {
    static_cast<AdvanceCall*>(receiver_of(advanced.ticket))
        ->on_advanced(contract::info_of(name(), advanced.state));
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
  // An engine may have given up the attempt, and have come to rest since.
  if (engine_) engine_->outcome(attempt, outcome);
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
