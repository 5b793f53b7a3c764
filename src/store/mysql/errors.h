// What the errors of MySQL and MariaDB mean for the op whose statement they answer.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

namespace nextid::store {

enum class MysqlErrorKind {
  kLockWait,    ///< Not applied: another transaction kept the row to the end of our patience.
  kRolledBack,  ///< Not applied, and worth another try at once: the server rolled back a race.
  kNotApplied,
  kThrottled,  ///< Not applied: the server asks for less.
  kGone,       ///< Not applied: a table, or the database, is not there.
  kInDoubt,    ///< The statement may have been applied, if it commits by itself.
};

/// One row of the table in docs/mysql.md.
struct MysqlErrorRow {
  unsigned code = 0;
  const char* name = "";
  MysqlErrorKind kind = MysqlErrorKind::kInDoubt;
  /// What to do, behind "; "; "" where the server's own words do. %DB% is the store's database,
  /// %USER% who connects.
  const char* advice = "";
};

/// All that are known, by code.
std::span<const MysqlErrorRow> mysql_error_rows();

/// The row of a code; that of an unknown error, which is in doubt, for others.
const MysqlErrorRow& mysql_error_row(unsigned code);

/// A statement, or several that were sent together, failed.
class MysqlFailure : public std::runtime_error {
 public:
  enum class Fate {
    kNotSent,   ///< The server has seen nothing of it.
    kAnswered,  ///< The server answered the statement `statement` with an error.
    kUnknown,   ///< The connection broke.
    kTimeOver,  ///< No answer came in time; the connection is closed.
  };

  MysqlFailure(Fate fate, unsigned code, const std::string& why, std::size_t statement = 0)
      : std::runtime_error(why), fate_(fate), code_(code), statement_(statement) {}

  Fate fate() const noexcept { return fate_; }
  unsigned code() const noexcept { return code_; }
  /// Counted from 0. None of those behind it was executed.
  std::size_t statement() const noexcept { return statement_; }
  MysqlErrorKind kind() const { return mysql_error_row(code_).kind; }

 private:
  Fate fate_;
  unsigned code_;
  std::size_t statement_;
};

}  // namespace nextid::store
