#include "store/sqlite/committer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "contract/op_check.h"

namespace nextid::store {
namespace {

using contract::InDoubt;
using contract::Load;
using contract::NotApplied;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using contract::Reserve;
using contract::TryWrite;

/// How long closing waits for others that open or close.
constexpr std::chrono::milliseconds kCloseLimit{500};

std::chrono::milliseconds until(base::MonotonicTime deadline) {
  using std::chrono::milliseconds;
  const auto rest = std::chrono::duration_cast<milliseconds>(deadline - base::monotonic_now());
  return std::max(rest, milliseconds(1));
}

/// A Load or a Recall that was not answered is NotApplied: whether its pruning was done matters to
/// no caller.
Outcome doubt(const contract::Op& op, const std::string& why) {
  if (std::holds_alternative<Load>(op) || std::holds_alternative<Recall>(op)) {
    return NotApplied{why};
  }
  return InDoubt{why};
}

/// Hands an op to the table that it is about.
struct Tables {
  const SqliteFile& file;

  Outcome operator()(const Load& op) const {
    return file.counters->apply(op, file.clock->wall_us());
  }
  Outcome operator()(const Recall& op) const {
    return file.records->apply(op, file.clock->now_us());
  }
  Outcome operator()(const Remember& op) const {
    return file.records->apply(op, file.clock->now_us());
  }
  /// The row of the clock is all that changes: a page that is written and synced as others are.
  Outcome operator()(const TryWrite&) const {
    file.clock_row->keep(*file.clock);
    return contract::Committed{};
  }
  template <typename Other>
  Outcome operator()(const Other& op) const {
    return file.counters->apply(op);
  }
};

Error as_error(const SqliteFailure& failure) {
  return Error(failure.is_damage() ? ErrorCode::kCorrupt : ErrorCode::kUnavailable, failure.what());
}

}  // namespace

SqliteCommitter::Statements::Statements(Database& database)
    : begin_write(database, "BEGIN IMMEDIATE"),
      begin_read(database, "BEGIN"),
      commit(database, "COMMIT"),
      savepoint(database, "SAVEPOINT op"),
      release(database, "RELEASE op"),
      roll_back_to(database, "ROLLBACK TO op") {}

SqliteCommitter::SqliteCommitter(SqliteFile file)
    : file_(std::move(file)), statements_(std::in_place, *file_.database) {}

SqliteCommitter::~SqliteCommitter() {
  statements_.reset();
  close_sqlite_file(std::move(file_), kCloseLimit);
}

Answers SqliteCommitter::commit(const Group& group) noexcept {
  Answers answers;
  if (group.calls.empty()) {
    read(group, "", answers);
    return answers;
  }
  try {
    write(group, answers);
  } catch (const SqliteFailure& failure) {
    file_.database->roll_back();
    answers = Answers();
    read(group, failure.what(), answers);
  }
  return answers;
}

/// Throws if nothing of the group was, or will be, applied.
void SqliteCommitter::write(const Group& group, Answers& answers) {
  Database& database = *file_.database;
  const auto deadline = base::monotonic_now() + kSqliteLockLimit;
  const auto hold = file_.lock->acquire(deadline);
  database.set_busy_timeout(until(deadline));
  statements_->begin_write.run();
  file_.guard->check_files();
  answers.outcomes.reserve(group.calls.size());
  // The usual group is one reserve. It needs no savepoint: the transaction is its own.
  const bool lone_reserve =
      group.calls.size() == 1 && std::holds_alternative<Reserve>(group.calls.front().op);
  for (const contract::Call& call : group.calls) {
    answers.outcomes.push_back(lone_reserve ? attempt_alone(call.op) : attempt(call.op));
  }
  read_pages(group, answers);
  if (file_.clock->is_due()) keep_clock();
  try {
    file_.guard->keep_seal();
    statements_->commit.run();
    file_.guard->committed();
  } catch (const SqliteFailure& failure) {
    database.roll_back();
    for (std::size_t i = 0; i < group.calls.size(); ++i) {
      answers.outcomes[i] = doubt(group.calls[i].op, failure.what());
    }
    for (auto& page : answers.pages) page = as_error(failure);
  }
}

/// Throws only if the whole transaction is lost: ids need no clock.
void SqliteCommitter::keep_clock() {
  try {
    file_.clock_row->keep(*file_.clock);
  } catch (const SqliteFailure&) {
    if (!file_.database->in_transaction()) throw;
  }
}

/// Throws if the op failed; the transaction is then to be rolled back.
Outcome SqliteCommitter::attempt_alone(const contract::Op& op) {
  if (auto why = contract::refuse_unstorable(op)) return NotApplied{std::move(*why)};
  return apply(op);
}

/// Throws only if the whole transaction is lost.
Outcome SqliteCommitter::attempt(const contract::Op& op) {
  if (auto why = contract::refuse_unstorable(op)) return NotApplied{std::move(*why)};
  try {
    return attempt_in_savepoint(op);
  } catch (const SqliteFailure& failure) {
    // Some failures end the transaction, and the ops before this one with it.
    if (!file_.database->in_transaction()) throw;
    statements_->roll_back_to.run();
    statements_->release.run();
    // A Load succeeds even if its pruning fails.
    const Load* load = std::get_if<Load>(&op);
    if (load == nullptr || failure.is_damage()) return NotApplied{failure.what()};
    return file_.counters->find(*load);
  }
}

Outcome SqliteCommitter::attempt_in_savepoint(const contract::Op& op) {
  statements_->savepoint.run();
  Outcome outcome = apply(op);
  statements_->release.run();
  return outcome;
}

Outcome SqliteCommitter::apply(const contract::Op& op) { return std::visit(Tables{file_}, op); }

/// Answers what only reads, when nothing can be written.
void SqliteCommitter::read(const Group& group, const std::string& why_not_write, Answers& answers) {
  Database& database = *file_.database;
  std::optional<SqliteFailure> failure;
  try {
    database.set_busy_timeout(kSqliteLockLimit);
    statements_->begin_read.run();
    file_.guard->check_files();
    for (const contract::Call& call : group.calls) {
      answers.outcomes.push_back(look(call.op, why_not_write));
    }
    read_pages(group, answers);
    statements_->commit.run();
  } catch (const SqliteFailure& thrown) {
    failure = thrown;
  }
  database.roll_back();
  if (!failure) return;
  const std::string why = why_not_write.empty() ? failure->what() : why_not_write;
  answers.outcomes.assign(group.calls.size(), NotApplied{why});
  answers.pages.assign(group.listings.size(), as_error(*failure));
}

Outcome SqliteCommitter::look(const contract::Op& op, const std::string& why_not_write) {
  if (auto why = contract::refuse_unstorable(op)) return NotApplied{std::move(*why)};
  if (const auto* load = std::get_if<Load>(&op)) return file_.counters->find(*load);
  if (const auto* recall = std::get_if<Recall>(&op)) {
    return file_.records->apply(*recall, file_.clock->now_us());
  }
  return NotApplied{why_not_write};
}

void SqliteCommitter::read_pages(const Group& group, Answers& answers) {
  for (const Listing& listing : group.listings) {
    try {
      answers.pages.emplace_back(file_.counters->list(listing.wanted));
    } catch (const SqliteFailure& failure) {
      answers.pages.emplace_back(as_error(failure));
    }
  }
}

void SqliteCommitter::tidy() noexcept {
  if (!file_.guard->checkpoint_is_due()) return;
  try {
    const auto hold = file_.lock->acquire(base::monotonic_now() + kSqliteLockLimit);
    file_.guard->checkpoint();
  } catch (const SqliteFailure&) {
    // Nothing is lost: the commits stay in the log.
  }
}

}  // namespace nextid::store
