#include "node/record_write.h"

#include <utility>

#include "node/parked_records.h"
#include "node/random.h"

namespace nextid::node {

RecordWrite::RecordWrite(Runtime& runtime, contract::Remember op, base::MonotonicTime give_up_at,
                         IsWaitedFor is_waited_for, Done done)
    : runtime_(runtime),
      hold_(runtime.hold_call()),
      op_(std::move(op)),
      give_up_at_(give_up_at),
      is_waited_for_(std::move(is_waited_for)),
      done_(std::move(done)),
      backoff_(random_bits()) {}

void RecordWrite::begin() { submit(By::kHaste); }

void RecordWrite::hurry(std::vector<contract::Call>& calls) {
  if (!runtime_.parked_records().take_out(*this)) return;
  failures_ = 0;
  calls.push_back(next_attempt(By::kHaste));
}

void RecordWrite::resume() {
  if (is_over(base::monotonic_now())) {
    return finish(
        Error(ErrorCode::kUnavailable, "the store did not keep the record in its time: " + why_));
  }
  failures_ = 0;
  submit(By::kPace);
}

contract::Call RecordWrite::next_attempt(By by) {
  return {op_, [self = shared_from_this(), by](contract::Outcome outcome) {
            self->on_outcome(std::move(outcome), by);
          }};
}

void RecordWrite::submit(By by) {
  std::vector<contract::Call> calls;
  calls.push_back(next_attempt(by));
  runtime_.submit(std::move(calls));
}

void RecordWrite::on_outcome(contract::Outcome outcome, By by) {
  if (auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) {
    why_ = std::move(in_doubt->why);
    repeat_later(engine::Backoff::Cause::kTransient, by);
  } else if (auto* failed = std::get_if<contract::NotApplied>(&outcome)) {
    why_ = std::move(failed->why);
    repeat_later(
        failed->throttled ? engine::Backoff::Cause::kThrottled : engine::Backoff::Cause::kTransient,
        by);
  } else {
    const auto* remembered = std::get_if<contract::Remembered>(&outcome);
    if (remembered != nullptr && remembered->record) {
      runtime_.parked_records().one_was_written();
    }
    finish(std::move(outcome));
  }
}

void RecordWrite::repeat_later(engine::Backoff::Cause cause, By by) {
  const base::MonotonicTime at = base::monotonic_now() + backoff_.after(++failures_, cause);
  if (is_over(at) || runtime_.is_closed()) {
    return finish(
        Error(ErrorCode::kUnavailable,
              "the store did not keep the record, and there was no time to try again: " + why_));
  }
  if (!is_waited_for_() && runtime_.parked_records().park(shared_from_this(), by == By::kPace)) {
    // From here on this is any thread's that takes it out. Who came to wait may have looked before
    // it was parked.
    if (is_waited_for_() && runtime_.parked_records().take_out(*this)) submit(By::kHaste);
    return;
  }
  runtime_.timer().at(at, [self = shared_from_this()] { self->submit(By::kHaste); });
}

void RecordWrite::finish(Result<contract::Outcome> result) {
  std::exchange(done_, {})(std::move(result));
  hold_.end();
}

}  // namespace nextid::node
