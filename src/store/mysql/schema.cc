#include "store/mysql/schema.h"

#include "nextid/counter.h"
#include "nextid/id_generator.h"

#include "base/cat.h"
#include "contract/definition_fields.h"

namespace nextid::store {
namespace {

using base::cat;

std::string in_backticks(std::string_view name) { return cat("`", name, "`"); }

/// A space is "@SCOPE/COUNTER" at its longest.
constexpr std::size_t kLongestSpace = 2 * kMaxCounterNameBytes + 2;

std::string definition_column_types() {
  const Definition defaults;
  std::string types;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        types += cat("  ", in_backticks(field.name), " BIGINT NOT NULL DEFAULT ",
                     defaults.*field.member, ",\n");
      },
      [&](const contract::TextField& field) {
        types += cat("  ", in_backticks(field.name), " VARBINARY(", field.most_bytes,
                     ") NOT NULL DEFAULT '',\n");
      });
  return types;
}

}  // namespace

MysqlTables::MysqlTables(const std::string& prefix)
    : counters(in_backticks(prefix + "_counters")),
      idempotency(in_backticks(prefix + "_idempotency")),
      store(in_backticks(prefix + "_store")) {}

std::string mysql_definition_columns() {
  std::string columns;
  for (const auto& field : contract::kDefinitionFields) {
    columns.append(columns.empty() ? "" : ", ").append(in_backticks(contract::name_of(field)));
  }
  return columns;
}

std::string mysql_schema(const MysqlTables& tables) {
  return cat("CREATE TABLE IF NOT EXISTS ", tables.counters, " (\n", "  `name` VARBINARY(",
             kMaxCounterNameBytes, ") NOT NULL PRIMARY KEY,\n",
             "  `value` BIGINT NOT NULL DEFAULT 0,\n"
             "  `floor` BIGINT NOT NULL DEFAULT 0,\n",
             definition_column_types(),
             "  `slots` JSON NOT NULL DEFAULT (JSON_OBJECT())\n"
             ") ENGINE = InnoDB ROW_FORMAT = DYNAMIC;\n"
             "CREATE TABLE IF NOT EXISTS ",
             tables.idempotency, " (\n", "  `space` VARBINARY(", kLongestSpace, ") NOT NULL,\n",
             "  `key` VARBINARY(", kMaxIdempotencyKeyBytes, ") NOT NULL,\n",
             "  `first` BIGINT UNSIGNED NOT NULL,\n"
             "  `count` BIGINT UNSIGNED NOT NULL,\n"
             "  `increment` BIGINT UNSIGNED NOT NULL,\n"
             "  `expires` BIGINT NOT NULL,\n"
             "  `owner` BIGINT UNSIGNED NOT NULL,\n"
             "  PRIMARY KEY (`space`, `key`),\n"
             "  KEY `by_expiry` (`expires`)\n"
             ") ENGINE = InnoDB ROW_FORMAT = DYNAMIC;\n"
             "CREATE TABLE IF NOT EXISTS ",
             tables.store,
             " (\n"
             "  `id` TINYINT NOT NULL PRIMARY KEY,\n"
             "  `version` INT NOT NULL,\n"
             "  `identity` VARBINARY(64) NOT NULL,\n"
             "  `skip_for_new` BIGINT NOT NULL DEFAULT 0,\n"
             "  `sealed` TIMESTAMP(6) NULL,\n"
             "  `server` VARBINARY(255) NOT NULL DEFAULT '' /*M! WITHOUT SYSTEM VERSIONING */,\n"
             "  `probe` BIGINT NOT NULL DEFAULT 0 /*M! WITHOUT SYSTEM VERSIONING */\n"
             ") ENGINE = InnoDB ROW_FORMAT = DYNAMIC /*M! WITH SYSTEM VERSIONING */;\n");
}

std::string mysql_schema_for_people(const MysqlSettings& settings) {
  const MysqlTables tables(settings.tables);
  const std::string user = settings.user.empty() ? "USER" : settings.user;
  const std::string database = settings.database.empty() ? "DB" : settings.database;
  const auto grant = [&](const std::string& rights, const std::string& table) {
    return cat("GRANT ", rights, " ON `", database, "`.", table, " TO '", user, "'@'%';\n");
  };
  return cat(mysql_schema(tables), "INSERT IGNORE INTO ", tables.store,
             " (id, version, identity, sealed) VALUES (1, ", kMysqlSchemaVersion,
             ", REPLACE(UUID(), '-', ''), NOW(6));\n"
             "\n-- The least rights, with --no-create-store or create=false in the URL:\n",
             grant("SELECT, INSERT, UPDATE", tables.counters),
             grant("SELECT, INSERT, UPDATE, DELETE", tables.idempotency),
             grant("SELECT, UPDATE", tables.store));
}

}  // namespace nextid::store
