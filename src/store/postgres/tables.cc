#include "store/postgres/tables.h"

#include "base/cat.h"
#include "contract/definition_fields.h"

namespace nextid::store {
namespace {

using base::cat;

/// "start, increment, ...", each behind `prefix`.
std::string definition_columns(std::string_view prefix = {}) {
  std::string columns;
  for (const auto& field : contract::kDefinitionFields) {
    columns.append(columns.empty() ? "" : ", ").append(prefix).append(contract::name_of(field));
  }
  return columns;
}

/// A parameter for each of them: "$3, $4, ..." for 3.
std::string definition_parameters(int first) {
  std::string parameters;
  for (std::size_t i = 0; i < contract::kDefinitionFields.size(); ++i) {
    parameters.append(cat(i == 0 ? "$" : ", $", first++));
  }
  return parameters;
}

/// " start bigint NOT NULL DEFAULT 1, ..."
std::string definition_types() {
  const Definition defaults;
  std::string columns;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        columns += cat(",\n  ", field.name, " bigint NOT NULL DEFAULT ", defaults.*field.member);
      },
      [&](const contract::TextField& field) {
        columns += cat(",\n  ", field.name, " text NOT NULL DEFAULT ''");
      });
  return columns;
}

// The slot of a writer as text, "[seq, end]", so that what nextid never writes is no error of the
// server's, which would end the transaction of all.
std::string state_columns() {
  return cat("value, floor, slots->>$2::text, ", definition_columns());
}

/// The seqs of others' slots that are below $3.
std::string newest_idle() {
  return "(SELECT max((other.value->>0)::numeric) FROM jsonb_each(slots) AS other"
         " WHERE other.key <> $2::text AND (other.value->>0)::numeric < $3::numeric)";
}

}  // namespace

