#include "service/service.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace nextid::service {
namespace {

// The answers to a FindCounters, as they come.
struct Search {
  std::vector<Result<CounterInfo>> found;        // Of each name.
  std::vector<std::vector<std::size_t>> askers;  // Of each name: its places in the answer.
  std::atomic<std::size_t> left;
  Done<FindCounters::Answer> done;

  void end() {
    std::size_t size = 0;
    for (const auto& places : askers) size += places.size();
    FindCounters::Answer answer(size, found.front());
    for (std::size_t name = 0; name < found.size(); ++name) {
      for (const std::size_t place : askers[name]) answer[place] = found[name];
    }
    done(std::move(answer));
  }
};

// The names, each once, with their places in `names`.
std::map<std::string_view, std::vector<std::size_t>> places_of(
    const std::vector<std::string>& names) {
  std::map<std::string_view, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < names.size(); ++i) places[names[i]].push_back(i);
  return places;
}

}  // namespace

Service::Service(Store store, Reports& reports, Log log)
    : store_(std::move(store)),
      reports_(reports),
      count_(std::make_shared<CounterCount>(store_)),
      readiness_(std::make_shared<ReadinessLog>(std::move(log))) {}

void Service::start(const ListCounters& call, Done<CounterPage> done) const {
  store_.async_counters(call.after, call.limit, std::move(done));
}

void Service::start(const ShowCounter& call, Done<CounterInfo> done) const {
  store_.async_counter(call.counter, std::move(done));
}

void Service::start(const FindCounters& call, Done<FindCounters::Answer> done) const {
  if (call.counters.empty()) return done(FindCounters::Answer{});
  const auto names = places_of(call.counters);
  const auto search = std::make_shared<Search>();
  search->found.assign(names.size(), Error(ErrorCode::kNotFound, "there is no such counter."));
  for (const auto& [name, places] : names) search->askers.push_back(places);
  search->left = names.size();
  search->done = std::move(done);
  std::size_t i = 0;
  for (const auto& [name, places] : names) {
    const auto take = [search, i](Result<CounterInfo> counter) {
      search->found[i] = std::move(counter);
      if (--search->left == 0) search->end();
    };
    if (is_counter_name(name)) {
      store_.async_counter(name, take);
    } else {
      take(search->found[i]);
    }
    ++i;
  }
}

void Service::start(const CountCounters&, Done<std::uint64_t> done) const {
  count_->ask(std::move(done));
}

void Service::start(const DefineCounter& call, Done<DefinedCounter> done) const {
  store_.async_define(call.counter, call.change, std::move(done), call.condition);
}

void Service::start(const AdvanceCounter& call, Done<CounterInfo> done) const {
  store_.async_advance(call.counter, call.to, std::move(done));
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
