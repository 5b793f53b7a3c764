#include "store/mysql/committer.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "base/cat.h"
#include "contract/op_check.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::Damaged;
using contract::InDoubt;
using contract::NotApplied;
using contract::Outcome;
using Fate = MysqlFailure::Fate;

/// How often ops are tried in one call, where others were rolled back, or kept them waiting.
constexpr int kMostRounds = 3;
/// A page may be a thousand rows that are not in the server's memory.
constexpr std::chrono::milliseconds kPageLimit{5'000};
/// Of a transaction's statements, START TRANSACTION and the one that reads the store's row.
constexpr std::size_t kBeforeRows = 2;

bool only_reads(const contract::Op& op) {
  return std::holds_alternative<contract::Load>(op) || std::holds_alternative<contract::Recall>(op);
}

const std::string& counter_of(const contract::Op& op) {
  static const std::string none;
  return std::visit(
      [](const auto& each) -> const std::string& {
        if constexpr (requires { each.writer; }) {
          return each.counter;
        } else {
          return none;
        }
      },
      op);
}

/// Whether statements that commit at the statement `commit` may have been applied. One that is
/// alone commits by itself: then its own error tells.
bool may_be_applied(const MysqlFailure& failure, std::size_t commit, bool is_alone) {
  if (failure.fate() == Fate::kNotSent) return false;
  if (failure.fate() != Fate::kAnswered) return true;
  if (failure.statement() < commit) return false;
  if (failure.statement() == commit && is_alone) return failure.kind() == MysqlErrorKind::kInDoubt;
  return true;
}

InDoubt not_acknowledged() { return {"the server committed, and no replica has acknowledged it"}; }

}  // namespace

MysqlCommitter::MysqlCommitter(std::shared_ptr<MysqlShared> shared, WallClock wall_clock)
    : shared_(std::move(shared)), wall_clock_(std::move(wall_clock)), session_(shared_) {}

Answers MysqlCommitter::commit(const Group& group) noexcept {
  Answers answers;
  answers.outcomes.assign(group.calls.size(), NotApplied{});
  if (!group.calls.empty()) commit_calls(group, answers);
  read_pages(group, answers);
  // Other lanes may have found it while this one committed.
  if (const std::string doubt = shared_->doubt(); !doubt.empty()) {
    answers.outcomes.assign(group.calls.size(), Damaged{doubt});
  }
  return answers;
}

void MysqlCommitter::commit_calls(const Group& group, Answers& answers) {
  Batch reads;
  Batch reserves;
  Batch others;
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    const contract::Op& op = group.calls[i].op;
    if (auto why = contract::refuse_unstorable(op)) {
      answers.outcomes[i] = NotApplied{std::move(*why)};
    } else if (only_reads(op)) {
      reads.push_back({i, &op});
    } else if (std::holds_alternative<contract::Reserve>(op)) {
      reserves.push_back({i, &op});
    } else {
      others.push_back({i, &op});
    }
  }
  if (!shared_->doubt().empty()) return;
  if (!reads.empty()) {
    const Batch left = look_up(reads, answers);
    others.insert(others.end(), left.begin(), left.end());
  }
  if (others.empty()) return transact(reserve(std::move(reserves), answers), answers);
  others.insert(others.end(), reserves.begin(), reserves.end());
  transact(std::move(others), answers);
}

void MysqlCommitter::answer_all(const Batch& batch, const Outcome& outcome,
                                Answers& answers) const {
  for (const Item& item : batch) {
    // A Load that was to prune has its answer already.
    const bool has_answer = std::holds_alternative<contract::Found>(answers.outcomes[item.index]);
    const bool fails =
        std::holds_alternative<NotApplied>(outcome) || std::holds_alternative<InDoubt>(outcome);
    if (has_answer && fails) continue;
    const bool is_read = only_reads(*item.op);
    const auto* doubt = std::get_if<InDoubt>(&outcome);
    answers.outcomes[item.index] = is_read && doubt != nullptr ? NotApplied{doubt->why} : outcome;
  }
}

Outcome MysqlCommitter::not_applied(const MysqlFailure& failure) const {
  if (const std::string doubt = shared_->doubt(); !doubt.empty()) return Damaged{doubt};
  return NotApplied{failure.what(), failure.kind() == MysqlErrorKind::kThrottled};
}

