#include "store/postgres/identity.h"

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;
using Effect = PostgresFailure::Effect;

}  // namespace

PostgresStoreRow store_row_of(const PostgresRows& rows) {
  if (rows.count() != 1 || rows.integer(0, 3) < 0) {
    throw PostgresFailure(Effect::kDamaged,
                          "nextid_store does not have the one row that nextid writes; restore the "
                          "database, and then run nextid recover");
  }
  return {rows.integer(0, 0), std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
          static_cast<std::uint64_t>(rows.integer(0, 3))};
}

PostgresStoreRow PostgresIdentity::check(const PostgresRows& rows, const std::string& system) {
  PostgresStoreRow row = store_row_of(rows);
  if (row.identity != names_.identity) {
    refuse(cat("is another one than this process opened: its identity is ", row.identity,
               " and was ", names_.identity));
  }
  if (!system.empty() && !names_.system.empty() && system != names_.system) {
    refuse(cat("is on another cluster than this process opened: its system identifier is ", system,
               " and was ", names_.system));
  }
  return row;
}

void PostgresIdentity::tables_are_gone() {
  refuse("has lost its tables: nextid_store is not there any more");
}

std::string PostgresIdentity::doubt() const {
  if (!in_doubt_) return {};
  const base::Lock lock(mutex_);
  return doubt_;
}

void PostgresIdentity::refuse(const std::string& what) {
  bool is_new = false;
  std::string doubt;
  {
    const base::Lock lock(mutex_);
    is_new = doubt_.empty();
    if (is_new) {
      doubt_ = cat("the store ", names_.url, " ", what,
                   ", and would give ids twice; if it is to be used as it is, run: nextid recover "
                   "--all --store '",
                   names_.url, "'; then start again");
    }
    doubt = doubt_;
    in_doubt_ = true;
  }
  if (is_new && log_) log_(LogLevel::kError, cat("No id is given out any more: ", doubt, "."));
  throw PostgresFailure(Effect::kDamaged, doubt);
}

}  // namespace nextid::store
