#include "store/postgres/committer.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "base/cat.h"
#include "contract/op_check.h"
#include "contract/transition.h"
#include "store/postgres/counters.h"
#include "store/postgres/records.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::Committed;
using contract::Damaged;
using contract::Define;
using contract::Load;
using contract::NotApplied;
using contract::Op;
using contract::Outcome;
using contract::Recall;
using contract::Refused;
using contract::Remember;
using contract::Reserve;
using contract::TryWrite;
using Effect = PostgresFailure::Effect;
using Part = PostgresConnection::Part;

/// What is answered in one round trip, without a look at the row before.
bool is_simple(const Op& op) {
  return std::holds_alternative<Reserve>(op) || std::holds_alternative<Load>(op) ||
         std::holds_alternative<Recall>(op) || std::holds_alternative<Remember>(op) ||
         std::holds_alternative<TryWrite>(op);
}

bool only_reads(const Op& op) {
  return std::holds_alternative<Load>(op) || std::holds_alternative<Recall>(op);
}

const std::string& counter_of(const Op& op) {
  static const std::string none;
  return std::visit(
      [](const auto& each) -> const std::string& {
        if constexpr (requires { each.counter; }) {
          return each.counter;
        } else {
          return none;
        }
      },
      op);
}

/// The order in which rows are locked: counters, keys, the store's own.
std::tuple<int, std::string, std::string> place_of(const Op& op) {
  if (const auto* remember = std::get_if<Remember>(&op)) {
    return {1, contract::key_space(remember->counter, remember->scope), remember->key};
  }
  return {std::holds_alternative<TryWrite>(op) ? 2 : 0, counter_of(op), {}};
}

Outcome outcome_of(const PostgresFailure& failure, const Op& op) {
  return only_reads(op) ? failure.outcome_of_read() : failure.outcome();
}

/// What `op` does to the counter that was read; ops that are not about one never come here.
contract::Transition transition_of(const Op& op, std::optional<contract::CounterState> state,
                                   std::uint64_t skip_for_new) {
  return std::visit(
      [&](const auto& each) -> contract::Transition {
        using Each = std::decay_t<decltype(each)>;
        if constexpr (std::is_same_v<Each, Define>) {
          return contract::apply(each, std::move(state), skip_for_new);
        } else if constexpr (requires { contract::apply(each, state); }) {
          return contract::apply(each, std::move(state));
        } else {
          return {NotApplied{"not about a counter"}};
        }
      },
      op);
}

contract::WriterId writer_of(const Op& op) {
  return std::visit(
      [](const auto& each) -> contract::WriterId {
        if constexpr (requires { each.writer; }) {
          return each.writer;
        } else {
          return 0;
        }
      },
      op);
}

/// The state shows that this very op was applied before.
bool was_applied(const Outcome& outcome, const Op& op) {
  const auto* refused = std::get_if<Refused>(&outcome);
  const auto* reserve = std::get_if<Reserve>(&op);
  return refused != nullptr && reserve != nullptr && refused->state.slot &&
         refused->state.slot->seq == reserve->seq;
}

/// The same of an op that looked at its row under a lock, and changes nothing.
bool tells_earlier_write(const Outcome& outcome) {
  return std::holds_alternative<Refused>(outcome) || std::holds_alternative<Committed>(outcome);
}

/// The outcome of a Reserve that changed no row, by the row as it was read afterwards.
Outcome why_refused(const Op& op, const PostgresRows& row) {
  try {
    auto transition = transition_of(op, state_of(row, counter_of(op)), 0);
    if (!transition.change) return std::move(transition.outcome);
    return NotApplied{
        cat("counter '", counter_of(op), "' was changed by another program at the same moment")};
  } catch (const PostgresFailure& failure) {
    return failure.outcome_of_read();
  }
}

}  // namespace

