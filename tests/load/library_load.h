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
  std::chrono::seconds request_timeout{5};
  Limits limits;
};

/// Prints the node's accounting. Throws std::runtime_error on any error of a request, and when the
/// node's accounting differs from what the threads were answered.
void run(const LibraryLoad& load);

}  // namespace nextid::testing
