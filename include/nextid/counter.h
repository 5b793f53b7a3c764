// What a counter is: its name, its definition, and the last id reserved from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/id_range.h"

namespace nextid {

inline constexpr std::size_t kMaxCounterNameBytes = 128;

/// The counter of requests that name none.
inline constexpr std::string_view kDefaultCounter = "global";

/// True for [A-Za-z0-9_][A-Za-z0-9._:-]{0,127}.
bool is_counter_name(std::string_view name) noexcept;

/// The rules a counter follows. The defaults are those of a counter created on first use.
struct Definition {
  std::uint64_t start = 1;      ///< First id, 1 ... kMaxId. Never changes.
  std::uint64_t increment = 1;  ///< Distance between ids, 1 ... kMaxId. Never changes.
  std::uint64_t max = kMaxId;   ///< No id exceeds it.
  std::uint64_t cache = 1;      ///< 1 is strict: every id is reserved after its request arrived.
  std::string comment;
  std::uint64_t revision = 1;  ///< Grows with each change of the definition.

  friend bool operator==(const Definition&, const Definition&) = default;
};

/// A change of a counter's definition. A field without a value stays as it is; a counter that does
/// not exist yet gets Definition's default there, and StoreOptions::default_cache for `cache`.
struct DefinitionChange {
  /// For an existing counter it must be the counter's own; otherwise kConflict.
  std::optional<std::uint64_t> start = {};
  /// As for `start`.
  std::optional<std::uint64_t> increment = {};
  /// Not below the counter's value, nor its start.
  std::optional<std::uint64_t> max = {};
  std::optional<std::uint64_t> cache = {};
  /// At most kMaxCommentBytes, of UTF-8.
  std::optional<std::string> comment = {};
  /// The revision that the change is based on; kConflict if the counter has another one.
  std::optional<std::uint64_t> revision = {};
};

inline constexpr std::size_t kMaxCommentBytes = 512;

/// A counter as the store shows it.
struct CounterInfo {
  std::string name;
  /// The last id reserved, or what the counter was advanced to; none before the first use.
  std::optional<std::uint64_t> value;
  Definition definition;
  /// It gives no ids; Store::define() brings it back, to go on above its value.
  bool deleted = false;
};

/// A counter after Store::define().
struct DefinedCounter {
  CounterInfo counter;
  bool created = false;  ///< It did not exist before, or was deleted.
};

/// Counters in the order of their names' bytes.
struct CounterPage {
  std::vector<CounterInfo> counters;
  bool more = false;  ///< Names after the last one of `counters` exist.
  /// What the store has under these names is damaged, or no counter, and so is not in `counters`.
  /// They follow the name asked for; the page need not tell all of them. Stores on a network of
  /// which other programs may write; the others fail the whole page.
  std::vector<std::string> left_out = {};
};

}  // namespace nextid
