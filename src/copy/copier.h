// Copies the counters of one store, the source, into another one, the target.
//
// What keeps ids unique: a counter in use is deleted in the source in the same atomic step that
// tells its last value (a tombstone: contract/op.h), so that no node of the source reserves from it
// again; and only then is the target's counter known to be at or above the source's for good. No
// step lowers a value of either store, and each is harmless when it is done again: so a copy that
// was ended at any moment is completed by another one.
//
// What is deleted in the source may have been so before, or by an earlier copy. The target tells
// which: a counter is in use there before it is deleted in the source. One that comes back to the
// target is *shut* until then: in use, and without room for an id. So nodes of both stores may go
// on while counters go back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "nextid/counter.h"
#include "nextid/error.h"

#include "contract/store_driver.h"
#include "copy/counter_stream.h"
#include "copy/decision.h"

namespace nextid::copy {

struct CopySettings {
  Reading source{.store = "the source"};
  Reading target{.store = "the target"};
  std::size_t batch = 256;  ///< Counters whose ops are submitted together.
  std::chrono::milliseconds patience{30'000};
};

/// A counter that was copied.
struct Copied {
  CounterInfo source;  ///< With its last value; `deleted` as it was before.
  std::optional<std::uint64_t> target_value;
  Fate fate = Fate::kKept;
  bool was_used = false;        ///< The source gave out ids of it during the copy.
  bool target_deleted = false;  ///< It is not in use in the target, either.
};

/// A counter as a copy finds it, and what it will do.
struct Planned {
  CounterInfo source;
  std::optional<CounterInfo> target;
  Result<Decision> decision;
};

class Copier {
 public:
  using OnPlanned = std::function<void(const Planned&)>;
  using OnCopied = std::function<void(const std::vector<Copied>&)>;

  /// Both stores must outlive it.
  Copier(contract::StoreDriver& source, contract::StoreDriver& target, CopySettings settings);

  /// Looks at all counters of both stores, by name, and changes nothing.
  Result<void> plan(const OnPlanned& on_planned) const;

  /// Copies all counters, by name, then those that were made in the source meanwhile. `on_copied`
  /// is told of each batch that is done. After an Error all that was told of is done, and copying
  /// again does the rest. kConflict also where the target gave out ids while a counter was copied
  /// that the source may have given out before.
  Result<void> copy(const OnCopied& on_copied) const;

 private:
  Result<void> copy_all(CounterStream::Which which, const OnCopied& on_copied) const;

  contract::StoreDriver& source_;
  contract::StoreDriver& target_;
  const CopySettings settings_;
};

}  // namespace nextid::copy
