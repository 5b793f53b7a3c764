#include "store/mysql/rows.h"

#include <type_traits>
#include <variant>

#include "base/check.h"
#include "contract/idempotency.h"

namespace nextid::store {
namespace {

using contract::Outcome;

template <typename Op>
inline constexpr bool kIsAboutRecord =
    std::is_same_v<Op, contract::Recall> || std::is_same_v<Op, contract::Remember>;

/// Whether the outcome may tell that an earlier attempt was applied, and nothing is written now.
template <typename Op>
bool tells_of_earlier(const Op& op, const Outcome& outcome) {
  const auto* refused = std::get_if<contract::Refused>(&outcome);
  if constexpr (std::is_same_v<Op, contract::Redefine>) {
    return refused != nullptr;
  } else if constexpr (std::is_same_v<Op, contract::Remember>) {
    const auto* remembered = std::get_if<contract::Remembered>(&outcome);
    return remembered != nullptr && remembered->record &&
           remembered->record->owner == op.record.owner;
  } else if constexpr (std::is_same_v<Op, contract::Load>) {
    const auto* found = std::get_if<contract::Found>(&outcome);
    return found != nullptr && found->state.slot.has_value();
  } else if constexpr (requires { op.seq; }) {
    return refused != nullptr && refused->state.slot && refused->state.slot->seq == op.seq;
  } else {
    return false;
  }
}

}  // namespace

std::optional<MysqlRowName> row_name_of(const contract::Op& op) {
  return std::visit(
      []<typename Op>(const Op& each) -> std::optional<MysqlRowName> {
        if constexpr (kIsAboutRecord<Op>) {
          return MysqlRowName{true, contract::key_space(each.counter, each.scope), each.key};
        } else if constexpr (std::is_same_v<Op, contract::TryWrite>) {
          return std::nullopt;
        } else {
          return MysqlRowName{false, each.counter};
        }
      },
      op);
}

std::string select_row_sql(const MysqlTables& tables, const MysqlRowName& row, bool locks) {
  return row.is_record ? select_record_sql(tables, row.name, row.key, locks)
                       : select_counter_sql(tables, row.name, locks);
}

void MysqlRows::add(const MysqlRowName& name, const MysqlAnswer& selected) {
  try {
    if (name.is_record) {
      records_.emplace(name, MysqlRecord(name.name, name.key, selected));
    } else {
      counters_.emplace(name, MysqlCounter(name.name, selected));
    }
  } catch (const MysqlDamage& damage) {
    damaged_.emplace(name, damage.what());
  }
}

Outcome MysqlRows::apply(const contract::Op& op) {
  const auto name = row_name_of(op);
  const auto damage = name ? damaged_.find(*name) : damaged_.end();
  if (damage != damaged_.end()) return contract::Damaged{damage->second};
  return std::visit([this](const auto& each) { return apply_to_row(each); }, op);
}

template <typename Op>
Outcome MysqlRows::apply_to_row(const Op& op) {
  if constexpr (std::is_same_v<Op, contract::TryWrite>) {
    needs_confirmation_ = true;
    return contract::Committed{};
  } else if constexpr (kIsAboutRecord<Op>) {
    return looked_at(op, apply_to_record(op));
  } else {
    return looked_at(op, apply_to_counter(op));
  }
}

template <typename Op>
Outcome MysqlRows::looked_at(const Op& op, Outcome outcome) {
  if (tells_of_earlier(op, outcome)) needs_confirmation_ = true;
  return outcome;
}

template <typename CounterOp>
Outcome MysqlRows::apply_to_counter(const CounterOp& op) {
  const auto row = counters_.find(*row_name_of(op));
  NEXTID_CHECK(row != counters_.end());
  if constexpr (std::is_same_v<CounterOp, contract::Load>) {
    return row->second.apply(op, now_);
  } else if constexpr (std::is_same_v<CounterOp, contract::Define>) {
    return row->second.apply(op, skip_for_new_);
  } else {
    return row->second.apply(op);
  }
}

template <typename RecordOp>
Outcome MysqlRows::apply_to_record(const RecordOp& op) {
  const auto row = records_.find(*row_name_of(op));
  NEXTID_CHECK(row != records_.end());
  return row->second.apply(op, now_);
}

std::vector<MysqlRows::Write> MysqlRows::writes(const MysqlTables& tables) const {
  std::vector<Write> writes;
  for (const auto& [name, counter] : counters_) {
    if (counter.has_changed()) writes.push_back({name, counter.write_sql(tables)});
  }
  for (const auto& [name, record] : records_) {
    if (record.has_changed()) writes.push_back({name, record.write_sql(tables)});
  }
  return writes;
}

bool MysqlRows::has_new_records() const {
  for (const auto& [name, record] : records_) {
    if (record.has_changed()) return true;
  }
  return false;
}

}  // namespace nextid::store
