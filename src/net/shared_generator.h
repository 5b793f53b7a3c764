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
#include "contract/payer.h"

namespace nextid::net {

class SharedGenerators;

/// One generator and how many requests and answers refer to it. Of one thread alone.
struct SharedGenerator {
  IdGenerator generator;
  std::size_t holds = 0;
  base::MonotonicTime last_use = {};
  bool ends_with_last_hold = false;
  SharedGenerators* owner = nullptr;  ///< Null: it was refused, and is its holds' alone.
  std::string_view name = {};         ///< Its owner's.
};

/// Keeps a generator among those of its thread. Movable, and not copyable.
class GeneratorHold {
 public:
  explicit GeneratorHold(SharedGenerator& shared) noexcept : shared_(&shared) { ++shared.holds; }
  ~GeneratorHold() {
    if (shared_ != nullptr && --shared_->holds == 0 && shared_->ends_with_last_hold) end(*shared_);
  }
  GeneratorHold(GeneratorHold&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  GeneratorHold& operator=(GeneratorHold&& other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }

  const IdGenerator& operator*() const noexcept { return shared_->generator; }
  const IdGenerator* operator->() const noexcept { return &shared_->generator; }

  /// A request that got no ids: the counter may not exist, and the generator would keep it in
  /// memory. So nobody keeps the generator once all holds are gone.
  void let_end() noexcept { shared_->ends_with_last_hold = true; }

 private:
  static void end(const SharedGenerator& shared) noexcept;

  SharedGenerator* shared_;
};

/// Not thread-safe. Must outlive what it lends.
class SharedGenerators {
 public:
  explicit SharedGenerators(Store store) : store_(std::move(store)) {}

  /// The generator of `counter`, which must be a counter name. `payer`, if any, is charged as
  /// node::Charged says.
  GeneratorHold get(std::string_view counter, base::MonotonicTime now,
                    contract::Payer* payer = nullptr);
  /// Forgets the generators that nothing holds and that no request asked for since `since`: their
  /// counters may be idle.
  void forget_unused(base::MonotonicTime since);

 private:
  friend class GeneratorHold;
  // Clients choose the names: those that a hash has in one place would be a line to search.
  using Map = std::map<std::string, SharedGenerator, std::less<>>;

  static GeneratorHold refused(IdGenerator generator);
  void forget(std::string_view counter) noexcept;

  const Store store_;
  Map generators_;
  Map::value_type* last_ = nullptr;  // Many clients use one counter.
};

}  // namespace nextid::net
