// Unique, increasing ids and contiguous ranges from one counter of a store.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "nextid/accounting.h"
#include "nextid/detail/fork.h"
#include "nextid/detail/lane.h"
#include "nextid/error.h"
#include "nextid/id_range.h"
#include "nextid/store.h"

namespace nextid {

namespace node {
class Charged;
class Counter;
struct RequestKey;
}  // namespace node

/// Receives the answer of an asynchronous request.
class RangeReceiver {
 public:
  /// Called exactly once for each request that was not cancelled, from any thread and under no lock
  /// of nextid's. Must not block, nor destroy the last handle of the store. The receiver must live
  /// until it is called or its request is cancelled. `tag` is the request's.
  virtual void on_range(std::uint64_t tag, Result<IdRange> range) noexcept = 0;

 protected:
  ~RangeReceiver() = default;
};

/// A text that the caller chose for one request, 1 ... kMaxIdempotencyKeyBytes bytes of printable
/// ASCII. Within StoreOptions::idempotency_retention the same key on the same counter stands for
/// the same ids: after a lost answer, on another node, after a crash or a restart. With another
/// count it is kConflict. Calls copy the text: it need not outlive them.
using IdempotencyKey = std::string_view;
inline constexpr std::size_t kMaxIdempotencyKeyBytes = 255;

/// True for 1 ... kMaxIdempotencyKeyBytes bytes of ' ' ... '~'.
bool is_idempotency_key(std::string_view key) noexcept;

/// Names a request of one generator, for cancel().
using RequestId = std::uint64_t;

/// A source of ids from one counter. Thread-safe; any number may share a counter.
///
/// Ids are unique across threads, processes and restarts (I1), durable before they are returned
/// (I2), linearizable (I3): a call that begins after another one's return gets larger ids. Calls
/// that wait at the same time share one store commit. The counter is created on first use.
///
/// A counter whose definition says `cache` > 1 is faster and promises less: ids grow in order
/// within this process, between processes they are only unique. Its next_id() takes no lock as long
/// as the block of ids that this process holds lasts.
///
///   auto store = nextid::open_store("sqlite:ids.db");
///   nextid::IdGenerator orders(store, "orders");
///   std::uint64_t id = orders.next_id().value();
class IdGenerator {
 public:
  using Clock = std::chrono::steady_clock;

  /// Never fails: when the store did not open, or `counter` is no counter name, each call returns
  /// that error.
  explicit IdGenerator(Result<Store> store, std::string_view counter = kDefaultCounter);

  /// One id. Blocks until the store has it durably, at most StoreOptions::request_timeout.
  /// Errors: kExhausted, kDeleted, kUnavailable, kDeadline, kOverloaded, kCorrupt, kInvalid.
  Result<std::uint64_t> next_id() const {
    if (const std::uint64_t id = try_next_id()) return id;
    return next_id_beyond_lane();
  }

  /// One id, if this process holds some of a cached counter; else 0. Never blocks, nor asks the
  /// store: a caller that gets 0 makes a request.
  std::uint64_t try_next_id() const noexcept {
    if (lane_ == nullptr || generation_ != detail::fork_generation.load(std::memory_order_relaxed))
      return 0;
    return lane_->take();
  }

  /// False when each call will fail with the same error; see the constructor.
  bool usable() const noexcept { return usable_ != nullptr; }

  /// `count` neighbouring ids (I4), 1 ... StoreOptions::max_range. Blocks and fails like next_id();
  /// a count out of range is kInvalid. A failed call burns nothing unless its deadline passed while
  /// the reservation was under way; accounting() counts that.
  Result<IdRange> next_range(std::uint64_t count) const;

  /// With an idempotency key: a repeat gets the ids of the first call again. Costs a second store
  /// write. Further errors: kConflict for a key that stands for another count, kInvalid for text
  /// that is no key. After kUnavailable or kDeadline, repeat the call with the same key.
  Result<std::uint64_t> next_id(IdempotencyKey key) const;
  Result<IdRange> next_range(std::uint64_t count, IdempotencyKey key) const;

  /// next_range without waiting: the answer goes to `receiver`, perhaps before this returns.
  RequestId async_next_range(std::uint64_t count, Clock::time_point deadline,
                             RangeReceiver& receiver, std::uint64_t tag = 0,
                             std::optional<IdempotencyKey> key = {}) const;

  /// Withdraws a request. True: its receiver will not be called, and ids already under way for it
  /// are burned as kDisconnect; those of an idempotent request are kept for its key. False: it was
  /// answered, or its answer is on the way.
  bool cancel(RequestId request) const;

  /// Tells that `count` ids, answered earlier, never left for their caller (a failed write): they
  /// move from returned to burned as kDisconnect (I5). Not for idempotent requests: a repeat with
  /// the same key gets those ids.
  void count_undelivered(std::uint64_t count) const;

  /// What became of this counter's ids in this process.
  Accounting accounting() const;

 private:
  friend class Batch;
  friend class Cursor;
  friend class node::Charged;
  IdGenerator(std::shared_ptr<node::Node> node, Result<std::shared_ptr<node::Counter>> counter);
  Result<std::uint64_t> next_id_beyond_lane() const;
  Result<IdRange> wait_for_range(std::uint64_t count, std::optional<IdempotencyKey> key) const;
  /// Without a key for null.
  RequestId add(const node::RequestKey* key, std::uint64_t count, Clock::time_point deadline,
                RangeReceiver& receiver, std::uint64_t tag) const;

  std::shared_ptr<node::Node> node_;  // Keeps the store open.
  Result<std::shared_ptr<node::Counter>> counter_;
  node::Counter* usable_;  // counter_, or none.
  detail::Lane* lane_;     // Its lane, or none.
  std::uint64_t generation_ = detail::fork_generation.load(std::memory_order_relaxed);
};

/// Requests that share a store commit, whatever their counters: add() some, then submit().
/// For event loops: add during a turn, submit at its end. One thread at a time.
class Batch {
 public:
  explicit Batch(Store store);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Like IdGenerator::async_next_range, but nothing is sent and no receiver is called yet.
  /// The generator must be of the batch's store.
  RequestId add(const IdGenerator& generator, std::uint64_t count,
                IdGenerator::Clock::time_point deadline, RangeReceiver& receiver,
                std::uint64_t tag = 0, std::optional<IdempotencyKey> key = {});

  /// Sends what was added. May commit in the calling thread and call receivers before it returns.
  void submit();

 private:
  friend struct node::RequestKey;
  RequestId add_with(const node::RequestKey* key, const IdGenerator& generator, std::uint64_t count,
                     IdGenerator::Clock::time_point deadline, RangeReceiver& receiver,
                     std::uint64_t tag);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nextid
