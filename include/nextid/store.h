// An opened store: where the truth about counters lives, and this process's engines on top of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "nextid/accounting.h"
#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/log.h"
#include "nextid/statistics.h"

namespace nextid {

namespace node {
class Charged;
class Node;
}  // namespace node

/// Bounds and settings of an opened store. A request beyond a bound is refused at once, with
/// kOverloaded or kInvalid.
struct StoreOptions {
  /// Most ids one request may ask for.
  std::uint64_t max_range = 1'000'000;
  /// Waiting requests a counter.
  std::uint64_t max_waiting_requests = 100'000;
  /// Ids that waiting requests of a counter ask for.
  std::uint64_t max_waiting_ids = 1'000'000'000;
  /// Most ids one store call reserves; >= max_range.
  std::uint64_t max_reservation = 10'000'000;
  /// Counters this process serves at a time.
  std::size_t max_counters = 100'000;
  /// A counter without requests for this long gives back the ids that it holds ahead, and releases
  /// its slot in the store; if no generator holds it, it is forgotten. Its next use costs one more
  /// read of the store. An idle counter that a generator holds takes less than 1 KB.
  std::chrono::milliseconds idle_counter_timeout = std::chrono::minutes(5);
  /// How often a counter in use prunes the slots of writers that ended without releasing them.
  std::chrono::milliseconds pruning_interval = std::chrono::hours(1);
  /// Written into the definition of counters created on first use.
  std::uint64_t default_cache = 1;
  /// Make counters on first use; if false, a missing counter is kNotFound.
  bool auto_create = true;
  /// How long an idempotency key stands for its ids; whole seconds, at least one.
  std::chrono::seconds idempotency_retention = std::chrono::hours(24);
  /// Make the store if there is none; if false, a missing store is kInvalid.
  bool create_store = true;
  /// Accept a store that is a copy as the one that it is a copy of: an SQLite file that was copied
  /// or moved to another file system, tables that came to another PostgreSQL cluster or out of a
  /// dump of MariaDB's, keys in another cluster of etcd. Only for a move: nothing may have used the
  /// original since the copy was made, nor use it afterwards.
  bool accept_copy = false;
  /// A directory in which this node remembers, across its restarts, which store this is and how far
  /// its counters were; "" for none. May be shared by the processes of one store.
  std::string state_dir = {};
  /// Default time a request may wait, for callers that give none.
  std::chrono::milliseconds request_timeout = std::chrono::seconds(5);
  /// Receives the rare lines worth keeping.
  Log log = {};
};

/// A handle on an opened store; copies share it. Thread-safe.
///
/// Each counter has one engine an opened store, shared by all its generators. Destroying the last
/// handle or generator closes the store as close() does, with a limit of one second.
///
/// After fork() the child's calls fail with kInvalid before they take any lock, and its destructors
/// do nothing; the parent goes on. Open stores after forking: SQLite's locks do not survive it, so
/// a child can't open a file that its parent had open, either.
class Store {
 public:
  using PageReceiver = std::function<void(Result<CounterPage>)>;
  using CounterReceiver = std::function<void(Result<CounterInfo>)>;
  using DefinedReceiver = std::function<void(Result<DefinedCounter>)>;
  /// Whether a counter may be made, changed or deleted: asked with its definition, or with null
  /// where there is no such counter, or it was deleted. Perhaps more than once, from any thread; it
  /// must not block.
  using DefinitionCondition = std::function<bool(const Definition* now)>;
  using WriteReceiver = std::function<void(Result<void>)>;

  explicit Store(std::shared_ptr<node::Node> node) : node_(std::move(node)) {}

  /// The store's URL as opened, but for a password.
  const std::string& url() const noexcept;
  /// Which store it is, and whether this opening made it.
  const StoreOpening& opening() const noexcept;

  /// One counter as the store has it; kNotFound when it does not exist, kDeleted when it was
  /// deleted. Never creates one.
  Result<CounterInfo> counter(std::string_view name) const;
  /// Counters whose names follow `after` ("" for all), at most `limit` (1 ... 1,000).
  Result<CounterPage> counters(std::string_view after = "", std::size_t limit = 100) const;
  /// The same of those that were deleted, which counters() leaves out.
  Result<CounterPage> deleted_counters(std::string_view after = "", std::size_t limit = 100) const;

