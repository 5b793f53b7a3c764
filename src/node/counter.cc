#include "node/counter.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "node/random.h"

namespace nextid::node {
namespace {

/// Set in the ids of requests with a key, which the engine does not number.
constexpr RequestId kIdempotent = RequestId{1} << 63;

/// An advance under way. Its answer destroys it.
class AdvanceCall final : public engine::AdvanceReceiver {
 public:
  AdvanceCall(std::string counter, Store::CounterReceiver receiver)
      : counter_(std::move(counter)), receiver_(std::move(receiver)) {}

  void on_advance(Result<contract::CounterState> counter) noexcept override {
    const std::unique_ptr<AdvanceCall> self(this);
    if (!counter) return receiver_(counter.error());
    receiver_(contract::info_of(counter_, *counter));
  }

 private:
  const std::string counter_;
  const Store::CounterReceiver receiver_;
};

}  // namespace

Counter::Counter(std::string name, Runtime& runtime, CounterOwner& owner, contract::Place place)
    : runtime_(runtime),
      owner_(owner),
      place_(std::move(place)),
      unknown_(std::make_unique<Unknown>()),
      succession_(std::move(name), runtime.rules(), runtime.high_waters(), base::monotonic_now()),
      last_pruning_(base::monotonic_now()) {
  if (place_.payer()) unknown_->payers.push_back(place_.payer());
}

engine::Engine& Counter::engine() {
  engine::Engine* const engine = succession_.engine();
  return engine != nullptr ? *engine : succession_.begin(random_bits(), random_bits(), this);
}

// --- Until the store has shown it

void Counter::charge_also(contract::Payer& payer) {
  const base::Lock lock(mutex_);
  if (!unknown_) return;
  auto& payers = unknown_->payers;
  const bool is_there = std::any_of(payers.begin(), payers.end(),
                                    [&](const auto& other) { return other.get() == &payer; });
  if (!is_there) payers.push_back(payer.share());
}

/// Called by the engine, so under the lock. One of those who wait for the counter pays; only where
/// none of them may, it is not made.
std::optional<Error> Counter::why_not_make() NEXTID_NO_THREAD_SAFETY_ANALYSIS {
  std::optional<Error> refusal;
  if (!unknown_) return refusal;
  for (const auto& payer : unknown_->payers) {
    const auto made = payer->make_counter();
    if (made) return std::nullopt;
    refusal = made.error();
  }
  return refusal;
}

/// Whoever calls this holds the counter, so that it does not end under its own lock.
void Counter::keep_while_asked() {
  if (!unknown_) return;
  const engine::Engine* const engine = succession_.engine();
  unknown_->self = engine != nullptr && engine->is_asked() ? shared_from_this() : nullptr;
}

/// True once, when the store has shown it.
bool Counter::is_shown() {
  const engine::Engine* const engine = succession_.engine();
  if (!unknown_ || engine == nullptr || engine->definition() == nullptr) return false;
  unknown_.reset();
  is_known_.store(true, std::memory_order_release);
  return true;
}

// --- Requests

contract::WriterId Counter::writer() const {
  const base::Lock lock(mutex_);
  const engine::Engine* const engine = succession_.engine();
  return engine != nullptr ? engine->writer() : 0;
}

RequestId Counter::add(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver,
                       std::uint64_t tag) {
  const base::Lock lock(mutex_);
  return engine().request(&receiver, tag, count, deadline);
}

void Counter::reserve(std::uint64_t count, base::MonotonicTime deadline, RangeReceiver& receiver) {
  add(count, deadline, receiver, 0);
  run();
}

std::uint64_t Counter::take_at_mark() {
  if (lane().left() == 0) return 0;
  {
    const base::Lock lock(mutex_);
    engine::Engine* const engine = succession_.engine();
    if (engine == nullptr) return 0;
    engine->mark_reached();
  }
  const std::uint64_t id = lane().take();
  run();
  return id;
}

RequestId Counter::add_idempotent(const RequestKey& key, std::uint64_t count,
                                  base::MonotonicTime deadline, RangeReceiver& receiver,
                                  std::uint64_t tag) {
  static std::atomic<RequestId> last{kIdempotent};
  const RequestId id = ++last;
  keyed_requests().add(id, key, count, deadline, receiver, tag);
  return id;
}

/// Once made they live as long as the counter.
IdempotentRequests& Counter::keyed_requests() {
  const base::Lock lock(mutex_);
  if (!idempotent_) idempotent_ = std::make_unique<IdempotentRequests>(*this, runtime_);
  return *idempotent_;
}

void Counter::pump(std::vector<contract::Call>& calls) {
  Ticked ticked;
  IdempotentRequests* keyed = nullptr;
  {
    const base::Lock lock(mutex_);
    keyed = idempotent_.get();
    ticked = tick();
  }
  deliver(std::move(ticked), calls);
  if (keyed != nullptr) keyed->pump(calls);
}

void Counter::run() {
  std::vector<contract::Call> calls;
  pump(calls);
  runtime_.submit(std::move(calls));
}

bool Counter::cancel(RequestId request) {
  if (request > kIdempotent) return keyed_requests().cancel(request);
  const base::Lock lock(mutex_);
  engine::Engine* const engine = succession_.engine();
  return engine != nullptr && engine->cancel(request);
}

void Counter::count_as_burned(std::uint64_t count, BurnReason reason) {
  const base::Lock lock(mutex_);
  succession_.count_as_burned(count, reason);
}

void Counter::advance(std::uint64_t to, base::MonotonicTime deadline,
                      Store::CounterReceiver receiver) {
  auto call = std::make_unique<AdvanceCall>(name(), std::move(receiver));
  {
    const base::Lock lock(mutex_);
    engine().advance(call.get(), static_cast<std::int64_t>(to), deadline);
  }
  static_cast<void>(call.release());  // Its answer destroys it.
  run();
}

std::optional<engine::Loan> Counter::lend(std::uint64_t most) {
  const base::Lock lock(mutex_);
  engine::Engine* const engine = succession_.engine();
  return engine != nullptr ? engine->lend(most) : std::nullopt;
}

void Counter::settle(std::uint64_t lent, const engine::Loan& left) {
  const base::Lock lock(mutex_);
  succession_.engine()->settle(lent, left);  // No engine is at rest before its loans have ended.
}

void Counter::doubt_store(const std::string& why) {
  {
    const base::Lock lock(mutex_);
    engine::Engine* const engine = succession_.engine();
    if (engine == nullptr) return;  // The next engine asks the store first.
    engine->doubt_store(why);
  }
  run();
}

void Counter::see_deletion() {
  const base::Lock lock(mutex_);
  engine::Engine* const engine = succession_.engine();
  if (engine != nullptr) engine->see_deletion();  // The next engine asks the store first.
}

void Counter::close(base::MonotonicTime deadline) {
  const base::Lock lock(mutex_);
  if (succession_.close(deadline)) closed_.store(true);
}

bool Counter::rest(base::MonotonicTime deadline) {
  const base::Lock lock(mutex_);
  return succession_.rest(deadline);
}

Counter::Rest Counter::rest_state() const {
  const base::Lock lock(mutex_);
  const engine::Engine* const engine = succession_.engine();
  if (engine == nullptr) return Rest::kAtRest;
  return engine->resting() ? Rest::kOnItsWay : Rest::kNone;
}

bool Counter::idle_since(base::MonotonicTime time) {
  const base::Lock lock(mutex_);
  return succession_.idle_since(time, base::monotonic_now());
}

bool Counter::pruning_due(base::MonotonicTime now) {
  const base::Lock lock(mutex_);
  if (now < last_pruning_ + runtime_.options().pruning_interval) return false;
  last_pruning_ = now;
  return true;
}

Accounting Counter::accounting() const {
  const base::Lock lock(mutex_);
  return succession_.accounting();
}

CounterActivity Counter::activity() const {
  CounterActivity activity;
  activity.name = name();
  activity.accounting = accounting();
  const base::Lock lock(mutex_);
  if (const engine::Engine* const engine = succession_.engine()) {
    activity.waiting_requests = engine->waiting_requests();
    activity.held_ids = engine->held();
  }
  if (const Definition* definition = succession_.definition()) activity.definition = *definition;
  const std::int64_t value = succession_.last_value();
  if (value > 0) activity.value = static_cast<std::uint64_t>(value);
  activity.stopped = runtime_.high_waters().why_stopped(name());
  return activity;
}

std::uint64_t Counter::add_to(NodeActivity& activity) const {
  const Accounting own = accounting();
  activity.accounting += own;
  const base::Lock lock(mutex_);
  if (const engine::Engine* const engine = succession_.engine()) {
    activity.waiting_requests += engine->waiting_requests();
    activity.held_ids += engine->held();
  }
  return own.returned;
}

/// Ticks the engine, and arms the timer.
Counter::Ticked Counter::tick() {
  if (succession_.engine() == nullptr) return {};
  Ticked ticked;
  ticked.effects = succession_.tick(base::monotonic_now(), base::wall_now_us());
  keep_while_asked();
  const engine::Engine* const engine = succession_.engine();
  const auto wake_at = engine != nullptr ? engine->wake_at() : std::nullopt;
  // Armed only for a time earlier than the armed one: under steady traffic the timer then fires
  // once in a request's time limit, not once a request.
  if (wake_at && *wake_at < armed_at_) {
    armed_at_ = *wake_at;
    runtime_.timer().at(*wake_at, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->on_timer();
    });
  }
  ticked.has_closed = engine != nullptr && engine->closed() && !closed_.exchange(true);
  return ticked;
}

