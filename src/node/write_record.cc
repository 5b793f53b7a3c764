#include "node/write_record.h"

#include <algorithm>
#include <utility>

#include "base/cat.h"

namespace nextid::node {

using base::cat;

void WriteRecord::succeeded(Time at) {
  if (!last_success_ || *last_success_ < at) last_success_ = at;
  if (!failing_since_ || at < last_failure_) return;
  failing_since_.reset();
  why_.clear();
  trial_failed_ = false;
}

void WriteRecord::failed(std::string why, Time at) {
  if (!failing_since_) failing_since_ = at;
  last_failure_ = std::max(last_failure_, at);
  why_ = std::move(why);
}

void WriteRecord::trial_ended(bool succeeded, std::string why, Time at) {
  trial_began_.reset();
  trial_ended_ = at;
  if (succeeded) return this->succeeded(at);
  if (why.empty()) return;
  failed(std::move(why), at);
  trial_failed_ = true;
}

bool WriteRecord::is_fresh(Time now) const noexcept {
  return last_success_ && !failing_since_ && now - *last_success_ < kFresh;
}

WriteRecord::Time WriteRecord::next_trial() const noexcept {
  if (!trial_ended_) return Time::min();
  return *trial_ended_ + (failing_since_ ? kLasting : kFresh);
}

std::string WriteRecord::trouble(Time now) const {
  const bool is_lasting = failing_since_ && last_failure_ - *failing_since_ >= kLasting;
  if (trial_failed_ && (is_lasting || !last_success_)) {
    return cat("the store takes no writes: ", why_);
  }
  if (!trial_began_ || last_success_.value_or(Time()) >= *trial_began_) return {};
  const auto silence = now - *trial_began_;
  if (!last_success_ && silence >= kPatience) return "the store has not answered a first write yet";
  if (silence < kSilence) return {};
  return cat("the store has not answered a write for ",
             std::chrono::duration_cast<std::chrono::seconds>(silence).count(),
             " seconds; look at its disk or its network");
}

}  // namespace nextid::node
