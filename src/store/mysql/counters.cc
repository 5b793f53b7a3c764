#include "store/mysql/counters.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "contract/counter_state.h"
#include "contract/stored_definition.h"
#include "store/mysql/store_row.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::Change;
using contract::CounterState;
using contract::Outcome;
using contract::Seq;
using contract::Slot;
using contract::WriterId;

namespace json = boost::json;

/// Columns that are read: name, value, floor, slots, and those of the definition.
constexpr std::size_t kFirstOfDefinition = 4;
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

std::string columns() { return "`name`, `value`, `floor`, `slots`, " + mysql_definition_columns(); }

std::string writer_text(WriterId writer) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(writer));
  return text.data();
}

MysqlDamage damage(std::string_view counter) {
  return MysqlDamage(cat("counter ", base::in_quotes(counter, kMaxCounterNameBytes),
                         " has numbers that nextid never writes; look at its row, and at what else "
                         "writes it"));
}

/// Nothing if a number is none that nextid writes.
std::optional<CounterState> parse_state(const MysqlRow& row) {
  CounterState state;
  bool valid = true;
  std::size_t column = kFirstOfDefinition;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        valid = contract::take_stored_number(field, integer_of(row[column++]), state.definition,
                                             state.deleted) &&
                valid;
      },
      [&](const contract::TextField& field) {
        state.definition.*field.member = row[column++].value_or("");
      });
  state.value = integer_of(row[1]);
  const std::int64_t floor = integer_of(row[2]);
  valid = valid && floor >= 0 && state.value >= contract::value_before_first(state.definition);
  if (!valid) return std::nullopt;
  state.floor = static_cast<Seq>(floor);
  return state;
}

std::optional<Slot> parse_slot(const json::value& value) {
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2) return std::nullopt;
  const std::int64_t* seq = pair->at(0).if_int64();
  const std::int64_t* end = pair->at(1).if_int64();
  if (seq == nullptr || end == nullptr || *seq < 1) return std::nullopt;
  return Slot{static_cast<Seq>(*seq), *end};
}

std::map<std::string, Slot> parse_slots(const std::string& name, const std::string& text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(text, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) throw damage(name);
  std::map<std::string, Slot> slots;
  for (const auto& [writer, value] : *object) {
    const auto slot = parse_slot(value);
    if (!slot) throw damage(name);
    slots.emplace(writer, *slot);
  }
  return slots;
}

/// "`start` = 1, ..." for an UPDATE.
std::string definition_assignments(const Definition& definition, bool deleted) {
  std::string text;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        text += cat(", `", field.name, "` = ", contract::stored_number(field, definition, deleted));
      },
      [&](const contract::TextField& field) {
        text += cat(", `", field.name, "` = ", mysql_literal(definition.*field.member));
      });
  return text;
}

}  // namespace

std::string select_counter_sql(const MysqlTables& tables, const std::string& counter, bool locks) {
  return cat("SELECT ", columns(), " FROM ", tables.counters,
             " WHERE `name` = ", mysql_literal(counter), locks ? " FOR UPDATE" : "");
}

std::string reserve_sql(const MysqlTables& tables, const contract::Reserve& op) {
  const std::string path = cat("'$.\"", writer_text(op.writer), "\"");
  // No value has room for a longer step, and the write finds none: contract::apply() says why.
  const bool is_too_long = op.step > static_cast<std::uint64_t>(kLargest);
  const std::int64_t step = is_too_long ? kLargest : static_cast<std::int64_t>(op.step);
  const std::int64_t limit =
      is_too_long ? std::numeric_limits<std::int64_t>::min() : std::min(op.limit, kLargest - step);
  // Assignments see those before them: so the slot comes first, and reads the value before.
  return cat("UPDATE ", tables.counters, " SET `slots` = JSON_SET(`slots`, ", path,
             "', JSON_ARRAY(", op.seq, ", `value` + ", step,
             ")), `value` = LAST_INSERT_ID(`value` + ", step,
             ") WHERE `name` = ", mysql_literal(op.counter), " AND `revision` = ", op.revision,
             " AND `value` <= ", limit,
             " AND `value` >= `start` - `increment` AND `floor` >= 0 AND "
             "COALESCE(CAST(JSON_EXTRACT(`slots`, ",
             path, "[0]') AS UNSIGNED) = ", op.prev, ", `floor` < ", op.seq, ")");
}

