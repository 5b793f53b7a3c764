// The generators of one I/O thread: one a counter that its clients use, so that a request costs no
// search under the node's lock.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "nextid/id_generator.h"
#include "nextid/store.h"

#include "base/clock.h"

namespace nextid::net {

/// One generator and how many requests and answers refer to it. Of one thread alone.
struct SharedGenerator {
  IdGenerator generator;
  std::size_t holds = 0;
  base::MonotonicTime last_use;
};

/// Keeps a generator among those of its thread. Movable, and not copyable.
class GeneratorHold {
 public:
  explicit GeneratorHold(SharedGenerator& shared) noexcept : shared_(&shared) { ++shared.holds; }
  ~GeneratorHold() {
    if (shared_ != nullptr) --shared_->holds;
  }
  GeneratorHold(GeneratorHold&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  GeneratorHold& operator=(GeneratorHold&& other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }

  const IdGenerator& operator*() const noexcept { return shared_->generator; }
  const IdGenerator* operator->() const noexcept { return &shared_->generator; }

 private:
  SharedGenerator* shared_;
};

/// Not thread-safe. Must outlive what it lends.
class SharedGenerators {
 public:
  explicit SharedGenerators(Store store) : store_(std::move(store)) {}

  /// The generator of `counter`, which must be a counter name.
  GeneratorHold get(std::string_view counter, base::MonotonicTime now);
  /// Forgets the generators that nothing holds and that no request asked for since `since`: their
  /// counters may be idle.
  void forget_unused(base::MonotonicTime since);

 private:
  // Clients choose the names: those that a hash has in one place would be a line to search.
  using Map = std::map<std::string, SharedGenerator, std::less<>>;

  const Store store_;
  Map generators_;
  Map::value_type* last_ = nullptr;  // Many clients use one counter.
};

}  // namespace nextid::net