PostgresCommitter::PostgresCommitter(std::shared_ptr<PostgresShared> shared,
                                     PostgresServers servers)
    : shared_(std::move(shared)), servers_(std::move(servers)) {}

PostgresCommitter::PostgresCommitter(std::shared_ptr<PostgresShared> shared,
                                     PostgresServers servers, PostgresSession session)
    : shared_(std::move(shared)), servers_(std::move(servers)), session_(std::move(session)) {}

Answers PostgresCommitter::commit(const Group& group) noexcept {
  deadline_ = base::monotonic_now() + kAttempts * shared_->attempt_timeout;
  Answers answers;
  answers.outcomes.assign(group.calls.size(),
                          NotApplied{"PostgreSQL was not asked: its connection was lost before, or "
                                     "the time was up"});
  try {
    if (std::string why = shared_->identity.doubt(); !why.empty()) {
      throw PostgresFailure(Effect::kDamaged, std::move(why));
    }
    connect();
  } catch (const PostgresFailure& failure) {
    // Before the first op was sent.
    for (std::size_t i = 0; i < group.calls.size(); ++i) {
      answers.outcomes[i] = outcome_of(failure, group.calls[i].op);
    }
    answers.pages.assign(group.listings.size(), error_of(failure));
    return answers;
  }
  attempt(group, answers);
  for (const Listing& listing : group.listings) answers.pages.push_back(read_page(listing));
  answers.held_up = std::exchange(held_up_, {});
  return answers;
}

/// Throws only failures after which nothing was sent.
void PostgresCommitter::connect() {
  if (session_.connection && session_.connection->is_alive()) return;
  disconnect();
  PostgresSession session = open_session(servers_, shared_->attempt_timeout, deadline_);
  try {
    const auto rows = session.connection->run({identity_query()}, Part::kWhole, deadline_);
    shared_->identity.check(rows.front(), session.server.system);
  } catch (const PostgresFailure& failure) {
    if (failure.misses_table()) shared_->identity.tables_are_gone();
    if (failure.effect() == Effect::kDamaged) throw;
    throw PostgresFailure(Effect::kNotApplied, failure.what(), failure.sqlstate());
  }
  session_ = std::move(session);
  {
    const base::Lock lock(shared_->mutex);
    shared_->server = session_.server;
  }
  end_lost();
}

void PostgresCommitter::disconnect() {
  if (!session_.connection) return;
  const base::Lock lock(shared_->mutex);
  shared_->lost.push_back(session_.server.process);
  constexpr std::size_t kMostLost = 16;
  if (shared_->lost.size() > kMostLost) shared_->lost.erase(shared_->lost.begin());
  session_ = {};
}

/// Ends what is left on the server of connections that were lost.
void PostgresCommitter::end_lost() {
  std::vector<PostgresProcess> lost;
  {
    const base::Lock lock(shared_->mutex);
    lost = shared_->lost;
  }
  if (lost.empty()) return;
  try {
    if (end_processes(*session_.connection, lost, deadline_) > 0) return;
    const base::Lock lock(shared_->mutex);
    shared_->lost.clear();
  } catch (const PostgresFailure&) {
    // They are asked for again when a lock is not to be had.
  }
}

void PostgresCommitter::attempt(const Group& group, Answers& answers) {
  Tasks simple;
  Tasks defines;
  Tasks locked;
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    const Op& op = group.calls[i].op;
    if (auto why = contract::refuse_unstorable(op)) {
      answers.outcomes[i] = NotApplied{std::move(*why)};
    } else {
      const bool defines_it = std::holds_alternative<Define>(op);
      (is_simple(op) ? simple
       : defines_it  ? defines
                     : locked)
          .push_back({&op, &answers.outcomes[i]});
    }
  }
  attempt_all(std::move(simple), [this](Tasks& tasks) { run_simple(tasks); });
  // Apart from those that lock rows first: an INSERT waits for whoever has the row, and would do so
  // out of order.
  attempt_one_by_row(std::move(defines));
  attempt_one_by_row(std::move(locked));
}

