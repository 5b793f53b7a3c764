// Groups of ops, each committed in one transaction of an open SQLite file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "contract/op.h"
#include "store/common/committer.h"
#include "store/sqlite/opening.h"

namespace nextid::store {

/// Not thread-safe: one thread at a time.
class SqliteCommitter final : public Committer {
 public:
  explicit SqliteCommitter(SqliteFile file);
  /// Closes the file: see close_sqlite_file().
  ~SqliteCommitter() override;
  SqliteCommitter(const SqliteCommitter&) = delete;
  SqliteCommitter& operator=(const SqliteCommitter&) = delete;

  /// Blocks for one commit. While others hold the file it waits for about kSqliteLockLimit, and
  /// then as long again to answer what only reads. An outcome that says that an op was applied is
  /// durable (I2): the transaction has ended. Leaves the connection ready for the next group.
  Answers commit(const Group& group) noexcept override;

  std::uint64_t commits() const noexcept override { return file_.guard->flushes(); }

  /// Checkpoints when enough frames have piled up.
  void tidy() noexcept override;

 private:
  struct Statements {
    explicit Statements(Database& database);

    Statement begin_write;
    Statement begin_read;
    Statement commit;
    Statement savepoint;
    Statement release;
    Statement roll_back_to;
  };

  void write(const Group& group, Answers& answers);
  void keep_clock();
  contract::Outcome attempt_alone(const contract::Op& op);
  contract::Outcome attempt(const contract::Op& op);
  contract::Outcome attempt_in_savepoint(const contract::Op& op);
  contract::Outcome apply(const contract::Op& op);
  void read(const Group& group, const std::string& why_not_write, Answers& answers);
  contract::Outcome look(const contract::Op& op, const std::string& why_not_write);
  void read_pages(const Group& group, Answers& answers);

  SqliteFile file_;
  // The connection closes with the last of its statements: these must go before it.
  std::optional<Statements> statements_;
};

}  // namespace nextid::store
