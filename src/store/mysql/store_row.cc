#include "store/mysql/store_row.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <random>

#include "base/cat.h"

namespace nextid::store {
namespace {

using base::cat;

std::string random_identity() {
  std::random_device device;
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", device(), device(), device(),
                device());
  return text.data();
}

}  // namespace

std::string store_row_sql(const MysqlTables& tables, bool is_mariadb) {
  return cat("SELECT version, identity, skip_for_new, server, ",
             is_mariadb ? "sealed <=> row_start" : "1", " FROM ", tables.store, " WHERE id = 1");
}

std::optional<MysqlStoreRow> store_row_of(const MysqlAnswer& answer) {
  if (answer.rows.empty()) return std::nullopt;
  const MysqlRow& row = answer.rows.front();
  return MysqlStoreRow{integer_of(row[0]), row[1].value_or(""),
                       static_cast<std::uint64_t>(integer_of(row[2])), row[3].value_or(""),
                       integer_of(row[4]) == 0};
}

std::string make_store_row_sql(const MysqlTables& tables) {
  return cat("INSERT IGNORE INTO ", tables.store, " (id, version, identity, sealed) VALUES (1, ",
             kMysqlSchemaVersion, ", '", random_identity(), "', NOW(6))");
}

std::string probe_sql(const MysqlTables& tables) {
  return cat("UPDATE ", tables.store, " SET probe = probe + 1 WHERE id = 1");
}

std::int64_t integer_of(const std::optional<std::string>& column) {
  std::int64_t number = 0;
  if (column) std::from_chars(column->data(), column->data() + column->size(), number);
  return number;
}

}  // namespace nextid::store
