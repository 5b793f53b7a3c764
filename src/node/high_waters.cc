#include "node/high_waters.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/random_generator.hpp>

#include "base/canary.h"
#include "base/mutex.h"

namespace nextid::node {

using base::Canary;
using base::canary;

/// A UUID of version 5: SHA-1 of the name after 128 secret bits. Clients choose names: without the
/// secret, which each process has for itself, no client can look for two names with one key.
HighWaters::Key HighWaters::key_of(std::string_view counter) {
  static const boost::uuids::uuid secret = boost::uuids::random_generator()();
  const boost::uuids::uuid name =
      boost::uuids::name_generator_sha1(secret)(counter.data(), counter.size());
  static_assert(sizeof(name) == sizeof(Key));
  Key key;
  std::memcpy(key.data(), &name, sizeof(key));
  return key;
}

HighWaters::Known HighWaters::recall(const std::string& counter) const {
  Known known;
  // Without the lock: it may take as long as a disk does.
  if (elsewhere_) known = elsewhere_(counter).value_or(Known{});
  const Key key = key_of(counter);
  const base::Lock lock(mutex_);
  if (const auto it = issued_.find(key); it != issued_.end()) {
    known.issued = std::max(known.issued, it->second);
  }
  if (const auto it = stopped_.find(counter); it != stopped_.end()) known.stopped = it->second;
  return known;
}

void HighWaters::note(std::string_view counter, std::int64_t issued) {
  if (issued == engine::Predecessor::kNothingYet) return;
  const Key key = key_of(counter);
  const base::Lock lock(mutex_);
  std::int64_t& mark = issued_.try_emplace(key, issued).first->second;
  mark = std::max(mark, issued);
}

void HighWaters::stop(const std::string& counter, const std::string& sentence) {
  if (canary(Canary::kForgetsCorrupt)) return;
  const base::Lock lock(mutex_);
  if (stopped_.try_emplace(counter, sentence).second) new_stops_.emplace_back(counter, sentence);
}

std::size_t HighWaters::size() const {
  const base::Lock lock(mutex_);
  return issued_.size();
}

std::size_t HighWaters::stopped_counters() const {
  const base::Lock lock(mutex_);
  return stopped_.size();
}

std::vector<HighWaters::Stop> HighWaters::stopped(std::size_t limit) const {
  const base::Lock lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(limit, stopped_.size()));
  return {stopped_.begin(), std::next(stopped_.begin(), count)};
}

std::string HighWaters::why_stopped(const std::string& counter) const {
  const base::Lock lock(mutex_);
  const auto it = stopped_.find(counter);
  return it == stopped_.end() ? std::string() : it->second;
}

std::vector<HighWaters::Stop> HighWaters::take_new_stops() {
  const base::Lock lock(mutex_);
  return std::exchange(new_stops_, {});
}

}  // namespace nextid::node