/// One op on a row in each transaction: the next one is to see what it left.
void PostgresCommitter::attempt_one_by_row(Tasks tasks) {
  while (!tasks.empty()) {
    Tasks now;
    Tasks later;
    std::set<std::string_view> names;
    for (const Task& task : tasks) {
      (names.insert(counter_of(*task.op)).second ? now : later).push_back(task);
    }
    tasks = std::move(later);
    attempt_all(std::move(now), [this](Tasks& each) { run_locked(each); });
  }
}

/// Runs the body until it has answered all tasks, without those whose queries fail.
void PostgresCommitter::attempt_all(Tasks tasks, const Body& body) {
  std::stable_sort(tasks.begin(), tasks.end(), [](const Task& one, const Task& other) {
    return place_of(*one.op) < place_of(*other.op);
  });
  while (!tasks.empty() && session_.connection && base::monotonic_now() < deadline_) {
    owners_.clear();
    try {
      return body(tasks);
    } catch (const PostgresFailure& failure) {
      if (leave_out_failed(tasks, failure)) continue;
      for (const Task& task : tasks) *task.outcome = outcome_of(failure, *task.op);
      if (failure.ends_connection() || !session_.connection->is_alive()) disconnect();
      return;
    }
  }
}

/// True if one task's query failed, and the others may be tried again.
bool PostgresCommitter::leave_out_failed(Tasks& tasks, const PostgresFailure& failure) {
  const auto query = session_.connection->failed_query();
  if (!query || failure.effect() == Effect::kInDoubt || *query >= owners_.size()) return false;
  const auto failed = std::find_if(tasks.begin(), tasks.end(),
                                   [&](const Task& task) { return task.op == owners_[*query]; });
  if (failed == tasks.end() || failure.ends_connection()) return false;
  *failed->outcome = outcome_of(failure, *failed->op);
  if (failure.waited_for_lock()) {
    // As lanes know it: what needs no counter's row goes apart together.
    const bool is_record = std::holds_alternative<Remember>(*failed->op);
    held_up_.push_back(is_record ? std::string() : counter_of(*failed->op));
    end_lost();
  }
  tasks.erase(failed);
  return true;
}

std::vector<PostgresRows> PostgresCommitter::run(const std::vector<PostgresQuery>& queries,
                                                 Part part) {
  const auto limit = base::monotonic_now() + shared_->attempt_timeout;
  return session_.connection->run(queries, part, std::min(limit, deadline_));
}

// --- Ops in one round trip

void PostgresCommitter::run_simple(Tasks& tasks) {
  const PostgresTables& tables = shared_->tables;
  const base::WallMicros now = shared_->wall_clock();
  std::vector<PostgresQuery> queries;
  bool writes = false;
  std::size_t kept = 0;
  const auto add = [&](const Op* owner, PostgresQuery query) {
    queries.push_back(std::move(query));
    owners_.push_back(owner);
  };
  const bool loads = std::any_of(tasks.begin(), tasks.end(), [](const Task& task) {
    return std::holds_alternative<Load>(*task.op);
  });
  if (loads) add(nullptr, identity_query());
  for (const Task& task : tasks) {
    const Op* op = task.op;
    writes = writes || !only_reads(*op);
    if (const auto* reserve = std::get_if<Reserve>(op)) add(op, reserve_query(tables, *reserve));
    if (const auto* load = std::get_if<Load>(op)) add(op, load_query(tables, *load, now));
    if (std::holds_alternative<TryWrite>(*op)) add(op, {&tables.touch});
    if (const auto* recall = std::get_if<Recall>(op)) {
      add(op, recall_query(tables, recall->counter, recall->scope, recall->key));
    }
    if (const auto* remember = std::get_if<Remember>(op)) {
      if (auto query = remember_query(tables, *remember, now)) {
        add(op, *std::move(query));
        ++kept;
      }
      add(op, recall_query(tables, remember->counter, remember->scope, remember->key));
    }
  }
  // Last: it locks rows out of order, and must then wait for none.
  if (kept > 0) add(nullptr, tidy_query(tables, kept, now));
  const auto rows = run(queries, Part::kWhole);
  if (writes) ++commits_;
  if (loads) check_identity(rows.front());
  Tasks refused;
  Tasks to_prune;
  for (const Task& task : tasks) {
    // The last of its queries has its answer.
    const auto last = std::find(owners_.rbegin(), owners_.rend(), task.op);
    take_simple(task, rows[static_cast<std::size_t>(owners_.rend() - last) - 1], refused, to_prune);
  }
  owners_.clear();
  if (!refused.empty()) explain(refused);
  if (!to_prune.empty()) prune(to_prune);
}

