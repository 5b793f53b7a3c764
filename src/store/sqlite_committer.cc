#include "store/sqlite_committer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "store/op_check.h"

namespace nextid::store {
namespace {

using contract::InDoubt;
using contract::Load;
using contract::NotApplied;
using contract::Outcome;
using contract::Recall;
using contract::Remember;
using contract::Reserve;

/// A WAL that is reused from its start commits faster than one that grows.
constexpr int kFramesPerCheckpoint = 1000;

int remember_frames(void* frames, sqlite3*, const char*, int in_wal) {
  *static_cast<int*>(frames) = in_wal;
  return SQLITE_OK;
}

std::chrono::milliseconds until(base::MonotonicTime deadline) {
  using std::chrono::milliseconds;
  const auto rest = std::chrono::duration_cast<milliseconds>(deadline - base::monotonic_now());
  return std::max(rest, milliseconds(1));
}

/// A Load or a Recall that was not answered changed nothing that anyone could be in doubt about.
Outcome doubt(const contract::Op& op, const std::string& why) {
  if (std::holds_alternative<Load>(op) || std::holds_alternative<Recall>(op)) {
    return NotApplied{why};
  }
  return InDoubt{why};
}

/// Hands an op to the table that it is about.
struct Tables {
  const SqliteFile& file;
  base::WallMicros now;

  Outcome operator()(const Load& op) const { return file.counters->apply(op, now); }
  Outcome operator()(const Recall& op) const { return file.records->apply(op, now); }
  Outcome operator()(const Remember& op) const { return file.records->apply(op, now); }
  template <typename Other>
  Outcome operator()(const Other& op) const {
    return file.counters->apply(op);
  }
};

Error as_error(const SqliteFailure& failure) {
  return Error(failure.is_damage() ? ErrorCode::kCorrupt : ErrorCode::kUnavailable, failure.what());
}

}  // namespace

SqliteCommitter::SqliteCommitter(SqliteFile file, std::function<base::WallMicros()> wall_clock)
    : file_(std::move(file)),
      wall_clock_(std::move(wall_clock)),
      begin_write_(*file_.database, "BEGIN IMMEDIATE"),
      begin_read_(*file_.database, "BEGIN"),
      commit_(*file_.database, "COMMIT"),
      savepoint_(*file_.database, "SAVEPOINT op"),
      release_(*file_.database, "RELEASE op"),
      roll_back_to_(*file_.database, "ROLLBACK TO op") {
  sqlite3_wal_hook(file_.database->get(), &remember_frames, &wal_frames_);
}

SqliteCommitter::~SqliteCommitter() {
  try {
    checkpoint(base::monotonic_now());
  } catch (const SqliteFailure&) {
    // The next to open the file finds the same commits in the WAL.
  }
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
  const auto deadline = base::monotonic_now() + contract::kAttemptTimeout;
  const auto hold = file_.lock->acquire(deadline);
  database.set_busy_timeout(until(deadline));
  begin_write_.run();
  database.check_in_place();
  answers.outcomes.reserve(group.calls.size());
  // The usual group is one reserve. It needs no savepoint: the transaction is its own.
  const bool lone_reserve =
      group.calls.size() == 1 && std::holds_alternative<Reserve>(group.calls.front().op);
  for (const contract::Call& call : group.calls) {
    answers.outcomes.push_back(lone_reserve ? attempt_alone(call.op) : attempt(call.op));
  }
  read_pages(group, answers);
  try {
    commit_.run();
  } catch (const SqliteFailure& failure) {
    database.roll_back();
    for (std::size_t i = 0; i < group.calls.size(); ++i) {
      answers.outcomes[i] = doubt(group.calls[i].op, failure.what());
    }
    for (auto& page : answers.pages) page = as_error(failure);
  }
}

/// Throws if the op failed; the transaction is then to be rolled back.
Outcome SqliteCommitter::attempt_alone(const contract::Op& op) {
  if (auto why = refuse_unstorable(op)) return NotApplied{std::move(*why)};
  return apply(op);
}

/// Throws only if the whole transaction is lost.
Outcome SqliteCommitter::attempt(const contract::Op& op) {
  if (auto why = refuse_unstorable(op)) return NotApplied{std::move(*why)};
  try {
    return attempt_in_savepoint(op);
  } catch (const SqliteFailure& failure) {
    // Some failures end the transaction, and the ops before this one with it.
    if (!file_.database->in_transaction()) throw;
    roll_back_to_.run();
    release_.run();
    // A Load can do without its pruning.
    const Load* load = std::get_if<Load>(&op);
    if (load == nullptr || failure.is_damage()) return NotApplied{failure.what()};
    return file_.counters->find(*load);
  }
}

Outcome SqliteCommitter::attempt_in_savepoint(const contract::Op& op) {
  savepoint_.run();
  Outcome outcome = apply(op);
  release_.run();
  return outcome;
}

Outcome SqliteCommitter::apply(const contract::Op& op) {
  return std::visit(Tables{file_, wall_clock_()}, op);
}

/// Answers what only reads, when nothing can be written.
void SqliteCommitter::read(const Group& group, const std::string& why_not_write, Answers& answers) {
  Database& database = *file_.database;
  std::optional<SqliteFailure> failure;
  try {
    database.set_busy_timeout(contract::kAttemptTimeout);
    begin_read_.run();
    database.check_in_place();
    for (const contract::Call& call : group.calls) {
      answers.outcomes.push_back(look(call.op, why_not_write));
    }
    read_pages(group, answers);
    commit_.run();
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
  if (auto why = refuse_unstorable(op)) return NotApplied{std::move(*why)};
  if (const auto* load = std::get_if<Load>(&op)) return file_.counters->find(*load);
  if (const auto* recall = std::get_if<Recall>(&op)) {
    return file_.records->apply(*recall, wall_clock_());
  }
  return NotApplied{why_not_write};
}

void SqliteCommitter::read_pages(const Group& group, Answers& answers) {
  for (const Listing& listing : group.listings) {
    try {
      answers.pages.emplace_back(file_.counters->list(listing.after, listing.limit));
    } catch (const SqliteFailure& failure) {
      answers.pages.emplace_back(as_error(failure));
    }
  }
}

void SqliteCommitter::tidy() noexcept {
  // Fewer frames than before: the WAL has begun anew.
  if (wal_frames_ < checkpointed_frames_) checkpointed_frames_ = 0;
  if (wal_frames_ - checkpointed_frames_ < kFramesPerCheckpoint) return;
  // Taken as done whatever comes of it: while a reader or a full disk is in the way, the next
  // attempt can wait for as many frames again.
  checkpointed_frames_ = wal_frames_;
  try {
    checkpoint(base::monotonic_now() + contract::kAttemptTimeout);
  } catch (const SqliteFailure&) {
    // Nothing is lost: the commits stay in the WAL.
  }
}

void SqliteCommitter::checkpoint(base::MonotonicTime deadline) {
  const auto hold = file_.lock->acquire(deadline);
  sqlite3_wal_checkpoint_v2(file_.database->get(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr,
                            nullptr);
}

}  // namespace nextid::store