/// What is to be done once more, or not yet; all else is answered. `counter` is the one whose row
/// the failed statement needs.
MysqlCommitter::Batch MysqlCommitter::after_failure(const MysqlFailure& failure, bool is_in_doubt,
                                                    const std::string& counter, const Batch& batch,
                                                    Answers& answers) {
  session_.roll_back();
  if (failure.kind() == MysqlErrorKind::kGone) shared_->is_same(std::nullopt);
  if (failure.fate() == Fate::kTimeOver &&
      lock_wait_of(shared_->settings) >= shared_->settings.attempt_timeout) {
    // It may be a lock: each is to wait for its own.
    for (const Item& item : batch) {
      const std::string& each = counter_of(*item.op);
      if (!each.empty()) answers.held_up.push_back(each);
    }
  }
  if (is_in_doubt) {
    answer_all(batch, InDoubt{failure.what()}, answers);
    return {};
  }
  if (failure.kind() == MysqlErrorKind::kRolledBack) {
    // In case this was the last round.
    answer_all(batch, not_applied(failure), answers);
    return batch;
  }
  if (failure.kind() != MysqlErrorKind::kLockWait || counter.empty()) {
    answer_all(batch, not_applied(failure), answers);
    return {};
  }
  answers.held_up.push_back(counter);
  Batch left;
  for (const Item& item : batch) {
    answer_all({item}, not_applied(failure), answers);
    if (counter_of(*item.op) != counter) left.push_back(item);
  }
  return left;
}

// --- Reads

/// Returns those that have to write something, too.
MysqlCommitter::Batch MysqlCommitter::look_up(const Batch& batch, Answers& answers) {
  Batch writes;
  try {
    session_.make_ready();
    std::string statements = store_row_sql(shared_->tables, session_.is_mariadb());
    for (const Item& item : batch) {
      statements += "; " + select_row_sql(shared_->tables, *row_name_of(*item.op), false);
    }
    const auto found = session_.run(statements);
    if (!shared_->is_same(store_row_of(found.front()))) return {};
    const base::WallMicros now = wall_clock_();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      MysqlRows rows(now, 0);
      rows.add(*row_name_of(*batch[i].op), found[i + 1]);
      Outcome outcome = rows.apply(*batch[i].op);
      const bool writes_too = !rows.writes(shared_->tables).empty() || rows.needs_confirmation();
      if (writes_too) writes.push_back(batch[i]);
      if (!rows.needs_confirmation()) answers.outcomes[batch[i].index] = std::move(outcome);
    }
  } catch (const MysqlFailure& failure) {
    after_failure(failure, false, "", batch, answers);
    return {};
  }
  return writes;
}

// --- Reserves

/// Returns those whose condition did not hold, and which are not answered.
MysqlCommitter::Batch MysqlCommitter::reserve(Batch batch, Answers& answers) {
  std::stable_sort(batch.begin(), batch.end(), [](const Item& one, const Item& other) {
    return counter_of(*one.op) < counter_of(*other.op);
  });
  Batch refused;
  for (int round = 0; round < kMostRounds && !batch.empty(); ++round) {
    const bool is_alone = batch.size() == 1;
    const std::size_t commit = is_alone ? 0 : batch.size() + 1;
    try {
      session_.make_ready();
      return reserve_once(batch, answers);
    } catch (const MysqlFailure& failure) {
      // The statements of a transaction are START TRANSACTION, one an op, and COMMIT.
      const std::size_t place = failure.statement() - (is_alone ? 0 : 1);
      const bool is_an_op = failure.fate() == Fate::kAnswered && place < batch.size();
      batch = after_failure(failure, may_be_applied(failure, commit, is_alone),
                            is_an_op ? counter_of(*batch[place].op) : "", batch, answers);
    }
  }
  return {};
}

MysqlCommitter::Batch MysqlCommitter::reserve_once(const Batch& batch, Answers& answers) {
  const bool is_alone = batch.size() == 1;
  std::string statements = is_alone ? "" : "START TRANSACTION";
  for (const Item& item : batch) {
    statements += cat(statements.empty() ? "" : "; ",
                      reserve_sql(shared_->tables, std::get<contract::Reserve>(*item.op)));
  }
  if (!is_alone) statements += "; COMMIT";
  const auto committed = session_.run_commit(statements);
  ++commits_;
  Batch refused;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const MysqlAnswer& answer = committed.answers[i + (is_alone ? 0 : 1)];
    if (answer.matched == 0) {
      refused.push_back(batch[i]);
    } else if (committed.lasts) {
      answers.outcomes[batch[i].index] = contract::Committed{answer.insert_id};
    } else {
      answers.outcomes[batch[i].index] = not_acknowledged();
    }
  }
  return refused;
}

// --- Transactions

void MysqlCommitter::transact(Batch batch, Answers& answers) {
  for (int round = 0; round < kMostRounds && !batch.empty(); ++round) {
    batch = transact_once(batch, answers);
  }
}

