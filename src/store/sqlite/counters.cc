#include "store/sqlite/counters.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/cat.h"
#include "contract/definition_fields.h"
#include "contract/stored_definition.h"
#include "store/sqlite/schema.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::Change;
using contract::CounterState;
using contract::Outcome;
using contract::Slot;

// A counter and its writers' slots are neighbours in one B-tree, so that a reserve, which writes
// both, puts one page into the WAL instead of two. The row of writer 0 is the counter itself, with
// its value and its floor; the others are slots, with the seq and the end of the writer's last op.
//
// This is the table of the first version: columns that came later are added by schema.cc. Writers'
// rows have nothing in a definition's columns. The revision of a deleted counter is below zero.
constexpr const char* kCreateTable =
    "CREATE TABLE counters ("
    " name TEXT NOT NULL,"
    " writer INTEGER NOT NULL,"
    " seq INTEGER NOT NULL,"
    " value INTEGER NOT NULL,"
    " start INTEGER, increment INTEGER, max INTEGER, cache INTEGER, comment TEXT, revision INTEGER,"
    " PRIMARY KEY (name, writer)"
    ") WITHOUT ROWID, STRICT";

/// The columns of a definition, which are named as its fields: "start, increment, ...", each behind
/// `table`.
std::string definition_columns(const std::string& table = "") {
  std::string columns;
  for (const auto& field : contract::kDefinitionFields) {
    columns.append(columns.empty() ? "" : ", ").append(table).append(contract::name_of(field));
  }
  return columns;
}

/// A parameter for each of them: "?3, ?4, ..." for 3.
std::string definition_parameters(int first) {
  std::string parameters;
  for (std::size_t i = 0; i < contract::kDefinitionFields.size(); ++i) {
    parameters.append(i == 0 ? "?" : ", ?").append(std::to_string(first++));
  }
  return parameters;
}

// Columns of select_sql() and list_sql(). Both begin with the counter's value and floor.
constexpr int kSlotSeq = 2;
constexpr int kSlotEnd = 3;
constexpr int kDefinitionSelected = 4;
constexpr int kNameListed = 2;
constexpr int kDefinitionListed = 3;

// A join of two searches: `writer IN (0, ?2)` would make SQLite build a table of the two first.
std::string select_sql() {
  return "SELECT counter.value, counter.seq, slot.seq, slot.value, " +
         definition_columns("counter.") +
         " FROM counters AS counter LEFT JOIN counters AS slot"
         " ON slot.name = counter.name AND slot.writer = nullif(?2, 0)"
         " WHERE counter.name = ?1 AND counter.writer = 0";
}
std::string list_sql() {
  return "SELECT value, seq, name, " + definition_columns() +
         " FROM counters WHERE writer = 0 AND name > ?1 AND (revision < 0) = ?3 ORDER BY name "
         "LIMIT ?2";
}
std::string insert_counter_sql() {
  return "INSERT INTO counters (name, writer, seq, value, " + definition_columns() +
         ") VALUES (?1, 0, 0, ?2, " + definition_parameters(3) + ")";
}
// Writes what never changes once more, as it was.
std::string redefine_sql() {
  return "UPDATE counters SET (" + definition_columns() + ") = (" + definition_parameters(2) +
         ") WHERE name = ?1 AND writer = 0";
}
constexpr const char* kHasSlots = "SELECT 1 FROM counters WHERE name = ?1 LIMIT 1";
constexpr const char* kSetValue = "UPDATE counters SET value = ?2 WHERE name = ?1 AND writer = 0";
constexpr const char* kInsertSlot =
    "INSERT INTO counters (name, writer, seq, value) VALUES (?1, ?2, ?3, ?4)";
constexpr const char* kSetSlot =
    "UPDATE counters SET seq = ?3, value = ?4 WHERE name = ?1 AND writer = ?2";
constexpr const char* kDeleteSlot = "DELETE FROM counters WHERE name = ?1 AND writer = ?2";
constexpr const char* kRaiseFloor =
    "UPDATE counters SET seq = ?2 WHERE name = ?1 AND writer = 0 AND seq < ?2";
