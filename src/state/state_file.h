// What a node remembers across its restarts: which store it used, and how far it was (I8).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"

#include "base/mutex.h"

struct sqlite3;

namespace nextid::state {

/// What is remembered of one counter.
struct Mark {
  std::string counter;
  std::int64_t issued = 0;   ///< The highest id that this node handed out; 0 for none.
  std::string stopped = {};  ///< Why it gives no ids any more; empty while it does.

  friend bool operator==(const Mark&, const Mark&) = default;
};

/// An SQLite file of its own, DIRECTORY/nextid-state.db. Thread-safe; the processes of one store
/// may share it.
///
/// It is written after the ids that it tells of were issued, never before. So it may be behind:
/// after a kill by what was not written yet, after a power loss by the last write as well. It is
/// never ahead, and losing it is safe.
///
/// Errors are sentences: kUnavailable, where the file can't be reached, read or written now;
/// kCorrupt, where it is damaged; kInvalid, where it is no file of ours, or one of a newer version.
class StateFile {
 public:
  static constexpr const char* kFileName = "nextid-state.db";
  /// How long a call waits for another process that writes. Its writes take milliseconds.
  static constexpr std::chrono::milliseconds kBusyLimit{500};
  static constexpr std::chrono::milliseconds kLookUpLimit{50};

  enum class Making {
    kDirectory,  ///< The directory, too; its parents never.
    kFile,       ///< The file alone.
    kNothing,    ///< What is missing is kNotFound.
  };
  static Result<std::unique_ptr<StateFile>> open(const std::string& directory, Making making);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  /// True when this opening made the file.
  bool made() const noexcept { return made_; }

  /// The store's identity; empty before remember_identity().
  Result<std::string> identity() const;
  /// Replaces another identity only if `accepted`; otherwise that is kInvalid.
  Result<void> remember_identity(std::string_view identity, bool accepted = false);

  /// Nothing for a counter that it knows nothing of. Waits no longer than kLookUpLimit for other
  /// processes: ids may wait for this.
  Result<std::optional<Mark>> counter(std::string_view name) const;
  /// At most `limit` marks, those written last first.
  Result<std::vector<Mark>> newest(std::size_t limit) const;
  /// At most `limit` marks of counters that have stopped, by name.
  Result<std::vector<Mark>> stopped(std::size_t limit) const;
  Result<std::size_t> counters() const;

  /// Keeps the marks, all or none. What was issued only grows, and a counter that has stopped stays
  /// so, for the reason that it had first.
  Result<void> write(const std::vector<Mark>& marks);

  /// For recovery alone, once the counters in the store are above what was ever issued: `issued`
  /// takes the place of what was remembered, and the counter may go on.
  Result<void> reset(std::string_view counter, std::int64_t issued);
  /// Lets all counters that have stopped go on; what they had issued stays remembered.
  Result<void> clear_stops();
  /// Forgets all counters, as if the directory had been lost; the identity stays.
  Result<void> forget_counters();

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept;
  };
  using Handle = std::unique_ptr<sqlite3, Close>;

  StateFile(std::string path, Handle db) : path_(std::move(path)), db_(std::move(db)) {}
  void prepare(sqlite3* db);
  /// Runs `work(db)`, which throws Error, alone on the connection; rolls back if it fails.
  template <typename Work>
  auto attempt(Work work) const -> Result<decltype(work(nullptr))>;

  const std::string path_;
  mutable base::Mutex mutex_;
  Handle db_ NEXTID_GUARDED_BY(mutex_);
  bool made_ = false;
};

}  // namespace nextid::state