/// Returns what is to be done once more.
MysqlCommitter::Batch MysqlCommitter::transact_once(const Batch& batch, Answers& answers) {
  std::set<MysqlRowName> needed;
  for (const Item& item : batch) {
    if (auto name = row_name_of(*item.op)) needed.insert(std::move(*name));
  }
  const std::vector<MysqlRowName> names(needed.begin(), needed.end());
  try {
    session_.make_ready();
    MysqlRows rows = lock_rows(names);
    if (!shared_->doubt().empty()) {
      session_.roll_back();
      return {};
    }
    std::vector<Outcome> outcomes;
    for (const Item& item : batch) outcomes.push_back(rows.apply(*item.op));
    return write_rows(rows, batch, outcomes, answers);
  } catch (const MysqlFailure& failure) {
    // Nothing commits before all rows are locked.
    const std::size_t place = failure.statement() - kBeforeRows;
    const bool is_a_row = failure.fate() == Fate::kAnswered && place < names.size();
    const std::string counter = is_a_row && !names[place].is_record ? names[place].name : "";
    return after_failure(failure, false, counter, batch, answers);
  }
}

MysqlRows MysqlCommitter::lock_rows(const std::vector<MysqlRowName>& names) {
  std::string statements =
      "START TRANSACTION; " + store_row_sql(shared_->tables, session_.is_mariadb());
  for (const MysqlRowName& name : names) {
    statements += "; " + select_row_sql(shared_->tables, name, true);
  }
  const auto found = session_.run(statements);
  const auto store = store_row_of(found[1]);
  MysqlRows rows(wall_clock_(), store ? store->skip_for_new : 0);
  if (!shared_->is_same(store)) return rows;
  for (std::size_t i = 0; i < names.size(); ++i) rows.add(names[i], found[i + kBeforeRows]);
  return rows;
}

/// Returns what is to be done once more.
MysqlCommitter::Batch MysqlCommitter::write_rows(const MysqlRows& rows, const Batch& batch,
                                                 const std::vector<Outcome>& outcomes,
                                                 Answers& answers) {
  const auto writes = rows.writes(shared_->tables);
  std::string statements;
  for (const auto& write : writes) statements += write.sql + "; ";
  if (rows.needs_confirmation()) statements += probe_sql(shared_->tables) + "; ";
  const std::size_t commit = writes.size() + (rows.needs_confirmation() ? 1 : 0);
  bool lasts = true;
  if (commit == 0) {
    session_.roll_back();
  } else {
    try {
      lasts = session_.run_commit(statements + "COMMIT").lasts;
      ++commits_;
    } catch (const MysqlFailure& failure) {
      const std::size_t place = failure.statement();
      const bool is_a_row = failure.fate() == Fate::kAnswered && place < writes.size();
      const bool is_counter = is_a_row && !writes[place].row.is_record;
      return after_failure(failure, may_be_applied(failure, commit, false),
                           is_counter ? writes[place].row.name : "", batch, answers);
    }
  }
  kept_records_ = kept_records_ || rows.has_new_records();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (lasts) {
      answers.outcomes[batch[i].index] = outcomes[i];
    } else {
      answer_all({batch[i]}, not_acknowledged(), answers);
    }
  }
  return {};
}

// --- Pages, and what no answer waits for

void MysqlCommitter::read_pages(const Group& group, Answers& answers) {
  for (const Listing& listing : group.listings) answers.pages.push_back(read_page(listing.wanted));
}

Result<CounterPage> MysqlCommitter::read_page(const contract::PageWanted& wanted) {
  try {
    if (const std::string doubt = shared_->doubt(); !doubt.empty()) {
      return Error(ErrorCode::kCorrupt, doubt + ".");
    }
    session_.make_ready();
    const auto limit = std::max(kPageLimit, shared_->settings.attempt_timeout);
    return counter_page_of(session_.run(list_counters_sql(shared_->tables, wanted), limit).front(),
                           wanted);
  } catch (const MysqlDamage& damage) {
    return Error(ErrorCode::kCorrupt, cat("the counters can't be listed: ", damage.what(), "."));
  } catch (const MysqlFailure& failure) {
    return Error(ErrorCode::kUnavailable,
                 cat("the counters can't be listed: ", failure.what(), "."));
  }
}

void MysqlCommitter::tidy() noexcept {
  session_.look_again();
  if (!std::exchange(kept_records_, false)) return;
  try {
    session_.make_ready();
    session_.run(remove_expired_sql(shared_->tables, wall_clock_()));
  } catch (const MysqlFailure&) {
    // What is left is removed after a later one.
    session_.roll_back();
  }
}

}  // namespace nextid::store