void PostgresCommitter::take_simple(const Task& task, const PostgresRows& rows, Tasks& refused,
                                    Tasks& to_prune) {
  try {
    if (std::holds_alternative<Reserve>(*task.op)) {
      if (rows.count() == 0) {
        refused.push_back(task);
      } else {
        *task.outcome = Committed{rows.integer(0, 0)};
      }
    } else if (std::holds_alternative<Load>(*task.op)) {
      *task.outcome = transition_of(*task.op, state_of(rows, counter_of(*task.op)), 0).outcome;
      if (is_to_be_pruned(rows)) to_prune.push_back(task);
    } else if (std::holds_alternative<TryWrite>(*task.op)) {
      *task.outcome = Committed{};
    } else {
      *task.outcome = remembered(rows, shared_->wall_clock());
    }
  } catch (const PostgresFailure& failure) {
    *task.outcome = outcome_of(failure, *task.op);
  }
}

/// Answers Reserves whose conditions did not hold.
void PostgresCommitter::explain(const Tasks& refused) {
  std::vector<PostgresQuery> queries{identity_query()};
  add_selects(refused, queries);
  Tasks applied;
  try {
    const auto rows = run(queries, Part::kWhole);
    check_identity(rows.front());
    for (std::size_t i = 0; i < refused.size(); ++i) {
      *refused[i].outcome = why_refused(*refused[i].op, rows[i + 1]);
      if (was_applied(*refused[i].outcome, *refused[i].op)) applied.push_back(refused[i]);
    }
  } catch (const PostgresFailure& failure) {
    // One of reading: the write is known to have done nothing.
    for (const Task& task : refused) *task.outcome = failure.outcome_of_read();
    return;
  }
  if (!applied.empty()) confirm(applied);
}

/// An op that was found applied may be known to this server alone: as after a crash while its
/// commit waited for a synchronous standby. A commit of our own, which waits for the same, shows
/// that the earlier one is as durable. It is read again in that transaction, since behind a pooler
/// this may be another server.
void PostgresCommitter::confirm(const Tasks& applied) {
  std::vector<PostgresQuery> queries{{&shared_->tables.touch}};
  add_selects(applied, queries);
  try {
    const auto rows = run(queries, Part::kWhole);
    ++commits_;
    for (std::size_t i = 0; i < applied.size(); ++i) {
      *applied[i].outcome = why_refused(*applied[i].op, rows[i + 1]);
    }
  } catch (const PostgresFailure& failure) {
    for (const Task& task : applied) *task.outcome = contract::InDoubt{failure.what()};
  }
}

void PostgresCommitter::add_selects(const Tasks& tasks, std::vector<PostgresQuery>& queries) const {
  for (const Task& task : tasks) {
    queries.push_back(
        select_query(shared_->tables.select, counter_of(*task.op), writer_of(*task.op)));
  }
}

