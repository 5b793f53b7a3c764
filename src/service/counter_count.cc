#include "service/counter_count.h"

#include <iterator>
#include <utility>

#include "service/call.h"

namespace nextid::service {

void CounterCount::ask(Done<std::uint64_t> done) {
  if (const auto kept = kept_count()) return done(*kept);
  {
    const base::Lock lock(mutex_);
    if (looks_) return next_.push_back(std::move(done));
    looks_ = true;
    asked_.push_back(std::move(done));
  }
  look("", 0);
}

std::optional<std::uint64_t> CounterCount::kept_count() {
  const base::Lock lock(mutex_);
  if (base::monotonic_now() >= kept_until_) return std::nullopt;
  return kept_;
}

void CounterCount::look(const std::string& after, std::uint64_t before) {
  store_.async_counters(after, kMostListed,
                        [self = shared_from_this(), before](const Result<CounterPage>& page) {
                          if (!page) return self->end(page.error(), false);
                          const std::uint64_t count = before + page->counters.size();
                          const bool more = page->more && !page->counters.empty();
                          if (more) return self->look(page->counters.back().name, count);
                          self->end(count, before > 0);
                        });
}

void CounterCount::end(const Result<std::uint64_t>& count, bool is_long) {
  Askers answered;
  bool again = false;
  {
    const base::Lock lock(mutex_);
    answered.swap(asked_);
    asked_.swap(next_);
    if (is_long) {
      kept_ = *count;
      kept_until_ = base::monotonic_now() + kKept;
      answered.insert(answered.end(), std::make_move_iterator(asked_.begin()),
                      std::make_move_iterator(asked_.end()));
      asked_.clear();
    }
    looks_ = again = !asked_.empty();
  }
  for (const auto& done : answered) done(count);
  if (again) look("", 0);
}

}  // namespace nextid::service
