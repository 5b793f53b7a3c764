#include "store/postgres/identity.h"

#include <utility>

#include "base/cat.h"
#include "store/postgres/tables.h"

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
    refuse_other(cat("is another one than this process opened: its identity is ", row.identity,
                     " and was ", names_.identity));
  }
  if (!system.empty() && !names_.system.empty() && system != names_.system) {
    refuse_other(cat("is on another cluster than this process opened: its system identifier is ",
                     system, " and was ", names_.system));
  }
  if (row.format > kPostgresFormat) {
    refuse(cat("the store ", names_.url, " was brought to the format ", row.format,
               " by a newer nextid while this one, which knows none after ", kPostgresFormat,
               ", was running; install the newer release on this machine, too, and start again"));
  }
  return row;
}

void PostgresIdentity::tables_are_gone() {
  refuse_other("has lost its tables: nextid_store is not there any more");
}

std::string PostgresIdentity::doubt() const {
  if (!in_doubt_) return {};
  const base::Lock lock(mutex_);
  return doubt_;
}

void PostgresIdentity::refuse_other(const std::string& what) {
  refuse(cat("the store ", names_.url, " ", what,
             ", and would give ids twice; if it is to be used as it is, run: nextid recover "
             "--all --store '",
             names_.url, "'; then start again"));
}

void PostgresIdentity::refuse(std::string doubt) {
  bool is_new = false;
  {
    const base::Lock lock(mutex_);
    is_new = doubt_.empty();
    if (is_new) doubt_ = std::move(doubt);
    doubt = doubt_;
    in_doubt_ = true;
  }
  if (is_new && log_) log_(LogLevel::kError, cat("No id is given out any more: ", doubt, "."));
  throw PostgresFailure(Effect::kDamaged, doubt);
}

}  // namespace nextid::store
