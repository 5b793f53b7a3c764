#include "loadtool/load.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace nextid::loadtool {
namespace {

using Clock = std::chrono::steady_clock;

/// What all clients share.
struct Shared {
  const Plan& plan;
  const Clock::time_point end;
  std::atomic<std::uint64_t> requests_left;
  std::atomic<std::uint64_t> ids{0};
  std::atomic<std::uint64_t> failures{0};
  base::Mutex mutex;
  std::condition_variable ended;
  std::size_t running NEXTID_GUARDED_BY(mutex) = 0;

  /// Takes up to a pipeline of requests from those left.
  std::size_t claim() {
    std::uint64_t left = requests_left.load();
    std::uint64_t mine = 0;
    do {
      mine = std::min<std::uint64_t>(left, plan.pipeline);
    } while (!requests_left.compare_exchange_weak(left, left - mine));
    return static_cast<std::size_t>(mine);
  }
};

/// One client, and what it got. Its own thread alone uses it, until that has ended.
struct Client {
  std::unique_ptr<IdSource> source;
  std::vector<std::uint64_t> ids = {};
  std::vector<std::chrono::duration<float, std::micro>> latencies = {};
  std::string first_failure = {};

  void run(Shared& shared) {
    unsigned failures_in_a_row = 0;
    for (auto now = Clock::now(); now < shared.end && failures_in_a_row < kFailuresToEnd;) {
      const std::size_t count = shared.claim();
      if (count == 0) break;
      const std::size_t before = ids.size();
      const Result<void> taken = source->take(count, ids);
      const auto after = Clock::now();
      latencies.push_back(after - std::exchange(now, after));
      shared.ids += ids.size() - before;
      if (taken) {
        failures_in_a_row = 0;
        continue;
      }
      ++failures_in_a_row;
      ++shared.failures;
      if (first_failure.empty()) first_failure = taken.error().what();
    }
    const base::Lock lock(shared.mutex);
    --shared.running;
    shared.ended.notify_all();
  }
};

void report_until_ended(Shared& shared, Clock::time_point started,
                        const std::function<void(const Progress&)>& on_progress) {
  base::Lock lock(shared.mutex);
  for (auto next = started + std::chrono::seconds(1);; next += std::chrono::seconds(1)) {
    while (shared.running > 0 && Clock::now() < next) shared.ended.wait_until(lock.native(), next);
    if (shared.running == 0) return;
    on_progress({Clock::now() - started, shared.ids.load(), shared.failures.load()});
  }
}

void check_order(const Client& client, Outcome& outcome) {
  const auto wrong = std::adjacent_find(client.ids.begin(), client.ids.end(),
                                        [](std::uint64_t a, std::uint64_t b) { return b <= a; });
  if (wrong != client.ids.end()) outcome.out_of_order = *(wrong + 1);
}

Outcome outcome_of(std::vector<Client> clients) {
  Outcome outcome;
  std::vector<std::uint64_t> ids;
  for (Client& client : clients) {
    check_order(client, outcome);
    ids.insert(ids.end(), client.ids.begin(), client.ids.end());
    std::vector<std::uint64_t>().swap(client.ids);
    outcome.latencies.insert(outcome.latencies.end(), client.latencies.begin(),
                             client.latencies.end());
    if (outcome.first_failure.empty()) outcome.first_failure = std::move(client.first_failure);
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) outcome.duplicate = *twice;
  outcome.ids = ids.size();
  std::sort(outcome.latencies.begin(), outcome.latencies.end());
  return outcome;
}

}  // namespace

double Outcome::percentile_us(double share) const noexcept {
  if (latencies.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
  return latencies[index].count();
}

Outcome run_load(const Plan& plan, std::vector<std::unique_ptr<IdSource>> sources,
                 const std::function<void(const Progress&)>& on_progress) {
  const auto started = Clock::now();
  Shared shared{.plan = plan,
                .end = started + plan.duration,
                .requests_left = plan.requests,
                .mutex = {},
                .ended = {},
                .running = sources.size()};
  std::vector<Client> clients;
  for (auto& source : sources) clients.push_back(Client{std::move(source)});
  std::vector<std::thread> threads;
  for (Client& client : clients) threads.emplace_back([&] { client.run(shared); });
  report_until_ended(shared, started, on_progress);
  for (std::thread& thread : threads) thread.join();
  const auto elapsed = Clock::now() - started;

  Outcome outcome = outcome_of(std::move(clients));
  outcome.elapsed = elapsed;
  outcome.failures = shared.failures;
  return outcome;
}

}  // namespace nextid::loadtool
