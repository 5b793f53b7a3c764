// What a process must not do: refuse without reason, hold more than its cache, lose count.
#include <algorithm>
#include <set>

#include "simulation/process.h"

namespace nextid::simulation {

using history::Invariant;

/// Only what happened to the store since this process, or those of its state file, looked first.
bool Process::may_be_corrupt() const noexcept { return ledger_.last_switch() > since_; }

/// I8: ids are of the store that it knows; and whoever issued ids above the value that the store
/// was set back to issues no more. That others, who know nothing of these ids, issue them again is
/// more than anybody can see.
void Process::check_part(const Ledger::Part& part) const {
  if (ledger_.identity_of(part.timeline) != knows_) {
    context_.violated(Invariant::kSameStore, name_ + " returned " +
                                                 std::to_string(part.range.start()) +
                                                 " of another store than it knew");
  }
  for (const auto& [timeline, highest] : highest_) {
    if (timeline < part.timeline && highest >= part.range.start()) {
      context_.violated(Invariant::kSameStore, name_ + " returned " +
                                                   std::to_string(part.range.start()) +
                                                   ", and had returned " + std::to_string(highest) +
                                                   " before the store was set back");
    }
  }
}

/// Each refusal must have a reason.
void Process::check_refusal(const Waiting& waiting, const Error& error) {
  const Parameters& p = context_.parameters;
  bool right = false;
  switch (error.code()) {
    case ErrorCode::kExhausted: {
      const bool may_hold = !ever_lent_ && accounting().burned_total() == 0 &&
                            ledger_.unknown_to(writer()) == 0 && ledger_.timelines() == 1;
      const std::uint64_t held =
          may_hold ? std::min(ledger_.held_below_value(writer()), this->held()) : 0;
      return ledger_.refused(waiting.count, waiting.sent, held);
    }
    case ErrorCode::kDeleted:
      return ledger_.refused_as_deleted(waiting.sent);
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadline:
      right = closing_ || waiting.deadline <= context_.queue.now();
      break;
    case ErrorCode::kInvalid:
      right = waiting.count == 0 || waiting.count > p.rules.limits.max_range;
      break;
    case ErrorCode::kOverloaded:
      right = p.rules.limits.max_waiting_requests != engine::Limits{}.max_waiting_requests;
      break;
    case ErrorCode::kNotFound:
      right = !p.rules.first_use.creates;
      break;
    case ErrorCode::kCorrupt:
      right = may_be_corrupt();
      break;
    default:
      break;
  }
  if (!right) {
    context_.violated(Invariant::kLive, "refused without reason: " + std::string(error.what()));
  }
}

/// Idle ids never exceed what the definition allows: the bound on what a crash burns.
void Process::check_held() {
  const std::uint64_t held = this->held();
  if (held == 0) largest_cache_ = last_cache_;
  if (held > largest_cache_ - 1) {
    context_.violated(
        Invariant::kAccounted,
        std::to_string(held) + " ids are held, with a cache of " + std::to_string(largest_cache_));
  }
}

/// What the store shows of this process, and what it counted, differ by what nobody told it: ops
/// whose outcome it never learnt, and by the ids that it held when it crashed.
void Process::check_accounts() const {
  const Accounting accounting = this->accounting();
  if (accounting.returned + undelivered_ + unsettled_ != got_) {
    context_.violated(Invariant::kAccounted, name_ + " counted " +
                                                 std::to_string(accounting.returned) +
                                                 " ids as returned, clients got " +
                                                 std::to_string(got_ - undelivered_ - unsettled_));
  }
  // Of what a store did for the process some may be undone then, and some done twice.
  if (ledger_.last_switch() > started_) return;
  std::int64_t unknown = 0;
  std::int64_t taken = 0;
  for (const contract::WriterId each : std::set(writers_.begin(), writers_.end())) {
    unknown += ledger_.unknown_to(each);
    taken += ledger_.taken_by(each);
  }
  const auto counted = static_cast<std::int64_t>(got_ - undelivered_ + accounting.burned_total());
  const std::int64_t left = taken - counted;
  const auto held = crashed_ ? static_cast<std::int64_t>(held_at_end_ - unsettled_) : 0;
  std::int64_t in_flight = 0;
  if (crashed_ && reserving_) {
    in_flight =
        static_cast<std::int64_t>(reserving_->step / context_.parameters.definition.increment);
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
