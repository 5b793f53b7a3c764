// Load on the library: threads of one process that share a store.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "load/workload.h"

namespace nextid::testing {

struct LibraryLoad {
  std::string store_url;
  std::string counter;
  std::string history_path;
  unsigned threads = 8;
  std::uint64_t seed = 1;
  std::chrono::milliseconds request_timeout{5000};
  /// Go on after requests that found the store away, slow or busy: each is recorded as one without
  /// ids. Some requests have an idempotency key then, are repeated with it until they are answered,
  /// and sometimes once more. Otherwise each error is a failure.
  bool endure = false;
  std::string node;       ///< The process's name in the records; empty: they have none.
  std::string state_dir;  ///< StoreOptions::state_dir.
  Limits limits;
};

/// Prints the node's accounting, as a server's closing line has it. Throws std::runtime_error on
/// any error that is not endured, and when the node's accounting differs from what the threads were
/// answered.
void run(const LibraryLoad& load);

}  // namespace nextid::testing
