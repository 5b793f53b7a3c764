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
      driver_(std::move(driver)) {}

void Runtime::submit(std::vector<contract::Call> calls) {
  if (calls.empty()) return;
  std::shared_ptr<contract::StoreDriver> driver;
  {
    const std::lock_guard lock(mutex_);
    attempts_out_ += calls.size();
    driver = driver_;
  }
  if (driver) {
    store_calls_.watch(calls);
    return driver->submit(std::move(calls));
  }
  for (contract::Call& call : calls) call.done(contract::NotApplied{"the store is closed"});
}

void Runtime::attempt_done() {
  // Notified under the lock: after it, the waiter may destroy this object.
  const std::lock_guard lock(mutex_);
  --attempts_out_;
  if (attempts_out_ == 0) changed_.notify_all();
}

void Runtime::has_changed(std::shared_ptr<Counter> counter) {
  const std::lock_guard lock(mutex_);
  changed_counters_.push_back(std::move(counter));
}

std::vector<std::shared_ptr<Counter>> Runtime::take_changed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changed_counters_, {});
}

void Runtime::call_started() {
  const std::lock_guard lock(mutex_);
  ++calls_out_;
}

void Runtime::call_ended() {
  const std::lock_guard lock(mutex_);
  --calls_out_;
  if (calls_out_ == 0) changed_.notify_all();
}

void Runtime::settling_ended() {
  const std::lock_guard lock(mutex_);
  if (settling_.fetch_sub(1) == 1) changed_.notify_all();
}

std::shared_ptr<contract::StoreDriver> Runtime::driver() const {
  const std::lock_guard lock(mutex_);
  return driver_;
}

void Runtime::wait_for_attempts() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return attempts_out_ == 0 && calls_out_ == 0; });
}

void Runtime::drop_driver() {
  std::shared_ptr<contract::StoreDriver> last;
  const std::lock_guard lock(mutex_);
  last.swap(driver_);
}

Error forked_error() {
  return Error(ErrorCode::kInvalid,
               "this process was forked after the store was opened, and can't use it; open stores "
               "after forking.");
}

}  // namespace nextid::node
