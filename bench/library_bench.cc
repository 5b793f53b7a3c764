// IdGenerator::next_id() in one process, strict, on the memory and SQLite stores.
#include <filesystem>
#include <memory>
#include <stdlib.h>
#include <string>

#include <benchmark/benchmark.h>

#include "nextid/nextid.h"

namespace nextid {
namespace {

/// One store for all threads of a run. The directory is in the current one: /tmp may be no disk.
struct Shared {
  explicit Shared(bool on_disk) : directory("nextid-bench-XXXXXX") {
    if (::mkdtemp(directory.data()) == nullptr) std::abort();
    const std::string url = on_disk ? "sqlite:" + directory + "/ids.db" : "memory:";
    store = std::make_unique<Store>(open_store(url).value());
  }
  ~Shared() {
    store.reset();
    std::filesystem::remove_all(directory);
  }
  std::string directory;
  std::unique_ptr<Store> store;
};

std::unique_ptr<Shared> shared;

void BM_NextId(benchmark::State& state, bool on_disk) {
  if (state.thread_index() == 0) shared = std::make_unique<Shared>(on_disk);
  std::unique_ptr<IdGenerator> ids;
  for (auto _ : state) {
    if (!ids) ids = std::make_unique<IdGenerator>(*shared->store);
    benchmark::DoNotOptimize(ids->next_id().value());
  }
  ids.reset();
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) shared.reset();
}
BENCHMARK_CAPTURE(BM_NextId, memory, false)->Threads(1)->Threads(8)->UseRealTime();
BENCHMARK_CAPTURE(BM_NextId, sqlite, true)->Threads(1)->Threads(8)->Threads(64)->UseRealTime();

}  // namespace
}  // namespace nextid
