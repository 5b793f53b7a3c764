#include "node/write_watch.h"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "nextid/id_generator.h"

#include "node/runtime.h"

namespace nextid::node {
namespace {

using base::MonotonicTime;

/// Each gets an error of its own: they go to several threads.
void tell(const std::vector<WriteWatch::Receiver>& receivers, const std::string& trouble) {
  for (const auto& receiver : receivers) {
    receiver(trouble.empty() ? Result<void>()
                             : Result<void>(Error(ErrorCode::kUnavailable, trouble + ".")));
  }
}

bool is_read(StoreCallKind kind) noexcept {
  return kind == StoreCallKind::kLoad || kind == StoreCallKind::kRecall;
}

/// Why the store failed; nothing where it did not, or asks for fewer calls.
std::optional<std::string> failure_in(const contract::Outcome& outcome) {
  if (const auto* in_doubt = std::get_if<contract::InDoubt>(&outcome)) return in_doubt->why;
  const auto* failed = std::get_if<contract::NotApplied>(&outcome);
  if (failed == nullptr || failed->throttled) return std::nullopt;
  return failed->why;
}

bool is_throttled(const contract::Outcome& outcome) {
  const auto* failed = std::get_if<contract::NotApplied>(&outcome);
  return failed != nullptr && failed->throttled;
}

}  // namespace

void WriteWatch::ended(StoreCallKind kind, const contract::Outcome& outcome, MonotonicTime now) {
  if (is_read(kind) || kind == StoreCallKind::kTryWrite) return;
  if (std::holds_alternative<contract::Committed>(outcome)) {
    last_success_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  } else if (auto why = failure_in(outcome)) {
    const base::Lock lock(mutex_);
    take_in_success();
    record_.failed(*std::move(why), now);
  }
}

void WriteWatch::check(Receiver receiver) {
  const MonotonicTime now = base::monotonic_now();
  std::vector<Receiver> told;
  std::optional<std::string> trouble;
  std::uint64_t begun = 0;
  {
    const base::Lock lock(mutex_);
    take_in_success();
    waiting_.push_back(std::move(receiver));
    if (may_try(now)) {
      record_.trial_began(now);
      begun = ++trials_;
    }
    if (!record_.is_trying() || now - record_.trial_began() >= WriteRecord::kPatience) {
      told.swap(waiting_);
      trouble = record_.trouble(now);
    }
  }
  if (trouble) tell(told, *trouble);
  if (begun == 0) return;
  runtime_.timer().at(now, [this] { begin_trial(); });
  runtime_.timer().at(now + WriteRecord::kPatience, [this, begun] { give_up(begun); });
}

/// Reads a counter as well: a counter that was not used yet needs it.
void WriteWatch::begin_trial() {
  const auto trial = std::make_shared<Trial>();
  trial->left = 2;
  const auto done = [this, trial](const contract::Outcome& outcome) {
    if (is_throttled(outcome)) trial->is_throttled = true;
    if (auto why = failure_in(outcome)) {
      const base::Lock lock(trial->mutex);
      trial->why = *std::move(why);
    }
    if (--trial->left == 0) trial_ended(*trial);
  };
  std::vector<contract::Call> calls;
  calls.push_back({contract::Load{std::string(kDefaultCounter), 0}, done});
  calls.push_back({contract::TryWrite{}, done});
  runtime_.submit(std::move(calls));
}

void WriteWatch::trial_ended(Trial& trial) {
  const MonotonicTime now = base::monotonic_now();
  std::string why;
  {
    const base::Lock lock(trial.mutex);
    why = std::move(trial.why);
  }
  const bool succeeded = why.empty() && !trial.is_throttled;
  std::vector<Receiver> told;
  std::optional<MonotonicTime> again;
  std::string trouble;
  {
    const base::Lock lock(mutex_);
    take_in_success();
    record_.trial_ended(succeeded, std::move(why), now);
    told.swap(waiting_);
    trouble = record_.trouble(now);
    if (record_.is_unsure(now)) again = record_.next_trial();
  }
  if (again) runtime_.timer().at(*again, [this] { try_again(); });
  tell(told, trouble);
}

void WriteWatch::try_again() {
  {
    const MonotonicTime now = base::monotonic_now();
    const base::Lock lock(mutex_);
    take_in_success();
    if (!may_try(now)) return;
    record_.trial_began(now);
    ++trials_;
  }
  begin_trial();
}

void WriteWatch::give_up(std::uint64_t trial) {
  std::vector<Receiver> told;
  std::string trouble;
  {
    const base::Lock lock(mutex_);
    if (trial != trials_ || !record_.is_trying()) return;
    take_in_success();
    told.swap(waiting_);
    trouble = record_.trouble(base::monotonic_now());
  }
  tell(told, trouble);
}

std::string WriteWatch::trouble() const {
  const base::Lock lock(mutex_);
  take_in_success();
  return record_.trouble(base::monotonic_now());
}

void WriteWatch::finish() {
  std::vector<Receiver> told;
  {
    const base::Lock lock(mutex_);
    told.swap(waiting_);
  }
  tell(told, "the store is closed");
}

bool WriteWatch::may_try(MonotonicTime now) {
  return !record_.is_trying() && !record_.is_fresh(now) && now >= record_.next_trial();
}

void WriteWatch::take_in_success() const {
  const std::int64_t ticks = last_success_.load(std::memory_order_relaxed);
  if (ticks == 0) return;
  record_.succeeded(MonotonicTime(MonotonicTime::duration(ticks)));
}

}  // namespace nextid::node