std::string quoted_name(const std::string& name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

PostgresTables::PostgresTables(const std::string& schema_name)
    : schema(quoted_name(schema_name)),
      counters(schema + ".nextid_counters"),
      records(schema + ".nextid_idempotency"),
      store(schema + ".nextid_store") {
  const std::string by_name = cat(" FROM ", counters, " WHERE name = $1");
  read_store = {"nextid_read_store",
                cat("SELECT format, identity, system, skip_for_new FROM ", store)};
  touch = {"nextid_touch", cat("UPDATE ", store, " SET touched = touched + 1")};
  // The condition is looked at again in the row's newest version, once its lock is had: READ
  // COMMITTED does that (postgresql.org/docs/15/transaction-iso.html).
  reserve = {"nextid_reserve",
             cat("UPDATE ", counters,
                 " SET value = value + $2::bigint, slots = jsonb_set(slots, ARRAY[$3::text],"
                 " jsonb_build_array($4::bigint, value + $2::bigint))"
                 " WHERE name = $1 AND revision = $5::bigint AND value <= $6::bigint"
                 " AND value <= 9223372036854775807 - $2::bigint"
                 " AND value >= start - increment"
                 " AND CASE WHEN slots ? $3::text THEN slots->$3::text->>0 = $7::text"
                 " ELSE floor < $4::bigint END RETURNING value")};
  select = {"nextid_select", cat("SELECT ", state_columns(), by_name)};
  select_to_load = {"nextid_select_to_load",
                    cat("SELECT ", state_columns(), ", ", newest_idle(), " IS NOT NULL", by_name)};
  select_to_write = {"nextid_select_to_write",
                     cat("SELECT ", state_columns(), by_name, " FOR UPDATE")};
  prune = {"nextid_prune",
           cat("UPDATE ", counters, " SET floor = greatest(floor, ", newest_idle(),
               "::bigint), slots = (SELECT coalesce(jsonb_object_agg(kept.key, kept.value), '{}')"
               " FROM jsonb_each(slots) AS kept WHERE kept.key = $2::text OR"
               " (kept.value->>0)::numeric >= $3::numeric) WHERE name = $1 RETURNING ",
               state_columns())};
  insert = {"nextid_insert",
            cat("INSERT INTO ", counters, " (name, value, ", definition_columns(),
                ") VALUES ($1, $2, ", definition_parameters(3), ") ON CONFLICT (name) DO NOTHING")};
  update = {"nextid_update",
            cat("UPDATE ", counters,
                " SET value = $2::bigint, floor = greatest(floor, $3::bigint), slots = CASE"
                " WHEN $4::text IS NULL THEN slots WHEN $5::jsonb IS NULL THEN slots - $4::text"
                " ELSE jsonb_set(slots, ARRAY[$4::text], $5::jsonb) END, (",
                definition_columns(), ") = ROW(", definition_parameters(6), ") WHERE name = $1")};
  list = {"nextid_list",
          cat("SELECT value, floor, name, ", definition_columns(), " FROM ", counters,
              " WHERE name > $1 AND (revision < 0) = $2::boolean"
              " ORDER BY name LIMIT $3::bigint")};
  constexpr const char* kRecord = "first_id, id_count, increment, expires, owner";
  recall = {"nextid_recall",
            cat("SELECT ", kRecord, " FROM ", records, " WHERE counter = $1 AND key = $2")};
  remember = {"nextid_remember",
              cat("INSERT INTO ", records, " AS old (counter, key, ", kRecord,
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (counter, key) DO UPDATE SET"
                  " (",
                  kRecord,
                  ") = ROW(excluded.first_id, excluded.id_count, excluded.increment,"
                  " excluded.expires, excluded.owner) WHERE old.expires <= $8::bigint")};
  // Rows that another node tidies are left to it.
  tidy_records = {
      "nextid_tidy_records",
      cat("DELETE FROM ", records, " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ", records,
          " WHERE expires <= $1::bigint ORDER BY expires LIMIT $2::bigint"
          " FOR UPDATE SKIP LOCKED))")};
}

std::vector<std::string> upgrade_statements(const PostgresTables& tables, std::int64_t found) {
  std::vector<std::string> statements;
  if (found < 1) {
    statements.push_back(cat("CREATE TABLE ", tables.counters,
                             " (\n  name text COLLATE \"C\" PRIMARY KEY,\n"
                             "  value bigint NOT NULL DEFAULT 0,\n"
                             "  floor bigint NOT NULL DEFAULT 0,\n"
                             "  slots jsonb NOT NULL DEFAULT '{}'",
                             definition_types(), "\n) WITH (fillfactor = 50)"));
    statements.push_back(cat("CREATE TABLE ", tables.records,
                             " (\n  counter text COLLATE \"C\",\n  key text COLLATE \"C\",\n"
                             "  first_id bigint NOT NULL,\n  id_count bigint NOT NULL,\n"
                             "  increment bigint NOT NULL,\n  expires bigint NOT NULL,\n"
                             "  owner bigint NOT NULL,\n  PRIMARY KEY (counter, key)\n)"));
    statements.push_back(
        cat("CREATE INDEX nextid_idempotency_expires ON ", tables.records, " (expires)"));
    statements.push_back(cat("CREATE TABLE ", tables.store,
                             " (\n  one boolean PRIMARY KEY DEFAULT true CHECK (one),\n"
                             "  format bigint NOT NULL,\n  identity text NOT NULL,\n"
                             "  system text,\n  skip_for_new bigint NOT NULL DEFAULT 0,\n"
                             "  touched bigint NOT NULL DEFAULT 0\n)"));
    statements.push_back(cat("INSERT INTO ", tables.store, " (format, identity) VALUES (",
                             kPostgresFormat, ", replace(gen_random_uuid()::text, '-', ''))"));
  }
  return statements;
}

std::string grants(const PostgresTables& tables, const std::string& role) {
  return cat("GRANT USAGE ON SCHEMA ", tables.schema, " TO ", role,
             ";\nGRANT SELECT, INSERT, UPDATE ON ", tables.counters, " TO ", role,
             ";\nGRANT SELECT, INSERT, UPDATE, DELETE ON ", tables.records, " TO ", role,
             ";\nGRANT SELECT, UPDATE ON ", tables.store, " TO ", role, ";\n");
}

std::string schema_script(const PostgresTables& tables, const std::string& role) {
  std::string script = "BEGIN;\n";
  for (const std::string& statement : upgrade_statements(tables, 0)) {
    script.append(statement).append(";\n");
  }
  return script + "\n-- The rights that nextid needs.\n" + grants(tables, role) + "COMMIT;\n";
}

}  // namespace nextid::store
