// What a process never forgets while it lives (I8): how far each counter was that it ever used, and
// which of them have stopped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/mutex.h"
#include "engine/engine.h"

namespace nextid::node {

/// Thread-safe. A counter costs 28 to 57 bytes, since names are kept as hashes of 122 bits: two
/// names with one hash are less likely than any other fault.
///
/// A mark must be a value below which the store can never rightly be: Engine::issued(), never a
/// value that was merely read.
class HighWaters {
 public:
  struct Known {
    std::int64_t issued = engine::Predecessor::kNothingYet;
    std::string stopped = {};  ///< Why it gives no ids any more; empty while it does.
  };
  /// What is known of a counter elsewhere, as on disk; nothing if it is unknown there.
  using Elsewhere = std::function<std::optional<Known>(const std::string& counter)>;

  /// Each recall() asks it, too. To be set before first use.
  void ask_also(Elsewhere elsewhere) { elsewhere_ = std::move(elsewhere); }

  /// What each engine of the counter must know. Called when one is made.
  Known recall(const std::string& counter) const;
  /// Ids up to `issued` are gone. Marks only rise.
  void note(std::string_view counter, std::int64_t issued);
  /// It gives no ids any more. The first sentence stays.
  void stop(const std::string& counter, const std::string& sentence);

  /// Counters that have a mark.
  std::size_t size() const;

  /// A counter that has stopped, and its sentence.
  using Stop = std::pair<std::string, std::string>;
  std::size_t stopped_counters() const;
  /// The first `limit` of them by name.
  std::vector<Stop> stopped(std::size_t limit) const;
  /// Empty where it has not stopped.
  std::string why_stopped(const std::string& counter) const;
  /// The counters that have stopped since the last call.
  std::vector<Stop> take_new_stops();

 private:
  using Key = std::array<std::uint64_t, 2>;
  struct Hash {
    using is_avalanching = void;
    // Each half has bits that are the same in all UUIDs of a kind, but not in the same places.
    std::size_t operator()(const Key& key) const noexcept { return key[0] ^ key[1]; }
  };
  static Key key_of(std::string_view counter);

  Elsewhere elsewhere_;
  mutable base::Mutex mutex_;
  boost::unordered_flat_map<Key, std::int64_t, Hash> issued_ NEXTID_GUARDED_BY(mutex_);
  std::map<std::string, std::string> stopped_ NEXTID_GUARDED_BY(mutex_);
  std::vector<Stop> new_stops_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::node
