#include "net/io_thread.h"

#include <algorithm>
#include <malloc.h>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"

namespace nextid::net {
namespace {

constexpr std::size_t kWorthALook = 4;
constexpr int kMaxLooks = 4;
constexpr std::size_t kWorthReturning = 1024 * 1024;
// Long enough to spare busy counters the search under the node's lock, short enough that idle
// counters can be put to rest.
constexpr std::chrono::seconds kGeneratorLifetime{1};

}  // namespace

IoThread::IoThread(Store store, std::chrono::milliseconds sweep_period,
                   std::span<const stats::FrontEndLabels> front_ends, ClientMemory& memory,
                   Lobby::Limits lobby)
    : store_(std::move(store)),
      generators_(store_),
      sweep_period_(sweep_period),
      memory_(memory),
      lobby_(front_ends.size(), lobby),
      batch_(store_),
      stats_(front_ends.begin(), front_ends.end()),
      thread_([this] { run(); }) {}

IoThread::~IoThread() { stop(); }

void IoThread::run() {
  schedule_sweep();
  while (!reactor_.stopped()) {
    const bool has_work = batched_ > 0 || !to_flush_.empty();
    reactor_.turn(has_work ? Reactor::Wait::kNot : Reactor::Wait::kForEvents);
    // While each look finds more requests, they join this batch instead of waiting for the next
    // commit. The number of looks is limited, so that no client waits long.
    for (int i = 0; std::exchange(read_since_look_, 0) >= kWorthALook && i < kMaxLooks; ++i) {
      reactor_.turn(Reactor::Wait::kNot);
    }
    end_turn();
  }
}

stats::FrontEndStats& IoThread::stats_of(std::string_view front_end) noexcept {
  const auto stats = std::find_if(stats_.begin(), stats_.end(), [&](const auto& candidate) {
    return candidate.labels().name == front_end;
  });
  NEXTID_CHECK(stats != stats_.end());
  return *stats;
}

void IoThread::post_answer(Connection& connection, std::uint64_t tag, Result<IdRange> range) {
  // Under the lock: once the answer can be delivered, this object may go.
  const base::Lock lock(mail_mutex_);
  if (mail_.empty()) reactor_.wake();
  mail_.push_back({&connection, tag, std::move(range)});
}

void IoThread::drain() {
  post([this] {
    draining_ = true;
    for (const auto& connection : connections()) connection->drain();
  });
}

bool IoThread::wait_until_empty(base::MonotonicTime deadline) {
  base::Lock lock(empty_mutex_);
  return empty_.wait_until(lock.native(), deadline, [this] { return open_connections() == 0; });
}

void IoThread::abort_connections() {
  post([this] {
    for (const auto& connection : connections()) connection->abort();
  });
  // The post is soon run: this thread's queue waits for one store call at most.
  wait_until_empty(base::monotonic_now() + std::chrono::seconds(1));
}

void IoThread::stop() {
  if (!thread_.joinable()) return;
  reactor_.stop();
  thread_.join();
  for (const auto& connection : connections()) connection->abort();
  deliver_mail();
}

void IoThread::adopt(std::shared_ptr<Connection> connection) {
  connections_.insert(std::move(connection));
}

void IoThread::forget(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection);
  const base::Lock lock(empty_mutex_);
  open_connections_.fetch_sub(1);
  empty_.notify_all();
}

RequestId IoThread::allocate(const IdGenerator& generator, std::uint64_t count,
                             base::MonotonicTime deadline, Connection& connection,
                             std::uint64_t tag, std::optional<IdempotencyKey> key) {
  ++batched_;
  ++read_since_look_;
  return batch_.add(generator, count, deadline, connection, tag, key);
}

void IoThread::flush_at_turn_end(std::shared_ptr<Connection> connection) {
  to_flush_.push_back(std::move(connection));
}

void IoThread::end_turn() {
  if (std::exchange(batched_, 0) > 0) batch_.submit();
  deliver_mail();
  flush_connections();
}

void IoThread::deliver_mail() {
  {
    const base::Lock lock(mail_mutex_);
    opened_mail_.swap(mail_);
  }
  for (auto& answer : opened_mail_) {
    answer.connection->deliver(answer.tag, std::move(answer.range));
  }
  opened_mail_.clear();
}

void IoThread::flush_connections() {
  flushing_.swap(to_flush_);
  for (const auto& connection : flushing_) connection->flush();
  flushing_.clear();
}

void IoThread::schedule_sweep() {
  reactor_.run_after(sweep_period_, [this] {
    const auto now = base::monotonic_now();
    for (const auto& connection : connections()) connection->sweep(now);
    generators_.forget_unused(now - kGeneratorLifetime);
    return_freed();
    schedule_sweep();
  });
}

// Else the process keeps for ever what its connections took at their busiest: between what is in
// use, the allocator returns nothing by itself.
void IoThread::return_freed() {
  if (freed_bytes_ < kWorthReturning) return;
  freed_bytes_ = 0;
  ::malloc_trim(0);
}

// A copy: its holders may close connections while they go through it.
std::vector<std::shared_ptr<Connection>> IoThread::connections() const {
  return {connections_.begin(), connections_.end()};
}

}  // namespace nextid::net
