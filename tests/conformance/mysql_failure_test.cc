// The table of errors in src/store/mysql/errors.cc, which docs/mysql.md shows; and what a server
// says of itself.
#include <string>

#include <gtest/gtest.h>

#include "store/mysql/errors.h"
#include "store/mysql/server_facts.h"

namespace nextid::store {
namespace {

using Kind = MysqlErrorKind;

struct Row {
  unsigned code;
  Kind kind;
};

TEST(MysqlErrors, TellWhatBecameOfTheStatement) {
  constexpr Row kRows[] = {
      {1020, Kind::kRolledBack}, {1021, Kind::kInDoubt},    {1026, Kind::kInDoubt},
      {1036, Kind::kNotApplied}, {1040, Kind::kThrottled},  {1044, Kind::kNotApplied},
      {1045, Kind::kNotApplied}, {1046, Kind::kNotApplied}, {1049, Kind::kGone},
      {1053, Kind::kInDoubt},    {1054, Kind::kNotApplied}, {1062, Kind::kRolledBack},
      {1114, Kind::kNotApplied}, {1129, Kind::kNotApplied}, {1130, Kind::kNotApplied},
      {1142, Kind::kNotApplied}, {1143, Kind::kNotApplied}, {1146, Kind::kGone},
      {1153, Kind::kNotApplied}, {1180, Kind::kInDoubt},    {1203, Kind::kThrottled},
      {1205, Kind::kLockWait},   {1206, Kind::kThrottled},  {1213, Kind::kRolledBack},
      {1226, Kind::kThrottled},  {1227, Kind::kNotApplied}, {1290, Kind::kNotApplied},
      {1317, Kind::kInDoubt},    {1598, Kind::kInDoubt},    {1637, Kind::kThrottled},
      {1665, Kind::kNotApplied}, {1690, Kind::kNotApplied}, {1792, Kind::kNotApplied},
      {1820, Kind::kNotApplied}, {1836, Kind::kNotApplied}, {1862, Kind::kNotApplied},
      {1874, Kind::kNotApplied}, {1927, Kind::kInDoubt},    {1969, Kind::kInDoubt},
      {2002, Kind::kInDoubt},    {2003, Kind::kInDoubt},    {2005, Kind::kInDoubt},
      {2006, Kind::kInDoubt},    {2013, Kind::kInDoubt},    {2026, Kind::kInDoubt},
      {2059, Kind::kInDoubt},    {3159, Kind::kNotApplied}, {4031, Kind::kInDoubt},
      {4151, Kind::kNotApplied},
  };
  for (const Row& row : kRows) EXPECT_EQ(mysql_error_row(row.code).kind, row.kind) << row.code;
  EXPECT_EQ(std::size(kRows), mysql_error_rows().size()) << "a row without a test";
  EXPECT_EQ(mysql_error_row(9999).kind, Kind::kInDoubt);
}

MysqlVariables safe() {
  return {{"innodb_flush_log_at_trx_commit", "1"},
          {"log_bin", "ON"},
          {"sync_binlog", "1"},
          {"wsrep_on", "OFF"},
          {"read_only", "OFF"},
          {"version", "10.11.19-MariaDB"},
          {"hostname", "db"},
          {"port", "3306"},
          {"server_id", "1"}};
}

std::string refusal_with(const std::string& name, const std::string& value) {
  auto variables = safe();
  variables[name] = value;
  return refusal_of(variables, false).value_or("");
}

TEST(MysqlServerFacts, RefusesServersThatLoseWhatTheyAcknowledged) {
  EXPECT_EQ(refusal_of(safe(), false), std::nullopt);
  EXPECT_NE(refusal_with("wsrep_on", "ON").find("Galera"), std::string::npos);
  for (const char* value : {"0", "2"}) {
    EXPECT_NE(refusal_with("innodb_flush_log_at_trx_commit", value)
                  .find("innodb_flush_log_at_trx_commit is " + std::string(value)),
              std::string::npos);
  }
  EXPECT_EQ(refusal_with("innodb_flush_log_at_trx_commit", "3"), "");
  EXPECT_NE(refusal_with("innodb_flush_log_at_trx_commit", ""), "") << "not told";
  for (const char* name : {"read_only", "super_read_only", "innodb_read_only"}) {
    EXPECT_NE(refusal_with(name, "ON").find("read-only"), std::string::npos) << name;
  }
  EXPECT_NE(refusal_with("read_only", "NO_LOCK").find("read-only"), std::string::npos);
}

TEST(MysqlServerFacts, DemandsSemiSyncWhereTheUrlDoes) {
  EXPECT_NE(refusal_of(safe(), true).value_or("").find("require_semi_sync=true"),
            std::string::npos);
  for (const char* name : {"rpl_semi_sync_master_enabled", "rpl_semi_sync_source_enabled"}) {
    auto variables = safe();
    variables[name] = "ON";
    EXPECT_EQ(refusal_of(variables, true), std::nullopt) << name;
  }
}

HealthFact fact(const MysqlVariables& variables, const std::string& subject) {
  for (const HealthFact& each : facts_of(variables)) {
    if (each.subject == subject) return each;
  }
  ADD_FAILURE() << "no fact about " << subject;
  return {};
}

TEST(MysqlServerFacts, SaysWhatCommitsRestOn) {
  auto variables = safe();
  EXPECT_EQ(fact(variables, "commits").verdict, HealthVerdict::kOk);
  EXPECT_EQ(fact(variables, "binary log").verdict, HealthVerdict::kOk);
  EXPECT_EQ(fact(variables, "failover").verdict, HealthVerdict::kWarn);
  variables["sync_binlog"] = "0";
  EXPECT_EQ(fact(variables, "binary log").verdict, HealthVerdict::kWarn);
  EXPECT_NE(fact(variables, "binary log").sentence.find("sync_binlog is 0"), std::string::npos);
  variables["log_bin"] = "OFF";
  EXPECT_EQ(fact(variables, "binary log").verdict, HealthVerdict::kOk);
  EXPECT_EQ(fact(variables, "failover").verdict, HealthVerdict::kOk);
  variables["rpl_semi_sync_master_enabled"] = "ON";
  variables["rpl_semi_sync_master_status"] = "OFF";
  EXPECT_EQ(fact(variables, "failover").verdict, HealthVerdict::kWarn);
  variables["rpl_semi_sync_master_status"] = "ON";
  variables["rpl_semi_sync_master_timeout"] = "10000";
  EXPECT_EQ(fact(variables, "failover").sentence,
            "Each commit waits for a replica, 10000 ms at most.");
  EXPECT_EQ(fact(variables, "server").sentence,
            "It is db, port 3306, server_id 1, version 10.11.19-MariaDB.");
}

}  // namespace
}  // namespace nextid::store
