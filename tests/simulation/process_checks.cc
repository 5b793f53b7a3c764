// What a process must not do: refuse without reason, hold more than its cache, lose count.
#include <algorithm>

#include "simulation/process.h"

namespace nextid::simulation {

using history::Invariant;

/// Each refusal must have a reason.
void Process::check_refusal(const Waiting& waiting, const Error& error) {
  const Parameters& p = context_.parameters;
  bool right = false;
  switch (error.code()) {
    case ErrorCode::kExhausted: {
      const bool may_hold = !ever_lent_ && engine_.accounting().burned_total() == 0 &&
                            ledger_.unknown_to(writer_) == 0;
      const std::uint64_t held =
          may_hold ? std::min(ledger_.held_below_value(writer_), engine_.unasked()) : 0;
      return ledger_.refused(waiting.count, waiting.sent, held);
    }
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadline:
      right = closing_ || waiting.deadline <= context_.queue.now();
      break;
    case ErrorCode::kInvalid:
      right = waiting.count == 0 || waiting.count > p.limits.max_range;
      break;
    case ErrorCode::kOverloaded:
      right = p.limits.max_waiting_requests != engine::Limits{}.max_waiting_requests;
      break;
    case ErrorCode::kNotFound:
      right = !p.first_use.creates;
      break;
    default:
      break;
  }
  if (!right) {
    context_.violated(Invariant::kLive, "refused without reason: " + std::string(error.what()));
  }
}

/// Idle ids never exceed what the definition allows: the bound on what a crash burns.
void Process::check_unasked() {
  const std::uint64_t unasked = engine_.unasked();
  if (unasked == 0) largest_cache_ = last_cache_;
  if (unasked > largest_cache_ - 1) {
    context_.violated(Invariant::kAccounted, std::to_string(unasked) +
                                                 " ids are reserved and unasked, with a cache of " +
                                                 std::to_string(largest_cache_));
  }
}

/// What the store shows of this process, and what it counted, differ by what nobody told it: ops
/// whose outcome it never learnt, and by the ids that it held when it crashed.
void Process::check_accounts() const {
  const Accounting accounting = engine_.accounting();
  if (accounting.returned + undelivered_ + unsettled_ != got_) {
    context_.violated(Invariant::kAccounted, name_ + " counted " +
                                                 std::to_string(accounting.returned) +
                                                 " ids as returned, clients got " +
                                                 std::to_string(got_ - undelivered_ - unsettled_));
  }
  const std::int64_t unknown = ledger_.unknown_to(writer_);
  const auto counted = static_cast<std::int64_t>(got_ - undelivered_ + accounting.burned_total());
  const std::int64_t left = ledger_.taken_by(writer_) - counted;
  const auto held = crashed_ ? static_cast<std::int64_t>(unasked_at_end_ - unsettled_) : 0;
  std::int64_t in_flight = 0;
  if (crashed_ && reserving_) {
    in_flight = static_cast<std::int64_t>(reserving_->step / ledger_.definition()->increment);
  }
  const std::int64_t most = unknown + held;
  const std::int64_t least = most - std::min(in_flight, held);
  if (left < least || left > most) {
    context_.violated(Invariant::kAccounted,
                      name_ + " leaves " + std::to_string(left) + " ids that it did not count; " +
                          std::to_string(least) + " to " + std::to_string(most) + " are explained");
  }
  const bool may_lose =
      crashed_ || !ended_in_time_ || (lost_slot_ && context_.parameters.may_prune_live_slots());
  if (unknown != 0 && !may_lose) {
    context_.violated(Invariant::kAccounted,
                      name_ + " closed in time, and " + std::to_string(unknown) +
                          " ids are taken by ops whose outcome it never learnt");
  }
}

}  // namespace nextid::simulation