  /// Makes the counter, or changes its definition, or brings it back where it was deleted: then it
  /// goes on above its value. Ids that nodes have already reserved are still served by the old
  /// definition. Errors: kInvalid for numbers out of range; kConflict for another
  /// start or increment than the counter has, another revision than given, a max below its value;
  /// kUnavailable and kDeadline as in next_id(): the change may have been made. Repeating the same
  /// call is safe, unless it gives a revision or a condition.
  ///
  /// With a condition, the write is one atomic step with the last time that it held; kPrecondition
  /// where it does not hold. Of calls that only want to make the counter, one at most succeeds.
  Result<DefinedCounter> define(std::string_view name, const DefinitionChange& change,
                                DefinitionCondition condition = {}) const;

  /// Deletes the counter, and returns it as it was: no id is reserved from it any more, and its
  /// requests fail with kDeleted, until define() brings it back. Its name and its value stay, so
  /// that no id of it is given again. Other nodes still serve the ids that they have reserved,
  /// until they next ask the store. Succeeds if it was deleted already. Errors: kNotFound;
  /// kPrecondition as in define(), a deleted counter being one that there is not; kUnavailable and
  /// kDeadline: it may have been deleted. Repeating the call is safe.
  Result<CounterInfo> delete_counter(std::string_view name,
                                     DefinitionCondition condition = {}) const;

  /// Raises the counter's value to at least `to`, for migrations: ids reserved after that are above
  /// it. Other nodes still serve the ids that they have reserved, or give them back, to be served
  /// later: so stop nodes with cached blocks first. Succeeds if the value is already as high. Makes
  /// a missing counter as its first use would. Errors: kInvalid if `to` is past the counter's max;
  /// kDeleted.
  Result<CounterInfo> advance(std::string_view name, std::uint64_t to) const;

  /// The same without waiting. The receiver is called once, from any thread, perhaps before the
  /// call returns; it must not block.
  void async_counter(std::string_view name, CounterReceiver receiver) const;
  void async_counters(std::string_view after, std::size_t limit, PageReceiver receiver) const;
  void async_deleted_counters(std::string_view after, std::size_t limit,
                              PageReceiver receiver) const;
  void async_define(std::string_view name, const DefinitionChange& change, DefinedReceiver receiver,
                    DefinitionCondition condition = {}) const;
  void async_delete_counter(std::string_view name, CounterReceiver receiver,
                            DefinitionCondition condition = {}) const;
  void async_advance(std::string_view name, std::uint64_t to, CounterReceiver receiver) const;

  /// Ids returned and burned by this process through this store, so far. Exact once closed.
  Accounting accounting() const;

  /// What the counters in use are doing, and the `limit` busiest ones one by one. Looks at each
  /// counter, under its lock: some ten milliseconds for 100,000 of them. Too slow to be called for
  /// each request.
  NodeActivity activity(std::size_t limit) const;
  /// Calls of the store so far. Cheap, as is health().
  StoreCalls store_calls() const;
  StoreHealth health() const;
  /// Makes a write that changes nothing that anybody reads, to learn whether the store takes
  /// writes. kUnavailable says why it does not.
  Result<void> try_write() const;
  /// Whether the store takes writes, so that ids can be given: as this process's own writes of the
  /// last five seconds show it; if there were none, or some failed, by such a write, of which there
  /// is at most one in five seconds, or a second while writes fail. The receiver is called once,
  /// from any thread; within about half a second, with what is known by then. kUnavailable says why
  /// writes fail, once they have failed for a second. For health checks.
  void async_check_writes(WriteReceiver receiver) const;

  /// Answers the waiting requests, releases this process's slots, closes the store. Blocks for at
  /// most `limit`, then refuses the requests that still wait with kUnavailable and leaves slots to
  /// pruning. Calls after it fail with kUnavailable. False when the limit was reached first.
  bool close(std::chrono::milliseconds limit);

 private:
  friend class IdGenerator;
  friend class Batch;
  friend class node::Charged;
  std::shared_ptr<node::Node> node_;
};

/// Opens a store by its URL:
///   memory:       a store of this handle only, gone with it; for tests.
///   sqlite:PATH   an SQLite file, made when missing; several processes may share it.
///   postgres://USER@HOST/DATABASE?...   tables in PostgreSQL (docs/postgres.md),
///   mysql://USER@HOST/DATABASE?...      tables in MySQL or MariaDB (docs/mysql.md),
///   etcd://HOST:PORT/PREFIX?...         keys in etcd (docs/etcd.md),
///   dynamodb://TABLE?region=...         a table in DynamoDB (docs/dynamodb.md):
///                 made when missing; many machines may share them. The documents have the
///                 parameters. Blocks for some seconds at worst, a minute while DynamoDB makes the
///                 table.
/// A build may leave out the last four. Files, tables and keys that are not nextid's, are from a
/// newer version, or can't be used are refused with a sentence that names them, and are left as
/// they were.
Result<Store> open_store(std::string_view url, StoreOptions options = {});

}  // namespace nextid