constexpr const char* kNewestIdleSlot =
    "SELECT max(seq) FROM counters WHERE name = ?1 AND writer NOT IN (0, ?2) AND seq < ?3";
constexpr const char* kDeleteIdleSlots =
    "DELETE FROM counters WHERE name = ?1 AND writer NOT IN (0, ?2) AND seq < ?3";

/// SQLite has no unsigned 64-bit integers: writers, which are all 64 bits, keep their bits.
std::int64_t column_of(contract::WriterId writer) { return static_cast<std::int64_t>(writer); }

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

/// Sets the definition from the row that `row` stands on, whose columns begin at `column`, and
/// whether the counter is deleted. False if a number is none that nextid writes.
bool parse_definition(const Statement& row, int column, CounterState& state) {
  bool valid = true;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        valid = contract::take_stored_number(field, row.integer(column++), state.definition,
                                             state.deleted) &&
                valid;
      },
      [&](const contract::TextField& field) {
        state.definition.*field.member = row.text(column++);
      });
  return valid;
}

/// The counter of that row: its value, its floor, and from `column` on its definition. Nothing if
/// its numbers contradict each other.
std::optional<CounterState> parse_counter(const Statement& row, int column) {
  CounterState state;
  if (!parse_definition(row, column, state)) return std::nullopt;
  state.value = row.integer(0);
  const std::int64_t floor = row.integer(1);
  if (floor < 0 || state.value < contract::value_before_first(state.definition)) {
    return std::nullopt;
  }
  state.floor = static_cast<contract::Seq>(floor);
  return state;
}

/// Binds it to the parameters from `index` on. It must live until the statement is done.
Statement& bind_definition(Statement& statement, int index, const Definition& definition,
                           bool deleted) {
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        statement.bind(index++, contract::stored_number(field, definition, deleted));
      },
      [&](const contract::TextField& field) {
        statement.bind_text(index++, definition.*field.member);
      });
  return statement;
}

}  // namespace

void create_counters_table(Database& database) { database.execute(kCreateTable); }

SqliteCounters::SqliteCounters(Database& database)
    : database_(database),
      select_(database, select_sql()),
      has_slots_(database, kHasSlots),
      insert_counter_(database, insert_counter_sql()),
      redefine_(database, redefine_sql()),
      set_value_(database, kSetValue),
      insert_slot_(database, kInsertSlot),
      set_slot_(database, kSetSlot),
      delete_slot_(database, kDeleteSlot),
      raise_floor_(database, kRaiseFloor),
      newest_idle_slot_(database, kNewestIdleSlot),
      delete_idle_slots_(database, kDeleteIdleSlots),
      list_(database, list_sql()) {}

Outcome SqliteCounters::find(const contract::Load& op) {
  return contract::apply(op, read(op.counter, op.writer)).outcome;
}

Outcome SqliteCounters::apply(const contract::Load& op, base::WallMicros now) {
  prune(op, now);
  return find(op);
}

Outcome SqliteCounters::apply(const contract::Define& op) {
  auto transition = contract::apply(op, read(op.counter, op.writer), skip_for_new_);
  return write(op.counter, op.writer, std::move(transition));
}

std::optional<CounterState> SqliteCounters::read(const std::string& counter,
                                                 contract::WriterId writer) {
  std::optional<CounterState> state;
  bool damaged = false;
  select_.bind_text(1, counter).bind(2, column_of(writer));
  while (select_.step()) {
    state = parse_counter(select_, kDefinitionSelected);
    damaged = !state;
    if (damaged || select_.is_null(kSlotSeq)) continue;
    const std::int64_t seq = select_.integer(kSlotSeq);
    state->slot = Slot{static_cast<contract::Seq>(seq), select_.integer(kSlotEnd)};
    damaged = seq < 0;
  }
  // Slots without their counter: the counter made anew would give out its ids again.
  if (!state && !damaged) damaged = has_slots(counter);
  if (damaged) throw nonsense(counter);
  return state;
}

