#include "node/runtime.h"

namespace nextid::node {

namespace {

engine::Rules rules_of(const std::string& store_url, const StoreOptions& options) {
  return {.limits = {options.max_range, options.max_waiting_requests, options.max_waiting_ids,
                     options.max_reservation},
          .first_use = {options.auto_create, options.default_cache},
          .store_url = store_url};
}

}  // namespace

Runtime::Runtime(const std::string& store_url, std::shared_ptr<contract::StoreDriver> driver,
                 StoreOptions options)
    : options_(std::move(options)),
      rules_(rules_of(store_url, options_)),
      driver_(std::move(driver)),
      writes_(*this),
      parked_records_(*this) {}

void Runtime::submit(std::vector<contract::Call> calls) {
  if (calls.empty()) return;
  std::shared_ptr<contract::StoreDriver> driver;
  {
    const base::Lock lock(mutex_);
    attempts_out_ += calls.size();
    driver = driver_;
  }
  if (!driver) return refuse(std::move(calls));
  const base::MonotonicTime now = base::monotonic_now();
  for (contract::Call& call : calls) {
    call.done = [this, begun = store_calls_.begin(call.op, now),
                 done = std::move(call.done)](contract::Outcome outcome) mutable {
      const base::MonotonicTime end = base::monotonic_now();
      store_calls_.end(begun, outcome, end);
      writes_.ended(begun.kind, outcome, end);
      std::exchange(done, {})(std::move(outcome));
      attempt_done();
    };
  }
  driver->submit(std::move(calls));
}

void Runtime::refuse(std::vector<contract::Call> calls) {
  for (contract::Call& call : calls) {
    std::exchange(call.done, {})(contract::NotApplied{"the store is closed"});
    attempt_done();
  }
}

void Runtime::attempt_done() {
  // Notified under the lock: after it, the waiter may destroy this object.
  const base::Lock lock(mutex_);
  --attempts_out_;
  if (attempts_out_ == 0) changed_.notify_all();
}

void Runtime::has_changed(std::shared_ptr<Counter> counter) {
  const base::Lock lock(mutex_);
  changed_counters_.push_back(std::move(counter));
}

std::vector<std::shared_ptr<Counter>> Runtime::take_changed() {
  const base::Lock lock(mutex_);
  return std::exchange(changed_counters_, {});
}

StoreCalls Runtime::store_calls() const {
  StoreCalls calls = store_calls_.snapshot();
  if (in_child()) return calls;
  const base::Lock lock(mutex_);
  calls.commits = driver_ ? driver_->commits() : commits_;
  return calls;
}

Runtime::Hold Runtime::hold_call() {
  const base::Lock lock(mutex_);
  ++calls_out_;
  return {this, &Runtime::call_ended};
}

void Runtime::call_ended() {
  const base::Lock lock(mutex_);
  --calls_out_;
  if (calls_out_ == 0) changed_.notify_all();
}

std::optional<Runtime::Hold> Runtime::hold_settling() {
  if (settling_.fetch_add(1) < kMostSettlingKeys) return Hold(this, &Runtime::settling_ended);
  settling_ended();
  return std::nullopt;
}

void Runtime::settling_ended() {
  const base::Lock lock(mutex_);
  if (settling_.fetch_sub(1) == 1) changed_.notify_all();
}

std::shared_ptr<contract::StoreDriver> Runtime::driver() const {
  const base::Lock lock(mutex_);
  return driver_;
}

std::int64_t Runtime::clock_s() const {
  const auto store = driver();
  return contract::whole_seconds(store ? store->clock_us() : base::wall_now_us());
}

void Runtime::wait_for_attempts() {
  base::Lock lock(mutex_);
  while (attempts_out_ > 0 || calls_out_ > 0) changed_.wait(lock.native());
}

void Runtime::drop_driver() {
  // Closing a store takes long, and may call back, so it must not run under the lock. `last` is
  // declared before the lock, and so is destroyed after it.
  std::shared_ptr<contract::StoreDriver> last;
  const base::Lock lock(mutex_);
  if (driver_) commits_ = driver_->commits();
  last.swap(driver_);
}

Error forked_error() {
  return Error(ErrorCode::kInvalid,
               "this process was forked after the store was opened, and can't use it; open stores "
               "after forking.");
}

}  // namespace nextid::node
