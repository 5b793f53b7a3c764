#include "store/sqlite/counters.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace nextid::store {
namespace {

using contract::Change;
using contract::CounterState;
using contract::Outcome;
using contract::Slot;

// A counter and its writers' slots are neighbours in one B-tree, so that a reserve, which writes
// both, puts one page into the WAL instead of two. The row of writer 0 is the counter itself, with
// its value and its floor; the others are slots, with the seq and the end of the writer's last op.
constexpr const char* kCreateTable =
    "CREATE TABLE counters ("
    " name TEXT NOT NULL,"
    " writer INTEGER NOT NULL,"
    " seq INTEGER NOT NULL,"
    " value INTEGER NOT NULL,"
    " start INTEGER, increment INTEGER, max INTEGER, cache INTEGER, comment TEXT, revision INTEGER,"
    " PRIMARY KEY (name, writer)"
    ") WITHOUT ROWID, STRICT";

// A join of two searches: `writer IN (0, ?2)` would make SQLite build a table of the two first.
constexpr const char* kSelect =
    "SELECT counter.value, counter.seq, counter.start, counter.increment, counter.max,"
    " counter.cache, counter.comment, counter.revision, slot.seq, slot.value"
    " FROM counters AS counter LEFT JOIN counters AS slot"
    " ON slot.name = counter.name AND slot.writer = nullif(?2, 0)"
    " WHERE counter.name = ?1 AND counter.writer = 0";
constexpr const char* kHasSlots = "SELECT 1 FROM counters WHERE name = ?1 LIMIT 1";
constexpr const char* kInsertCounter =
    "INSERT INTO counters (name, writer, seq, value, start, increment, max, cache, comment,"
    " revision) VALUES (?1, 0, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
constexpr const char* kRedefine =
    "UPDATE counters SET max = ?2, cache = ?3, comment = ?4, revision = ?5"
    " WHERE name = ?1 AND writer = 0";
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
constexpr const char* kList =
    "SELECT value, seq, start, increment, max, cache, comment, revision, name"
    " FROM counters WHERE writer = 0 AND name > ?1 ORDER BY name LIMIT ?2";

/// SQLite has no unsigned 64-bit integers: writers, which are all 64 bits, keep their bits.
std::int64_t column_of(contract::WriterId writer) { return static_cast<std::int64_t>(writer); }

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

/// The counter of the row that `row` stands on, its columns in the order of kSelect; nothing if its
/// numbers contradict each other.
std::optional<CounterState> parse_counter(const Statement& row) {
  CounterState state;
  state.value = row.integer(0);
  const std::int64_t floor = row.integer(1);
  const std::int64_t start = row.integer(2);
  const std::int64_t increment = row.integer(3);
  const std::int64_t max = row.integer(4);
  const std::int64_t cache = row.integer(5);
  const std::int64_t revision = row.integer(7);
  if (floor < 0 || std::min({start, increment, max, cache, revision}) < 1) return std::nullopt;
  if (state.value < start - increment) return std::nullopt;
  state.floor = static_cast<contract::Seq>(floor);
  state.definition.start = static_cast<std::uint64_t>(start);
  state.definition.increment = static_cast<std::uint64_t>(increment);
  state.definition.max = static_cast<std::uint64_t>(max);
  state.definition.cache = static_cast<std::uint64_t>(cache);
  state.definition.comment = row.text(6);
  state.definition.revision = static_cast<std::uint64_t>(revision);
  return state;
}

}  // namespace

void create_counters_table(Database& database) { database.execute(kCreateTable); }

SqliteCounters::SqliteCounters(Database& database)
    : database_(database),
      select_(database, kSelect),
      has_slots_(database, kHasSlots),
      insert_counter_(database, kInsertCounter),
      redefine_(database, kRedefine),
      set_value_(database, kSetValue),
      insert_slot_(database, kInsertSlot),
      set_slot_(database, kSetSlot),
      delete_slot_(database, kDeleteSlot),
      raise_floor_(database, kRaiseFloor),
      newest_idle_slot_(database, kNewestIdleSlot),
      delete_idle_slots_(database, kDeleteIdleSlots),
      list_(database, kList) {}

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
    state = parse_counter(select_);
    damaged = !state;
    if (damaged || select_.is_null(8)) continue;
    state->slot = Slot{static_cast<contract::Seq>(select_.integer(8)), select_.integer(9)};
    damaged = select_.integer(8) < 0;
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
  const Definition& definition = *change.definition;
  if (!change.makes_counter) {
    redefine_.bind_text(1, counter)
        .bind(2, signed_of(definition.max))
        .bind(3, signed_of(definition.cache))
        .bind_text(4, definition.comment)
        .bind(5, signed_of(definition.revision))
        .run();
    return;
  }
  insert_counter_.bind_text(1, counter)
      .bind(2, *change.value)
      .bind(3, signed_of(definition.start))
      .bind(4, signed_of(definition.increment))
      .bind(5, signed_of(definition.max))
      .bind(6, signed_of(definition.cache))
      .bind_text(7, definition.comment)
      .bind(8, signed_of(definition.revision))
      .run();
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

CounterPage SqliteCounters::list(const std::string& after, std::size_t limit) {
  // One row more than asked for tells whether there are more.
  const std::size_t rows = std::min<std::size_t>(limit, std::numeric_limits<int>::max());
  list_.bind_text(1, after).bind(2, signed_of(rows + 1));
  CounterPage page;
  std::string damaged;
  while (list_.step()) {
    if (page.counters.size() == limit) {
      page.more = true;
      continue;
    }
    std::string name = list_.text(8);
    if (const auto state = parse_counter(list_)) {
      page.counters.push_back(contract::info_of(std::move(name), *state));
    } else {
      damaged = std::move(name);
    }
  }
  if (!damaged.empty()) throw nonsense(damaged);
  return page;
}

SqliteFailure SqliteCounters::nonsense(const std::string& counter) const {
  return SqliteFailure(SQLITE_CORRUPT, database_.path() + " is damaged: counter '" + counter +
                                           "' has numbers that nextid never writes; " + kRepair);
}

}  // namespace nextid::store
