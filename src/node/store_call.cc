#include "node/store_call.h"

#include <utility>

#include "node/random.h"

namespace nextid::node {
namespace {

StoreCall::DoneWithDoubt without_doubt(StoreCall::Done done) {
  return [done = std::move(done)](Result<contract::Outcome> outcome, bool) {
    done(std::move(outcome));
  };
}

}  // namespace

void StoreCall::start(Runtime& runtime, contract::Op op, base::MonotonicTime deadline,
                      std::vector<contract::Call>& calls, Done done) {
  const std::shared_ptr<StoreCall> call(
      new StoreCall(runtime, std::move(op), deadline, without_doubt(std::move(done))));
  calls.push_back(call->next_attempt());
}

void StoreCall::run(Runtime& runtime, contract::Op op, base::MonotonicTime deadline, Done done) {
  run_with_doubt(runtime, std::move(op), deadline, without_doubt(std::move(done)));
}

void StoreCall::run_with_doubt(Runtime& runtime, contract::Op op, base::MonotonicTime deadline,
                               DoneWithDoubt done) {
  const std::shared_ptr<StoreCall> call(
      new StoreCall(runtime, std::move(op), deadline, std::move(done)));
  std::vector<contract::Call> calls;
  calls.push_back(call->next_attempt());
  runtime.submit(std::move(calls));
}

StoreCall::StoreCall(Runtime& runtime, contract::Op op, base::MonotonicTime deadline,
                     DoneWithDoubt done)
    : runtime_(runtime),
      hold_(runtime.hold_call()),
      op_(std::move(op)),
      deadline_(deadline),
      done_(std::move(done)),
      backoff_(random_bits()) {}

contract::Call StoreCall::next_attempt() {
  return {op_, [self = shared_from_this()](contract::Outcome outcome) {
            self->on_outcome(std::move(outcome));
          }};
}

void StoreCall::on_outcome(contract::Outcome outcome) {
  if (const auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) {
    was_in_doubt_ = true;
    repeat_later(in_doubt->why, engine::Backoff::Cause::kTransient);
  } else if (const auto* failed = std::get_if<contract::NotApplied>(&outcome)) {
    repeat_later(failed->why, failed->throttled ? engine::Backoff::Cause::kThrottled
                                                : engine::Backoff::Cause::kTransient);
  } else {
    finish(std::move(outcome));
  }
}

void StoreCall::repeat_later(const std::string& why, engine::Backoff::Cause cause) {
  const base::MonotonicTime at = base::monotonic_now() + backoff_.after(++failures_, cause);
  if (at >= deadline_ || runtime_.is_closed()) {
    return finish(Error(ErrorCode::kUnavailable,
                        "the store failed, and there was no time to try "
                        "again: " +
                            why));
  }
  runtime_.timer().at(at, [self = shared_from_this()] {
    std::vector<contract::Call> calls;
    calls.push_back(self->next_attempt());
    self->runtime_.submit(std::move(calls));
  });
}

void StoreCall::finish(Result<contract::Outcome> result) {
  std::exchange(done_, {})(std::move(result), was_in_doubt_);
  hold_.end();
}

}  // namespace nextid::node
