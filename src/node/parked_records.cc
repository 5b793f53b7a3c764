#include "node/parked_records.h"

#include <iterator>
#include <utility>

#include "node/random.h"
#include "node/record_write.h"
#include "node/runtime.h"

namespace nextid::node {

bool ParkedRecords::park(std::shared_ptr<RecordWrite> write, bool was_tried) {
  const base::Lock lock(mutex_);
  if (closed_) return false;
  if (was_tried) pace_.failed();
  write->parked_as_ = ++last_number_;
  parked_.emplace(last_number_, std::move(write));
  arm();
  return true;
}

bool ParkedRecords::take_out(RecordWrite& write) {
  const base::Lock lock(mutex_);
  return parked_.erase(std::exchange(write.parked_as_, 0)) > 0;
}

void ParkedRecords::one_was_written() {
  Writes next;
  {
    const base::Lock lock(mutex_);
    pace_.succeeded();
    next = take_first(2);
  }
  for (const auto& write : next) write->resume();
}

void ParkedRecords::close() {
  Writes all;
  {
    const base::Lock lock(mutex_);
    closed_ = true;
    all = take_first(parked_.size());
  }
  for (const auto& write : all) write->resume();
}

void ParkedRecords::arm() {
  if (parked_.empty() || std::exchange(is_armed_, true)) return;
  runtime_.timer().at(base::monotonic_now() + pace_.pause(random_bits()), [this] { try_one(); });
}

void ParkedRecords::try_one() {
  Writes due;
  {
    const base::Lock lock(mutex_);
    is_armed_ = false;
    due = take_over(base::monotonic_now());
    for (auto& write : take_first(1)) due.push_back(std::move(write));
    arm();
  }
  for (const auto& write : due) write->resume();
}

ParkedRecords::Writes ParkedRecords::take_first(std::size_t most) {
  Writes taken;
  while (taken.size() < most && !parked_.empty()) {
    parked_.begin()->second->parked_as_ = 0;
    taken.push_back(std::move(parked_.begin()->second));
    parked_.erase(parked_.begin());
  }
  return taken;
}

ParkedRecords::Writes ParkedRecords::take_over(base::MonotonicTime now) {
  Writes over;
  for (auto it = parked_.begin(); it != parked_.end();) {
    const auto here = it++;
    if (!here->second->is_over(now)) continue;
    here->second->parked_as_ = 0;
    over.push_back(std::move(here->second));
    parked_.erase(here);
  }
  return over;
}

}  // namespace nextid::node
