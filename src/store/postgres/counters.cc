#include "store/postgres/counters.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "base/cat.h"
#include "contract/definition_fields.h"
#include "contract/stored_definition.h"

namespace nextid::store {
namespace {

using base::cat;
using contract::Change;
using contract::CounterState;
using contract::Slot;

// Columns of a row: those of a state, and those of a list. The definition's are last, but for what
// load_query() adds.
constexpr int kValue = 0;
constexpr int kFloor = 1;
constexpr int kSlot = 2;
constexpr int kName = 2;
constexpr int kDefinition = 3;
constexpr int kIsToBePruned = kDefinition + static_cast<int>(contract::kDefinitionFields.size());

/// The key of a writer's slot.
std::string key_of(contract::WriterId writer) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string key(16, '0');
  for (auto digit = key.rbegin(); digit != key.rend(); ++digit, writer >>= 4U) {
    *digit = kDigits[writer & 15U];
  }
  return key;
}

PostgresFailure nonsense(std::string_view counter) {
  return {PostgresFailure::Effect::kDamaged,
          cat("counter '", counter,
              "' has numbers that nextid never writes, in nextid_counters; "
              "restore the database, and then run nextid recover")};
}

/// "[seq, end]". Nothing if it is none that nextid writes.
std::optional<Slot> parse_slot(std::string_view text) {
  Slot slot;
  const char* const end = text.data() + text.size();
  if (!text.starts_with('[')) return std::nullopt;
  const auto seq = std::from_chars(text.data() + 1, end, slot.seq);
  constexpr std::string_view kBetween = ", ";
  const std::string_view rest(seq.ptr, static_cast<std::size_t>(end - seq.ptr));
  if (seq.ec != std::errc{} || !rest.starts_with(kBetween)) return std::nullopt;
  const auto last = std::from_chars(seq.ptr + kBetween.size(), end, slot.end);
  if (last.ec != std::errc{} || std::string_view(last.ptr, end) != "]") return std::nullopt;
  return slot;
}

CounterState parse_counter(const PostgresRows& rows, int row, std::string_view counter) {
  CounterState state;
  int column = kDefinition;
  bool valid = true;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        valid = contract::take_stored_number(field, rows.integer(row, column++), state.definition,
                                             state.deleted) &&
                valid;
      },
      [&](const contract::TextField& field) {
        state.definition.*field.member = rows.text(row, column++);
      });
  state.value = rows.integer(row, kValue);
  const std::int64_t floor = rows.integer(row, kFloor);
  if (!valid || floor < 0 || state.value < contract::value_before_first(state.definition)) {
    throw nonsense(counter);
  }
  state.floor = static_cast<contract::Seq>(floor);
  return state;
}

void add_definition(PostgresQuery& query, const Definition& definition, bool deleted) {
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        query.parameters.push_back(cat(contract::stored_number(field, definition, deleted)));
      },
      [&](const contract::TextField& field) {
        query.parameters.push_back(definition.*field.member);
      });
}

}  // namespace

PostgresQuery reserve_query(const PostgresTables& tables, const contract::Reserve& op) {
  // No value has room for a longer step, and the write finds none: contract::apply() says why.
  constexpr auto kLongestStep =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t limit =
      op.step > kLongestStep ? std::numeric_limits<std::int64_t>::min() : op.limit;
  return {&tables.reserve,
          {op.counter, cat(std::min(op.step, kLongestStep)), key_of(op.writer), cat(op.seq),
           cat(op.revision), cat(limit), cat(op.prev)}};
}

PostgresQuery select_query(const PostgresStatement& statement, const std::string& counter,
                           contract::WriterId writer) {
  return {&statement, {counter, key_of(writer)}};
}

PostgresQuery load_query(const PostgresTables& tables, const contract::Load& op,
                         base::WallMicros now) {
  return {&tables.select_to_load,
          {op.counter, key_of(op.writer), cat(contract::pruned_below(now))}};
}

bool is_to_be_pruned(const PostgresRows& rows) {
  return rows.count() > 0 && rows.text(0, kIsToBePruned) == "t";
}

PostgresQuery prune_query(const PostgresTables& tables, const contract::Load& op,
                          base::WallMicros now) {
  return {&tables.prune, {op.counter, key_of(op.writer), cat(contract::pruned_below(now))}};
}

PostgresQuery change_query(const PostgresTables& tables, const std::string& counter,
                           contract::WriterId writer, const std::optional<CounterState>& before,
                           const Change& change) {
  if (change.makes_counter) {
    PostgresQuery query{&tables.insert, {counter, cat(*change.value)}};
    add_definition(query, *change.definition, false);
    return query;
  }
  const bool keeps = change.slot_write == Change::SlotWrite::kKeep;
  const bool removes = change.slot_write == Change::SlotWrite::kRemove;
  PostgresQuery query{&tables.update,
                      {counter, cat(change.value.value_or(before->value)),
                       cat(change.floor.value_or(0)), std::nullopt, std::nullopt}};
  if (!keeps) query.parameters[3] = key_of(writer);
  if (!keeps && !removes)
    query.parameters[4] = cat("[", change.slot.seq, ",", change.slot.end, "]");
  const bool deleted = change.definition ? change.deletes : before->deleted;
  add_definition(query, change.definition.value_or(before->definition), deleted);
  return query;
}

PostgresQuery list_query(const PostgresTables& tables, const contract::PageWanted& wanted) {
  // One row more than asked for tells whether there are more.
  const std::size_t rows = std::min<std::size_t>(wanted.limit, std::numeric_limits<int>::max());
  return {&tables.list, {wanted.after, wanted.deleted ? "true" : "false", cat(rows + 1)}};
}

std::optional<CounterState> state_of(const PostgresRows& rows, const std::string& counter) {
  if (rows.count() == 0) return std::nullopt;
  CounterState state = parse_counter(rows, 0, counter);
  if (!rows.is_null(0, kSlot)) {
    state.slot = parse_slot(rows.text(0, kSlot));
    if (!state.slot) throw nonsense(counter);
  }
  return state;
}

CounterPage page_of(const PostgresRows& rows, std::size_t limit) {
  CounterPage page;
  for (int row = 0; row < rows.count(); ++row) {
    if (page.counters.size() == limit) {
      page.more = true;
      break;
    }
    std::string name(rows.text(row, kName));
    const CounterState state = parse_counter(rows, row, name);
    page.counters.push_back(contract::info_of(std::move(name), state));
  }
  return page;
}

}  // namespace nextid::store