bool SqliteCounters::has_slots(const std::string& counter) {
  has_slots_.bind_text(1, counter);
  const bool found = has_slots_.step();
  has_slots_.reset();
  return found;
}

Outcome SqliteCounters::write(const std::string& counter, contract::WriterId writer,
                              contract::Transition transition) {
  if (transition.change) {
    const Change& change = *transition.change;
    if (change.definition) write_definition(counter, change);
    if (change.value && !change.makes_counter) {
      set_value_.bind_text(1, counter).bind(2, *change.value).run();
    }
    if (change.floor) raise_floor(counter, *change.floor);
    write_slot(counter, writer, change);
  }
  return std::move(transition.outcome);
}

void SqliteCounters::write_definition(const std::string& counter, const Change& change) {
  if (change.makes_counter) {
    insert_counter_.bind_text(1, counter).bind(2, *change.value);
    bind_definition(insert_counter_, 3, *change.definition, false).run();
  } else {
    if (change.deletes) allow_deleted_counters(database_);
    redefine_.bind_text(1, counter);
    bind_definition(redefine_, 2, *change.definition, change.deletes).run();
  }
}

void SqliteCounters::write_slot(const std::string& counter, contract::WriterId writer,
                                const Change& change) {
  if (change.slot_write == Change::SlotWrite::kKeep) return;
  if (change.slot_write == Change::SlotWrite::kRemove) {
    delete_slot_.bind_text(1, counter).bind(2, column_of(writer)).run();
    return;
  }
  (change.slot_write == Change::SlotWrite::kReplace ? set_slot_ : insert_slot_)
      .bind_text(1, counter)
      .bind(2, column_of(writer))
      .bind(3, signed_of(change.slot.seq))
      .bind(4, change.slot.end)
      .run();
}

void SqliteCounters::raise_floor(const std::string& counter, contract::Seq floor) {
  raise_floor_.bind_text(1, counter).bind(2, signed_of(floor)).run();
}

void SqliteCounters::prune(const contract::Load& op, base::WallMicros now) {
  const std::int64_t oldest_kept = signed_of(contract::pruned_below(now));
  if (oldest_kept == 0) return;
  const auto bind = [&](Statement& statement) -> Statement& {
    return statement.bind_text(1, op.counter).bind(2, column_of(op.writer)).bind(3, oldest_kept);
  };
  bind(newest_idle_slot_);
  std::optional<std::int64_t> newest;
  while (newest_idle_slot_.step()) {
    if (!newest_idle_slot_.is_null(0)) newest = newest_idle_slot_.integer(0);
  }
  if (!newest) return;
  if (*newest < 0) throw nonsense(op.counter);
  raise_floor(op.counter, static_cast<contract::Seq>(*newest));
  bind(delete_idle_slots_).run();
}

CounterPage SqliteCounters::list(const contract::PageWanted& wanted) {
  // One row more than asked for tells whether there are more.
  const std::size_t rows = std::min<std::size_t>(wanted.limit, std::numeric_limits<int>::max());
  list_.bind_text(1, wanted.after).bind(2, signed_of(rows + 1)).bind(3, wanted.deleted ? 1 : 0);
  CounterPage page;
  std::string damaged;
  while (list_.step()) {
    if (page.counters.size() == wanted.limit) {
      page.more = true;
      continue;
    }
    std::string name = list_.text(kNameListed);
    if (const auto state = parse_counter(list_, kDefinitionListed)) {
      page.counters.push_back(contract::info_of(std::move(name), *state));
    } else {
      damaged = std::move(name);
    }
  }
  if (!damaged.empty()) throw nonsense(damaged);
  return page;
}

SqliteFailure SqliteCounters::nonsense(const std::string& counter) const {
  return SqliteFailure(SQLITE_CORRUPT, cat(database_.path(), " is damaged: counter '", counter,
                                           "' has numbers that nextid never writes; ", kRepair));
}

}  // namespace nextid::store
