// The table of errors in src/store/postgres/failure.cc, which docs/postgres.md shows.
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "store/postgres/failure.h"

namespace nextid::store {
namespace {

using Effect = PostgresFailure::Effect;

struct Row {
  const char* sqlstate;
  Effect effect;
};

TEST(PostgresFailure, TellsWhatAnErrorSaysAboutItsTransaction) {
  constexpr Row kRows[] = {
      {"40001", Effect::kNotApplied}, {"40P01", Effect::kNotApplied},
      {"40003", Effect::kInDoubt},    {"55P03", Effect::kNotApplied},
      {"57014", Effect::kNotApplied}, {"25006", Effect::kNotApplied},
      {"25P03", Effect::kNotApplied}, {"53100", Effect::kNotApplied},
      {"53200", Effect::kNotApplied}, {"53300", Effect::kNotApplied},
      {"57P03", Effect::kNotApplied}, {"28P01", Effect::kNotApplied},
      {"42501", Effect::kNotApplied}, {"42P01", Effect::kNotApplied},
      {"3F000", Effect::kNotApplied}, {"22003", Effect::kNotApplied},
      {"23505", Effect::kNotApplied}, {"0A000", Effect::kNotApplied},
      {"57P01", Effect::kInDoubt},    {"57P02", Effect::kInDoubt},
      {"08006", Effect::kInDoubt},    {"58030", Effect::kInDoubt},
      {"26000", Effect::kNotApplied}, {"XX000", Effect::kInDoubt},
      {"99999", Effect::kInDoubt},    {"XX001", Effect::kDamaged},
      {"XX002", Effect::kDamaged},
  };
  for (const Row& row : kRows) EXPECT_EQ(effect_of(row.sqlstate), row.effect) << row.sqlstate;
}

TEST(PostgresFailure, IsAnOutcome) {
  const auto throttled =
      std::get<contract::NotApplied>(failure_of("53300", "too many clients").outcome());
  EXPECT_TRUE(throttled.throttled);
  EXPECT_EQ(throttled.why,
            "PostgreSQL refused: too many clients (SQLSTATE 53300); raise max_connections, or use "
            "a pooler such as PgBouncer");
  EXPECT_FALSE(std::get<contract::NotApplied>(failure_of("40001", "no").outcome()).throttled);
  EXPECT_TRUE(std::holds_alternative<contract::InDoubt>(failure_of("57P01", "no").outcome()));
  EXPECT_TRUE(
      std::holds_alternative<contract::NotApplied>(failure_of("57P01", "no").outcome_of_read()));
  EXPECT_TRUE(std::holds_alternative<contract::Damaged>(failure_of("XX001", "no").outcome()));
}

TEST(PostgresFailure, SaysWhatToDoWhereNoConnectionCanBeMade) {
  EXPECT_STREQ(failure_to_connect("connection to server at \"db\", port 5432 failed: FATAL:  "
                                  "password authentication failed for user \"ada\"\n")
                   .what(),
               "can't connect to PostgreSQL: connection to server at \"db\", port 5432 failed: "
               "FATAL: password authentication failed for user \"ada\"; check the user, and the "
               "password in PGPASSWORD, ~/.pgpass or passfile=");
  EXPECT_EQ(on_one_line("a.\n\tb.\n"), "a. b");
}

}  // namespace
}  // namespace nextid::store
