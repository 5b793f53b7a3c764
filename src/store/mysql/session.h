// A connection that is kept ready, and what the connections of one store share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/log.h"
#include "nextid/statistics.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "store/mysql/connection.h"
#include "store/mysql/schema.h"
#include "store/mysql/server_facts.h"
#include "store/mysql/store_row.h"
#include "store/mysql/watchdog.h"

namespace nextid::store {

/// Thread-safe.
class MysqlShared {
 public:
  MysqlShared(MysqlSettings given, Log log);

  const MysqlSettings settings;
  const MysqlTables tables;
  Watchdog watchdog;

  /// Which store was opened. Called before there are threads.
  void set_identity(std::string identity) { identity_ = std::move(identity); }
  const std::string& identity() const noexcept { return identity_; }

  /// Compares what was found with what was opened: another store, none, or one that a newer nextid
  /// has brought to its own format is in doubt for good (I8). False if it is.
  bool is_same(const std::optional<MysqlStoreRow>& found);

  /// Why no id is given out any more, without a full stop; empty while there is no such reason.
  std::string doubt() const;

  /// Logs warnings that are new, once the store is open.
  void keep_facts(std::vector<HealthFact> facts);
  void keep_clock_ahead(std::chrono::microseconds ahead);
  StoreHealth health() const;

 private:
  void doubt_because(std::string why) NEXTID_EXCLUDES(mutex_);

  const Log log_;
  std::string identity_;
  std::atomic<bool> in_doubt_{false};  // doubt_ is not empty, and will not change.
  mutable base::Mutex mutex_;
  std::string doubt_ NEXTID_GUARDED_BY(mutex_);
  std::vector<HealthFact> facts_ NEXTID_GUARDED_BY(mutex_);
  std::optional<std::chrono::milliseconds> clock_ahead_ NEXTID_GUARDED_BY(mutex_);
};

/// Not thread-safe. All throw MysqlFailure.
class MysqlSession {
 public:
  explicit MysqlSession(std::shared_ptr<MysqlShared> shared) : shared_(std::move(shared)) {}

  /// Connects if there is no connection that can be used: before anything is sent, so that a server
  /// that was restarted meanwhile is no failure. A new one is looked at: refused is a server that
  /// would lose ids, and another store than the one that was opened.
  void make_ready();

  /// On the connection that is ready, within the attempt's limit or `limit`.
  std::vector<MysqlAnswer> run(const std::string& statements);
  std::vector<MysqlAnswer> run(const std::string& statements, std::chrono::milliseconds limit);

  /// Runs statements of which the last commits. False if it is not known that the commit lasts: the
  /// replica that it waited for did not answer. The answers are those of the statements.
  struct Committed {
    std::vector<MysqlAnswer> answers;
    bool lasts = false;
  };
  Committed run_commit(const std::string& statements);

  /// Ends a transaction that is open, whatever it takes: without the connection, the server rolls
  /// back by itself.
  void roll_back() noexcept;

  /// Looks at the server again, every kLook. A server that is refused from now on is left.
  void look_again() noexcept;
  static constexpr std::chrono::seconds kLook{5};

  bool is_mariadb() const { return connection_->is_mariadb(); }
  const MysqlVariables& variables() const noexcept { return variables_; }

 private:
  void look();
  void drop() noexcept;
  void end_abandoned();

  const std::shared_ptr<MysqlShared> shared_;
  std::unique_ptr<MysqlConnection> connection_;
  MysqlVariables variables_;  // Of the server of the last connection.
  SemiSyncStatus semi_sync_;
  std::optional<std::uint64_t> abandoned_;  // A session there.
  std::string abandoned_at_;                // Which server that was.
  base::MonotonicTime looked_{};
};

}  // namespace nextid::store
