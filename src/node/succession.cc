#include "node/succession.h"

#include <algorithm>
#include <utility>

#include "base/canary.h"

namespace nextid::node {

using base::Canary;
using base::canary;

engine::Engine& Succession::begin(contract::WriterId writer, std::uint64_t seed,
                                  engine::FirstUsePermit* permit) {
  const HighWaters::Known known = high_waters_.recall(counter_);
  predecessor_.high_water = std::max(predecessor_.high_water, known.issued);
  predecessor_.stopped = known.stopped;
  engine_ = std::make_unique<engine::Engine>(engine::Seat{.counter = counter_,
                                                          .writer = writer,
                                                          .seed = seed,
                                                          .rules = rules_,
                                                          .lane = lane_,
                                                          .predecessor = predecessor_,
                                                          .permit = permit});
  if (closing_) engine_->close({});  // It only refuses requests.
  return *engine_;
}

engine::Effects Succession::tick(base::MonotonicTime now, base::WallMicros wall_us) {
  if (!engine_) return {};
  if (!engine_->idle() && !engine_->resting()) last_request_ = now;
  engine_->tick(now, wall_us);
  engine::Effects effects = engine_->take_effects();
  if (!effects.stopped.empty()) high_waters_.stop(counter_, effects.stopped);
  if (engine_->at_rest()) drop_engine();
  return effects;
}

void Succession::drop_engine() {
  past().accounting += engine_->accounting();
  if (const Definition* definition = engine_->definition()) past().definition = *definition;
  predecessor_ = engine_->as_predecessor();
  if (canary(Canary::kForgetsAtRest)) {
    predecessor_.high_water = engine::Predecessor::kNothingYet;
  } else {
    high_waters_.note(counter_, predecessor_.high_water);
  }
  taken_from_stock_ = 0;
  engine_.reset();
}

Succession::Past& Succession::past() {
  if (!past_) past_ = std::make_unique<Past>();
  return *past_;
}

bool Succession::idle_since(base::MonotonicTime time, base::MonotonicTime now) {
  const std::uint64_t taken = engine_ ? engine_->taken_from_stock() : 0;
  if (std::exchange(taken_from_stock_, taken) != taken) last_request_ = now;
  return (!engine_ || engine_->idle()) && last_request_ <= time;
}

bool Succession::rest(base::MonotonicTime deadline) {
  if (!engine_) return true;
  engine_->rest(deadline);
  return false;
}

bool Succession::close(base::MonotonicTime deadline) {
  closing_ = true;
  if (!engine_) return true;
  engine_->close(deadline);
  return false;
}

void Succession::count_as_burned(std::uint64_t count, BurnReason reason) {
  if (engine_) return engine_->count_as_burned(count, reason);
  past().accounting.returned -= count;
  past().accounting.burned[static_cast<std::size_t>(reason)] += count;
}

Accounting Succession::accounting() const {
  Accounting accounting = past_ ? past_->accounting : Accounting{};
  if (engine_) accounting += engine_->accounting();
  return accounting;
}

const Definition* Succession::definition() const noexcept {
  if (engine_ && engine_->definition() != nullptr) return engine_->definition();
  return past_ && past_->definition ? &*past_->definition : nullptr;
}

std::int64_t Succession::issued() const noexcept {
  if (canary(Canary::kStateFileAhead)) return last_value();
  return engine_ && !canary(Canary::kStateFileBehind) ? engine_->issued() : predecessor_.high_water;
}

}  // namespace nextid::node
