#include "load/library_load.h"

#include <cstddef>
#include <cstdio>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "nextid/nextid.h"

#include "history/history.h"

namespace nextid::testing {
namespace {

using history::HistoryWriter;
using history::now_ns;
using history::Record;

/// One thread of the load.
class Asker {
 public:
  Asker(const LibraryLoad& load, unsigned thread, const Store& store, Progress& progress)
      : load_(load),
        progress_(progress),
        random_(load.seed * 1000 + thread),
        writer_(load.history_path),
        generator_(store, load.counter) {
    record_.client = "library-" + std::to_string(::getpid()) + "-" + std::to_string(thread);
    record_.counter = load.counter;
    record_.node = load.node;
  }

  void run() {
    while (!progress_.stopped()) {
      record_.asked = pick_count(random_);
      record_.key = load_.endure && one_in(4) ? next_key() : "";
      if (!answered()) continue;
      progress_.add_ids(record_.count);
      if (record_.key.empty()) continue;
      if (one_in(3)) answered();  // The same ids once more: the checker compares them.
    }
    writer_.flush();
  }

 private:
  /// A request with a key is repeated until it is answered, or the load stops.
  bool answered() {
    while (!attempt()) {
      if (record_.key.empty() || progress_.stopped()) return false;
    }
    return true;
  }

  bool attempt() {
    record_.sent_ns = now_ns();
    const Result<IdRange> range = ask();
    record_.received_ns = now_ns();
    record_.no_ids_reason = range ? "" : to_string(range.error().code());
    if (range) {
      record_.start = range->start();
      record_.end = range->end();
      record_.count = range->count();
      record_.increment = range->increment();
    } else if (!load_.endure || !passes(range.error().code())) {
      throw range.error();
    }
    writer_.append(record_);
    return range.has_value();
  }

  // All forms, since callers use all.
  Result<IdRange> ask() {
    if (record_.asked > 1) {
      return record_.key.empty() ? generator_.next_range(record_.asked)
                                 : generator_.next_range(record_.asked, record_.key);
    }
    const auto id = record_.key.empty() ? generator_.next_id() : generator_.next_id(record_.key);
    if (!id) return id.error();
    return IdRange{*id, 1, 1};
  }

  static bool passes(ErrorCode code) {
    return code == ErrorCode::kUnavailable || code == ErrorCode::kDeadline ||
           code == ErrorCode::kOverloaded;
  }

  std::string next_key() {
    return record_.client + "-" + std::to_string(started_ns_) + "-" + std::to_string(++keys_);
  }

  bool one_in(unsigned n) { return std::uniform_int_distribution<unsigned>(1, n)(random_) == 1; }

  const LibraryLoad& load_;
  Progress& progress_;
  std::mt19937_64 random_;
  HistoryWriter writer_;
  const IdGenerator generator_;
  Record record_;
  const std::uint64_t started_ns_ = now_ns();
  std::uint64_t keys_ = 0;
};

void run_thread(const LibraryLoad& load, unsigned thread, const Store& store, Progress& progress) {
  try {
    Asker(load, thread, store, progress).run();
  } catch (const std::exception& error) {
    progress.fail(error.what());
  }
}

void print(const Accounting& accounting) {
  std::string reasons;
  for (std::size_t i = 0; i < kBurnReasons; ++i) {
    const auto reason = static_cast<BurnReason>(i);
    reasons += (i > 0 ? ", " : "") + std::string(to_string(reason)) + " " +
               std::to_string(accounting.burned_by(reason));
  }
  std::printf("stopped: returned %ju ids in %ju reservations, burned %ju (%s)\n",
              std::uintmax_t{accounting.returned}, std::uintmax_t{accounting.reservations},
              std::uintmax_t{accounting.burned_total()}, reasons.c_str());
}

}  // namespace

void run(const LibraryLoad& load) {
  StoreOptions options;
  options.request_timeout = load.request_timeout;
  options.state_dir = load.state_dir;
  options.idempotency_retention = std::chrono::hours(24 * 30);
  Store store = open_store(load.store_url, options).value();
  Progress progress(load.limits);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < load.threads; ++i) {
    threads.emplace_back([&, i] { run_thread(load, i, store, progress); });
  }
  for (std::thread& thread : threads) thread.join();
  if (const std::string failure = progress.failure(); !failure.empty()) {
    throw std::runtime_error(failure);
  }

  const bool closed = store.close(std::chrono::seconds(10));
  if (!closed) std::printf("The store did not close in time.\n");
  const Accounting accounting = store.accounting();
  print(accounting);
  if (!closed && !load.endure) throw std::runtime_error("the store did not close");
  // Which process counts the ids of a key that is repeated is not this process's to know.
  if (!load.endure && accounting.returned != progress.ids()) {
    throw std::runtime_error("the threads were answered " + std::to_string(progress.ids()) +
                             " ids, the node says otherwise");
  }
}

}  // namespace nextid::testing
