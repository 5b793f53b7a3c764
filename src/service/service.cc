#include "service/service.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "node/charged.h"

namespace nextid::service {
namespace {

// The answers to a FindCounters, as they come.
struct Search {
  std::vector<Result<CounterInfo>> found;
  std::atomic<std::size_t> left;
  Done<FindCounters::Answer> done;
};

// A CountCounters under way, page by page.
struct Count {
  Store store;
  std::uint64_t sum = 0;
  Done<std::uint64_t> done;
};

void count_from(const std::shared_ptr<Count>& count, const std::string& after) {
  count->store.async_counters(after, kMostListed, [count](const Result<CounterPage>& page) {
    if (!page) return count->done(page.error());
    count->sum += page->counters.size();
    if (!page->more || page->counters.empty()) return count->done(count->sum);
    count_from(count, page->counters.back().name);
  });
}

}  // namespace

Service::Service(Store store, Reports& reports, Log log)
    : store_(std::move(store)),
      reports_(reports),
      readiness_(std::make_shared<ReadinessLog>(std::move(log))) {}

void Service::start(const ListCounters& call, Done<CounterPage> done) const {
  store_.async_counters(call.after, call.limit, std::move(done));
}

void Service::start(const ShowCounter& call, Done<CounterInfo> done) const {
  store_.async_counter(call.counter, std::move(done));
}

void Service::start(const FindCounters& call, Done<FindCounters::Answer> done) const {
  if (call.counters.empty()) return done(FindCounters::Answer{});
  const auto search = std::make_shared<Search>();
  search->found.assign(call.counters.size(),
                       Error(ErrorCode::kNotFound, "there is no such counter."));
  search->left = call.counters.size();
  search->done = std::move(done);
  for (std::size_t i = 0; i < call.counters.size(); ++i) {
    const auto take = [search, i](Result<CounterInfo> counter) {
      search->found[i] = std::move(counter);
      if (--search->left == 0) search->done(std::move(search->found));
    };
    if (is_counter_name(call.counters[i])) {
      store_.async_counter(call.counters[i], take);
    } else {
      take(search->found[i]);
    }
  }
}

void Service::start(const CountCounters&, Done<std::uint64_t> done) const {
  count_from(std::make_shared<Count>(Count{store_, 0, std::move(done)}), "");
}

void Service::start(const DefineCounter& call, Done<DefinedCounter> done) const {
  node::Charged::define(store_, call.counter, call.change, std::move(done), call.condition,
                        call.payer);
}

void Service::start(const AdvanceCounter& call, Done<CounterInfo> done) const {
  node::Charged::advance(store_, call.counter, call.to, std::move(done), call.payer.get());
}

// One stopped counter makes the whole node not ready: the store was set back or exchanged, so
// counters that were not used since are wrong, too.
void Service::start(const CheckReady&, Done<CheckReady::Answer> done) const {
  if (is_stopping_) return done(Error(ErrorCode::kUnavailable, "The server is stopping."));
  if (std::string doubt = reports_.doubt(); !doubt.empty()) {
    readiness_->note(doubt, base::monotonic_now());
    return done(CheckReady::Answer{std::move(doubt)});
  }
  store_.async_check_writes([done = std::move(done), log = readiness_](Result<void> writes) {
    log->note(writes ? std::string_view() : writes.error().what(), base::monotonic_now());
    if (!writes) return done(std::move(writes).error());
    done(CheckReady::Answer{});
  });
}

void Service::start(const ShowMetrics& call, Done<Page> done) const {
  reports_.report(call, std::move(done));
}

void Service::start(const ShowStatus& call, Done<Page> done) const {
  reports_.report(call, std::move(done));
}

void Service::start(const SumUpIds& call, Done<Accounting> done) const {
  reports_.report(call, std::move(done));
}

}  // namespace nextid::service
