// How calls to PostgreSQL fail, and what that says about the ops in them.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "nextid/error.h"

#include "contract/op.h"

namespace nextid::store {

/// A call that did not end as asked. what() has a sentence without a full stop.
class PostgresFailure : public std::exception {
 public:
  enum class Effect {
    kNotApplied,  ///< The transaction certainly did nothing.
    kInDoubt,     ///< It may be committed, may yet be, or may never be.
    kDamaged,     ///< What is stored is none of nextid's.
  };

  PostgresFailure(Effect effect, std::string why, std::string sqlstate = {})
      : effect_(effect), sqlstate_(std::move(sqlstate)), why_(std::move(why)) {}

  const char* what() const noexcept override { return why_.c_str(); }
  Effect effect() const noexcept { return effect_; }
  /// Of the server's error; empty where the server sent none.
  const std::string& sqlstate() const noexcept { return sqlstate_; }

  /// The server asks for fewer calls.
  bool is_throttled() const noexcept;
  /// The time went by in waiting for a lock of somebody else's.
  bool waited_for_lock() const noexcept;
  /// A table is not there.
  bool misses_table() const noexcept { return sqlstate_ == "42P01" || sqlstate_ == "3F000"; }
  /// The server can't be written to: another one may be the primary by now.
  bool is_read_only() const noexcept { return sqlstate_ == "25006"; }
  /// A prepared statement is gone, or does not fit the tables any more.
  bool is_stale() const noexcept { return sqlstate_ == "26000" || sqlstate_ == "0A000"; }
  /// Another connection may do better.
  bool ends_connection() const noexcept { return misses_table() || is_read_only() || is_stale(); }

  /// The outcome of an op that was in the call.
  contract::Outcome outcome() const;
  /// The same for a call that only read.
  contract::Outcome outcome_of_read() const;

 private:
  Effect effect_;
  std::string sqlstate_;
  std::string why_;
};

/// What an error of the server says about the transaction in which it came. Unknown ones leave it
/// in doubt. https://www.postgresql.org/docs/15/errcodes-appendix.html
PostgresFailure::Effect effect_of(std::string_view sqlstate) noexcept;

/// The server's error as a sentence, with what to do. `message` is the server's own, of one line.
PostgresFailure failure_of(std::string_view sqlstate, std::string_view message);

/// The same for callers that know no outcomes.
Error error_of(const PostgresFailure& failure);

/// Why no connection could be made, with what to do. `message` is libpq's, perhaps of many lines.
PostgresFailure failure_to_connect(std::string_view message);

/// A message of libpq on one line, without its last full stop.
std::string on_one_line(std::string_view message);

}  // namespace nextid::store