MysqlCounter::MysqlCounter(std::string name, const MysqlAnswer& selected) : name_(std::move(name)) {
  if (selected.rows.empty()) return;
  const MysqlRow& row = selected.rows.front();
  state_ = parse_state(row);
  if (!state_) throw damage(name_);
  slots_ = parse_slots(name_, row[3].value_or(""));
}

std::optional<CounterState> MysqlCounter::as_seen_by(WriterId writer) const {
  std::optional<CounterState> seen = state_;
  const auto slot = slots_.find(writer_text(writer));
  if (seen && writer != 0 && slot != slots_.end()) seen->slot = slot->second;
  return seen;
}

bool MysqlCounter::has_idle_slots(const contract::Load& op, base::WallMicros now) const {
  const Seq oldest_kept = contract::pruned_below(now);
  const std::string asking = writer_text(op.writer);
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& each) {
    return each.first != asking && each.second.seq < oldest_kept;
  });
}

Outcome MysqlCounter::apply(const contract::Load& op, base::WallMicros now) {
  if (state_ && has_idle_slots(op, now)) {
    const Seq oldest_kept = contract::pruned_below(now);
    const std::string asking = writer_text(op.writer);
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      const bool is_idle = slot->first != asking && slot->second.seq < oldest_kept;
      if (is_idle) state_->floor = std::max(state_->floor, slot->second.seq);
      slot = is_idle ? slots_.erase(slot) : std::next(slot);
    }
    has_changed_ = true;
  }
  return contract::apply(op, as_seen_by(op.writer)).outcome;
}

Outcome MysqlCounter::apply(const contract::Define& op, std::uint64_t skip_for_new) {
  return take(op.writer, contract::apply(op, as_seen_by(op.writer), skip_for_new));
}

Outcome MysqlCounter::take(WriterId writer, contract::Transition transition) {
  if (!transition.change) return std::move(transition.outcome);
  const Change& change = *transition.change;
  has_changed_ = true;
  if (change.makes_counter) {
    is_new_ = true;
    state_.emplace();
  }
  if (change.value) state_->value = *change.value;
  if (change.floor) state_->floor = std::max(state_->floor, *change.floor);
  if (change.definition) {
    state_->definition = *change.definition;
    state_->deleted = change.deletes;
  }
  if (change.slot_write == Change::SlotWrite::kRemove) {
    slots_.erase(writer_text(writer));
  } else if (change.slot_write != Change::SlotWrite::kKeep) {
    slots_.insert_or_assign(writer_text(writer), change.slot);
  }
  return std::move(transition.outcome);
}

std::string MysqlCounter::slots_text() const {
  std::string text;
  for (const auto& [writer, slot] : slots_) {
    // Only hexadecimal digits are ours; what else somebody wrote there is written back.
    text += cat(text.empty() ? "{" : ", ", json::serialize(json::value(writer)), ": [", slot.seq,
                ", ", slot.end, "]");
  }
  return text.empty() ? "{}" : text + "}";
}

std::string MysqlCounter::write_sql(const MysqlTables& tables) const {
  // As a text in UTF-8, which JSON is made of; a literal of bytes would not do.
  const std::string slots = cat("CONVERT(", mysql_literal(slots_text()), " USING utf8mb4)");
  const std::string values =
      cat("`value` = ", state_->value, ", `floor` = ", state_->floor, ", `slots` = ", slots,
          definition_assignments(state_->definition, state_->deleted));
  if (is_new_) {
    return cat("INSERT INTO ", tables.counters, " SET `name` = ", mysql_literal(name_), ", ",
               values);
  }
  return cat("UPDATE ", tables.counters, " SET ", values, " WHERE `name` = ", mysql_literal(name_));
}

std::string list_counters_sql(const MysqlTables& tables, const contract::PageWanted& wanted) {
  const std::size_t most = std::numeric_limits<std::int32_t>::max();
  return cat("SELECT ", columns(), " FROM ", tables.counters, " WHERE `name` > ",
             mysql_literal(wanted.after), " AND `revision` ", wanted.deleted ? "< 0" : ">= 0",
             " ORDER BY `name` LIMIT ", std::min(wanted.limit, most) + 1);
}

CounterPage counter_page_of(const MysqlAnswer& selected, const contract::PageWanted& wanted) {
  CounterPage page;
  for (const MysqlRow& row : selected.rows) {
    if (page.counters.size() == wanted.limit) {
      page.more = true;
      break;
    }
    std::string name = row[0].value_or("");
    const auto state = parse_state(row);
    if (!state) throw damage(name);
    page.counters.push_back(contract::info_of(std::move(name), *state));
  }
  return page;
}

}  // namespace nextid::store
