// The counters of a store, one after another, in bounded memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/store_driver.h"

namespace nextid::copy {

/// How a store's lists are read.
struct Reading {
  std::string store = {};   ///< "the source", in errors.
  std::size_t page = 1000;  ///< Counters; it holds two pages at a time.
  std::chrono::milliseconds patience{30'000};
};

/// Those in use and those that were deleted, together, in the order of their names' bytes. A name
/// comes once, also if its counter is deleted meanwhile.
class CounterStream {
 public:
  enum class Which { kAll, kInUse };

  /// `store` must outlive it.
  CounterStream(contract::StoreDriver& store, const Reading& reading, Which which = Which::kAll);

  /// The next one; nothing at the end. May block for a page. kCorrupt if the store left something
  /// out of its list: none may be missed.
  Result<std::optional<CounterInfo>> next();

  /// The counter of that name, if there is one; kCorrupt if the store left it out of its list.
  /// Names must be asked for in ascending order; those in between are passed over.
  Result<std::optional<CounterInfo>> find(std::string_view name);

 private:
  /// One of the two lists.
  struct List {
    contract::PageWanted wanted;
    CounterPage page = {};
    std::size_t next = 0;
    bool ended = false;
  };
  Result<const CounterInfo*> head(List& list);
  Result<std::optional<CounterInfo>> pass();
  Error left_out(const std::string& name) const;

  contract::StoreDriver& store_;
  const Reading reading_;
  std::vector<List> lists_;
  std::set<std::string, std::less<>> left_out_;
  std::string last_;                   // The name that was returned last.
  std::optional<CounterInfo> passed_;  // Read by find(), and above the name it was asked for.
};

}  // namespace nextid::copy
