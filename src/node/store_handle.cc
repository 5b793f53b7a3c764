// nextid::Store and open_store: the public face of Node.
#include <optional>
#include <system_error>
#include <utility>

#include "nextid/store.h"

#include "base/awaited.h"
#include "base/cat.h"
#include "node/node.h"
#include "state/state_file.h"
#include "store/factory.h"

namespace nextid {
namespace {

using base::cat;

/// Turns a call with a receiver into one that waits.
template <typename T, typename Start>
Result<T> wait_for(Start start) {
  base::Awaited<Result<T>> answer;
  start([&](Result<T> result) { answer.set(std::move(result)); });
  return answer.wait();
}

std::optional<Error> problem_with(const StoreOptions& options) {
  const auto invalid = [](const std::string& sentence) {
    return Error(ErrorCode::kInvalid, sentence);
  };
  if (options.max_range < 1 || options.max_range > kMaxId) {
    return invalid(cat("max_range must be from 1 to 2^63 - 1, not ", options.max_range, "."));
  }
  if (options.max_reservation < options.max_range) {
    return invalid(cat("max_reservation is ", options.max_reservation,
                       ", but must be at least max_range, which is ", options.max_range, "."));
  }
  if (options.max_waiting_requests < 1 || options.max_waiting_ids < options.max_range) {
    return invalid(
        "max_waiting_requests must be at least 1, and max_waiting_ids at least max_range.");
  }
  if (options.default_cache < 1 || options.default_cache > kMaxId) {
    return invalid(
        cat("default_cache must be from 1 to 2^63 - 1, not ", options.default_cache, "."));
  }
  if (options.idempotency_retention < std::chrono::seconds(1)) {
    return invalid("idempotency_retention must be at least a second.");
  }
  if (options.max_counters < 1) return invalid("max_counters must be at least 1.");
  return std::nullopt;
}

/// What the state directory knows.
struct Remembered {
  std::unique_ptr<state::StateFile> file;
  std::string identity;  // Of the store; empty if the directory remembers none.
};

Result<Remembered> remember(const std::string& directory, std::string_view url) {
  if (store::traits_of(url).forgets) {
    return Error(ErrorCode::kInvalid,
                 "a store in memory is gone with its process: there is nothing for a state "
                 "directory to remember; leave out state-dir, or set it to none.");
  }
  auto file = state::StateFile::open(directory, state::StateFile::Making::kDirectory);
  if (!file) return file.error();
  auto identity = (*file)->identity();
  if (!identity) return identity.error();
  return Remembered{*std::move(file), *std::move(identity)};
}

/// Adds to the error why the store was not made, which the caller had allowed.
Error with_remembered(const Error& error, const Remembered& remembered) {
  if (error.code() != ErrorCode::kInvalid) return error;
  return Error(error.code(),
               cat(error.what(), " (", remembered.file->path(), " remembers the store ",
                   remembered.identity, ", so no other one is made in its place.)"));
}

/// Opens the store; if the state directory remembers one, it must be that one.
Result<Store> open_as_remembered(std::string_view url, StoreOptions options) {
  Remembered remembered;
  if (!options.state_dir.empty()) {
    auto opened = remember(options.state_dir, url);
    if (!opened) return opened.error();
    remembered = *std::move(opened);
  }
  // A node that had a store is not to make another one in its place.
  const bool known = !remembered.identity.empty();
  auto driver = store::open_driver(url, {.create = options.create_store,
                                         .is_known = known,
                                         .accept_copy = options.accept_copy,
                                         .accept_as_is = false,
                                         .log = options.log});
  if (!driver) {
    return known && options.create_store ? with_remembered(driver.error(), remembered)
                                         : driver.error();
  }
  if (remembered.file) {
    const auto same =
        node::check_identity(*remembered.file, (*driver)->opening(), store::without_password(url));
    if (!same) return same.error();
  }
  return Store(node::Node::create(std::string(url), *std::move(driver), std::move(options),
                                  std::move(remembered.file)));
}

}  // namespace

const std::string& Store::url() const noexcept { return node_->url(); }

const StoreOpening& Store::opening() const noexcept { return node_->opening(); }

Result<CounterInfo> Store::counter(std::string_view name) const {
  return wait_for<CounterInfo>([&](auto receiver) { async_counter(name, receiver); });
}

Result<CounterPage> Store::counters(std::string_view after, std::size_t limit) const {
  return wait_for<CounterPage>([&](auto receiver) { async_counters(after, limit, receiver); });
}

Result<CounterPage> Store::deleted_counters(std::string_view after, std::size_t limit) const {
  return wait_for<CounterPage>(
      [&](auto receiver) { async_deleted_counters(after, limit, receiver); });
}

void Store::async_counter(std::string_view name, CounterReceiver receiver) const {
  node_->show(name, std::move(receiver));
}

void Store::async_counters(std::string_view after, std::size_t limit, PageReceiver receiver) const {
  node_->list({.after = std::string(after), .limit = limit}, std::move(receiver));
}

void Store::async_deleted_counters(std::string_view after, std::size_t limit,
                                   PageReceiver receiver) const {
  node_->list({.after = std::string(after), .limit = limit, .deleted = true}, std::move(receiver));
}

Result<DefinedCounter> Store::define(std::string_view name, const DefinitionChange& change,
                                     DefinitionCondition condition) const {
  return wait_for<DefinedCounter>(
      [&](auto receiver) { async_define(name, change, receiver, std::move(condition)); });
}

Result<CounterInfo> Store::delete_counter(std::string_view name,
                                          DefinitionCondition condition) const {
  return wait_for<CounterInfo>(
      [&](auto receiver) { async_delete_counter(name, receiver, std::move(condition)); });
}

Result<CounterInfo> Store::advance(std::string_view name, std::uint64_t to) const {
  return wait_for<CounterInfo>([&](auto receiver) { async_advance(name, to, receiver); });
}

void Store::async_define(std::string_view name, const DefinitionChange& change,
                         DefinedReceiver receiver, DefinitionCondition condition) const {
  node_->define(name, change, std::move(condition), std::move(receiver));
}

void Store::async_delete_counter(std::string_view name, CounterReceiver receiver,
                                 DefinitionCondition condition) const {
  node_->delete_counter(name, std::move(condition), std::move(receiver));
}

void Store::async_advance(std::string_view name, std::uint64_t to, CounterReceiver receiver) const {
  node_->advance(name, to, std::move(receiver));
}

Accounting Store::accounting() const { return node_->accounting(); }

NodeActivity Store::activity(std::size_t limit) const { return node_->activity(limit); }

StoreCalls Store::store_calls() const { return node_->runtime().store_calls(); }

StoreHealth Store::health() const {
  const auto driver = node_->in_child() ? nullptr : node_->runtime().driver();
  return driver ? driver->health() : StoreHealth{};
}

Result<void> Store::try_write() const {
  return wait_for<void>([&](auto receiver) { node_->try_write(receiver); });
}

void Store::async_check_writes(WriteReceiver receiver) const {
  node_->check_writes(std::move(receiver));
}

bool Store::close(std::chrono::milliseconds limit) { return node_->close(limit); }

Result<Store> open_store(std::string_view url, StoreOptions options) {
  if (const auto problem = problem_with(options)) return *problem;
  try {
    return open_as_remembered(url, std::move(options));
  } catch (const std::system_error& failure) {
    return Error(ErrorCode::kUnavailable,
                 cat("the store needs a thread, and the system gives none: ", failure.what(),
                     "; raise the limit (TasksMax=, ulimit -u)"));
  }
}

}  // namespace nextid