/// A Load succeeds even if its pruning fails.
void PostgresCommitter::prune(Tasks& tasks) {
  const base::WallMicros now = shared_->wall_clock();
  std::vector<PostgresQuery> queries;
  for (const Task& task : tasks) {
    queries.push_back(prune_query(shared_->tables, std::get<Load>(*task.op), now));
  }
  try {
    const auto rows = run(queries, Part::kWhole);
    ++commits_;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const auto state = state_of(rows[i], counter_of(*tasks[i].op));
      if (state) *tasks[i].outcome = contract::Found{*state};
    }
  } catch (const PostgresFailure&) {
    // The slots wait for the next Load.
  }
}

// --- Ops that look at the row, and then write it

void PostgresCommitter::run_locked(Tasks& tasks) {
  std::vector<PostgresQuery> queries{identity_query()};
  owners_.push_back(nullptr);
  for (const Task& task : tasks) {
    // A Define makes its row, or leaves it as it is.
    const auto& select = std::holds_alternative<Define>(*task.op) ? shared_->tables.select
                                                                  : shared_->tables.select_to_write;
    queries.push_back(select_query(select, counter_of(*task.op), writer_of(*task.op)));
    owners_.push_back(task.op);
  }
  try {
    const auto rows = run(queries, Part::kFirst);
    owners_.clear();
    write_locked(tasks, rows);
  } catch (const PostgresFailure& failure) {
    session_.connection->roll_back(deadline_);
    throw;
  }
}

/// What was read and what is written are one transaction: its commit shows that what was read is
/// durable, too.
void PostgresCommitter::write_locked(Tasks& tasks, const std::vector<PostgresRows>& rows) {
  const PostgresStoreRow store = check_identity(rows.front());
  std::vector<PostgresQuery> writes;
  Unconfirmed written;
  Unconfirmed read;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Task& task = tasks[i];
    try {
      const auto state = state_of(rows[i + 1], counter_of(*task.op));
      auto transition = transition_of(*task.op, state, store.skip_for_new);
      if (transition.change) {
        writes.push_back(change_query(shared_->tables, counter_of(*task.op), writer_of(*task.op),
                                      state, *transition.change));
        owners_.push_back(task.op);
        written.push_back({task, std::move(transition.outcome)});
      } else if (tells_earlier_write(transition.outcome)) {
        *task.outcome = contract::InDoubt{"what was read of it was not confirmed"};
        read.push_back({task, std::move(transition.outcome)});
      } else {
        *task.outcome = std::move(transition.outcome);
      }
    } catch (const PostgresFailure& failure) {
      *task.outcome = outcome_of(failure, *task.op);
    }
  }
  // A row that is only locked may leave nothing to commit.
  if (!read.empty()) writes.push_back({&shared_->tables.touch});
  // From here on the answers of the others stand.
  tasks.clear();
  for (const auto& [task, outcome] : written) tasks.push_back(task);
  if (writes.empty()) return session_.connection->roll_back(deadline_);
  const auto changed = run(writes, Part::kLast);
  ++commits_;
  for (auto& [task, outcome] : read) *task.outcome = std::move(outcome);
  for (std::size_t i = 0; i < written.size(); ++i) {
    auto& [task, outcome] = written[i];
    *task.outcome = changed[i].changed() == 1
                        ? std::move(outcome)
                        : NotApplied{cat("counter '", counter_of(*task.op),
                                         "' was made by another program at the same moment")};
  }
}

Result<CounterPage> PostgresCommitter::read_page(const Listing& listing) {
  try {
    if (!session_.connection) return Error(ErrorCode::kUnavailable, "PostgreSQL was lost.");
    const auto rows =
        run({identity_query(), list_query(shared_->tables, listing.wanted)}, Part::kWhole);
    check_identity(rows.front());
    return page_of(rows.back(), listing.wanted.limit);
  } catch (const PostgresFailure& failure) {
    if (failure.ends_connection()) disconnect();
    return error_of(failure);
  }
}

}  // namespace nextid::store
