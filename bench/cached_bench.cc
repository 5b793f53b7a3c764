// The cached path in process, beside one std::atomic fetch_add: interleaved rounds, medians, and
// their ratios. Also what it allocates, and how long the slowest calls take while blocks refill.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <stdlib.h>
#include <string>
#include <thread>
#include <vector>

#include "nextid/nextid.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace nextid {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 11;
constexpr std::uint64_t kIds = 4'000'000;  // A thread and round.
constexpr std::uint64_t kCache = 1'000'000;
constexpr std::size_t kBatch = 64;

/// The directory is in the current one: /tmp may be no disk.
class Directory {
 public:
  Directory() {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string store_url() const { return "sqlite:" + path_ + "/ids.db"; }

 private:
  std::string path_ = "nextid-bench-XXXXXX";
};

Store open_cached(const std::string& url) {
  StoreOptions options;
  options.default_cache = kCache;
  return open_store(url, options).value();
}

/// Nanoseconds an id, when `threads` run `take` kIds times each: as seen by one of them.
double time_of(int threads, const std::function<void()>& take_many) {
  std::atomic<int> ready{0};
  std::vector<std::thread> others;
  const auto run = [&] {
    ++ready;
    while (ready.load() < threads) {
    }
    take_many();
  };
  for (int i = 1; i < threads; ++i) others.emplace_back(run);
  const auto started = Clock::now();
  run();
  for (std::thread& other : others) other.join();
  const std::chrono::duration<double, std::nano> took = Clock::now() - started;
  return took.count() / static_cast<double>(kIds);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

struct Row {
  std::string name;
  int threads;
  std::function<void()> take_many;
  double reach;  // Of the ratio to the first row with as many threads; 0 for that row itself.
  std::vector<double> ns = {};
};

/// For bench/in_process.py.
void write_rounds(const char* path, const std::vector<Row>& rows) {
  std::ofstream out(path);
  for (const Row& row : rows) {
    out << row.name << '\t';
    for (const double ns : row.ns) out << ns << ' ';
    out << '\n';
  }
}

/// `path`: of a file for the figures of all rounds, or null.
void compare(const Store& store, const char* path) {
  std::atomic<std::uint64_t> plain{0};
  const IdGenerator ids(store, "bench");
  const auto fetch_add = [&] {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < kIds; ++i) sum += plain.fetch_add(1);
    asm volatile("" : : "r"(sum));
  };
  const auto next_id = [&] {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < kIds; ++i) sum += ids.next_id().value();
    asm volatile("" : : "r"(sum));
  };
  const auto cursor = [&] {
    Cursor own(ids);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < kIds; ++i) sum += own.next_id().value();
    asm volatile("" : : "r"(sum));
  };
  std::vector<Row> rows{
      {"fetch_add, 1 thread", 1, fetch_add, 0},  {"next_id(), 1 thread", 1, next_id, 1.5},
      {"Cursor, 1 thread", 1, cursor, 0.2},      {"fetch_add, 2 threads", 2, fetch_add, 0},
      {"next_id(), 2 threads", 2, next_id, 1.5}, {"Cursor, 2 threads", 2, cursor, 0}};
  for (int round = 0; round < kRounds; ++round) {
    for (Row& row : rows) row.ns.push_back(time_of(row.threads, row.take_many));
  }
  std::printf("%-26s %8s %8s %8s\n", "cache 10^6, memory store", "ns/id", "ratio", "reach");
  double peer = 0;
  for (const Row& row : rows) {
    const double ns = median(row.ns);
    if (row.name.starts_with("fetch_add")) peer = ns;
    std::printf("%-26s %8.2f %8.2f", row.name.c_str(), ns, ns / peer);
    std::printf(row.reach > 0 ? " %8.1f\n" : "\n", row.reach);
  }
  if (path != nullptr) write_rounds(path, rows);
}

/// Between two refills, in the thread that takes the ids and in all others.
void count_allocations(const Store& store) {
  const IdGenerator ids(store, "allocations");
  for (std::uint64_t i = 0; i < 4 * kCache; ++i) ids.next_id().value();
  const std::uint64_t refills_before = ids.accounting().refills;
  const std::uint64_t before = allocations.load();
  for (std::uint64_t i = 0; i < 10 * kCache; ++i) ids.next_id().value();
  const std::uint64_t made = allocations.load() - before;
  const std::uint64_t refills = ids.accounting().refills - refills_before;
  std::uint64_t quiet = ~std::uint64_t{0};
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t at = allocations.load();
    for (int i = 0; i < 1'000; ++i) ids.next_id().value();
    quiet = std::min(quiet, allocations.load() - at);
  }
  std::printf(
      "\nheap allocations: %lu in 10,000,000 ids, all in the %lu refills; %lu between them\n",
      static_cast<unsigned long>(made), static_cast<unsigned long>(refills),
      static_cast<unsigned long>(quiet));
}

void print_slowest_calls() {
  const Directory directory;
  const Store store = open_cached(directory.store_url());
  const IdGenerator ids(store, "bench");
  for (std::uint64_t i = 0; i < 4 * kCache; ++i) ids.next_id().value();
  std::vector<std::uint64_t> ns(20 * kCache);
  const std::uint64_t refills = ids.accounting().refills;
  auto before = Clock::now();
  for (std::uint64_t& each : ns) {
    ids.next_id().value();
    const auto after = Clock::now();
    each = static_cast<std::uint64_t>((after - before).count());
    before = after;
  }
  std::sort(ns.begin(), ns.end());
  const auto at = [&](double quantile) {
    return static_cast<unsigned long>(
        ns[static_cast<std::size_t>(quantile * static_cast<double>(ns.size() - 1))]);
  };
  std::printf(
      "next_id() while SQLite refills %lu blocks, a clock read each: median %lu ns, p99.99 %lu ns, "
      "largest %lu ns\n",
      static_cast<unsigned long>(ids.accounting().refills - refills), at(0.5), at(0.9999), at(1));
}

class Counting final : public RangeReceiver {
 public:
  void on_range(std::uint64_t, Result<IdRange> range) noexcept override {
    if (range) received += range->count();
  }
  std::uint64_t received = 0;
};

/// From the request to the grant, strict, on the memory store.
void time_strict_step() {
  const Store store = open_store("memory:").value();
  const IdGenerator ids(store, "bench");
  Batch batch(store);
  Counting receiver;
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto started = Clock::now();
    for (int step = 0; step < 2'000; ++step) {
      const auto deadline = Clock::now() + std::chrono::seconds(5);
      for (std::size_t i = 0; i < kBatch; ++i) batch.add(ids, 1, deadline, receiver, i);
      batch.submit();
    }
    const std::chrono::duration<double, std::nano> took = Clock::now() - started;
    rounds.push_back(took.count() / (2'000 * static_cast<double>(kBatch)));
  }
  std::printf("strict, memory store, batches of %zu, request to grant: %.0f ns an id (reach 150)\n",
              kBatch, median(rounds));
}

}  // namespace
}  // namespace nextid

int main(int argc, char** argv) {
  {
    const nextid::Store store = nextid::open_cached("memory:");
    nextid::compare(store, argc > 1 ? argv[1] : nullptr);
    nextid::count_allocations(store);
  }
  nextid::print_slowest_calls();
  nextid::time_strict_step();
}