void Counter::deliver(Ticked ticked, std::vector<contract::Call>& calls) {
  if (ticked.has_closed) runtime_.counter_closed();
  engine::Effects& effects = ticked.effects;
  for (const std::string& warning : effects.warnings) runtime_.log(LogLevel::kWarning, warning);
  if (!effects.stopped.empty()) runtime_.log(LogLevel::kError, effects.stopped);
  for (engine::Grant& grant : effects.grants) {
    grant.ticket.receiver->on_range(grant.ticket.tag, grant.range);
  }
  for (engine::Refusal& refusal : effects.refusals) {
    refusal.ticket.receiver->on_range(refusal.ticket.tag, std::move(refusal.error));
  }
  for (engine::AdvanceAnswer& advance : effects.advances) {
    advance.ticket.receiver->on_advance(std::move(advance.counter));
  }
  if (!effects.attempt) return;
  const std::uint64_t number = effects.attempt->number;
  calls.push_back(contract::Call{std::move(effects.attempt->op),
                                 [self = shared_from_this(), number](contract::Outcome outcome) {
                                   self->on_outcome(number, outcome);
                                 },
                                 effects.attempt->is_waited_for});
}

void Counter::on_outcome(std::uint64_t attempt, const contract::Outcome& outcome) {
  Ticked ticked;
  bool is_new = false;
  {
    const base::Lock lock(mutex_);
    // An engine may have given up the attempt, and have come to rest since.
    if (engine::Engine* const engine = succession_.engine()) engine->outcome(attempt, outcome);
    is_new = is_shown();
    note_change();
    ticked = tick();
  }
  if (is_new) owner_.keep(shared_from_this());
  std::vector<contract::Call> calls;
  deliver(std::move(ticked), calls);
  runtime_.submit(std::move(calls));
}

void Counter::note_change() {
  if (has_changed_ || unknown_ || runtime_.options().state_dir.empty()) return;
  has_changed_ = true;
  runtime_.has_changed(shared_from_this());
}

/// While the engine holds ids the counter reports itself again: those ids may be handed out with no
/// outcome to note it.
std::optional<CounterChange> Counter::take_change() {
  const base::Lock lock(mutex_);
  has_changed_ = false;
  const engine::Engine* const engine = succession_.engine();
  if (engine != nullptr && engine->held() > 0) note_change();
  const std::int64_t issued = succession_.issued();
  if (std::exchange(told_issued_, issued) == issued) return std::nullopt;
  return CounterChange{name(), issued};
}

void Counter::on_timer() {
  {
    const base::Lock lock(mutex_);
    armed_at_ = base::MonotonicTime::max();
  }
  run();
}

}  // namespace nextid::node
