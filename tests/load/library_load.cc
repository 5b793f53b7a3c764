#include "load/library_load.h"

#include <cstdio>
#include <exception>
#include <stdexcept>
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

IdRange ask(const IdGenerator& generator, std::uint64_t count) {
  // Both forms, since callers use both.
  if (count > 1) return generator.next_range(count).value();
  return {generator.next_id().value(), 1, 1};
}

void run_thread(const LibraryLoad& load, unsigned thread, const Store& store, Progress& progress) {
  try {
    std::mt19937_64 random(load.seed * 1000 + thread);
    HistoryWriter writer(load.history_path);
    const IdGenerator generator(store, load.counter);
    Record record;
    record.client = "library-" + std::to_string(::getpid()) + "-" + std::to_string(thread);
    record.counter = load.counter;
    while (!progress.stopped()) {
      record.asked = pick_count(random);
      record.sent_ns = now_ns();
      const IdRange range = ask(generator, record.asked);
      record.received_ns = now_ns();
      record.start = range.start();
      record.end = range.end();
      record.count = range.count();
      record.increment = range.increment();
      writer.append(record);
      progress.add_ids(range.count());
    }
    writer.flush();
  } catch (const std::exception& error) {
    progress.fail(error.what());
  }
}

}  // namespace

void run(const LibraryLoad& load) {
  StoreOptions options;
  options.request_timeout = load.request_timeout;
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

  if (!store.close(std::chrono::seconds(10))) throw std::runtime_error("the store did not close");
  const Accounting accounting = store.accounting();
  std::printf("returned %ju ids, burned %ju\n", std::uintmax_t{accounting.returned},
              std::uintmax_t{accounting.burned_total()});
  if (accounting.returned != progress.ids()) {
    throw std::runtime_error("the threads were answered " + std::to_string(progress.ids()) +
                             " ids, the node says otherwise");
  }
}

}  // namespace nextid::testing
