// What group commit asks of a store: groups of calls turned into answers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/store_driver.h"

namespace nextid::store {

/// A request for a page of counters, and its answer.
struct Listing {
  contract::PageWanted wanted;
  std::function<void(Result<CounterPage>)> done;
};

/// What waits for the same commit: calls or, since reading a page takes longer than many calls, one
/// listing.
struct Group {
  std::vector<contract::Call> calls;
  std::vector<Listing> listings;
};

/// The answers of a group, in its order.
struct Answers {
  std::vector<contract::Outcome> outcomes;
  std::vector<Result<CounterPage>> pages;
  /// Counters whose ops waited to the end of their time for somebody's lock, and so kept the
  /// answers of the others from coming.
  std::vector<std::string> held_up = {};
};

/// Turns groups into answers. Used by one thread at a time.
class Committer {
 public:
  virtual ~Committer() = default;

  /// Blocks for one commit. What it returns is durable (I2), or known not to be.
  virtual Answers commit(const Group& group) noexcept = 0;

  /// See contract::StoreDriver::commits(); any thread may call it.
  virtual std::uint64_t commits() const noexcept = 0;

  /// Called after the answers of each commit: for work that no answer should wait for.
  virtual void tidy() noexcept {}
};

}  // namespace nextid::store
