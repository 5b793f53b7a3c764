#include "node/runtime.h"

namespace nextid::node {

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
