// What is said of the etcd that a store rests on.
#include <string>

#include <gtest/gtest.h>

#include "store/etcd/facts.h"

namespace nextid::store {
namespace {

EtcdLook good() {
  EtcdLook look;
  look.version = "3.4.23";
  look.leader = 7;
  look.size_bytes = 100'000'000;
  look.in_use_bytes = 50'000'000;
  look.revision = 5'000'000;
  look.members = 3;
  look.quota_bytes = 2'000'000'000;
  look.compacted_at = 4'990'000;
  look.command_line = " etcd --auto-compaction-retention=1h";
  return look;
}

void expect_said(const EtcdLook& look, HealthVerdict verdict, const std::string& part) {
  for (const HealthFact& fact : facts_of(look)) {
    if (fact.sentence.find(part) == std::string::npos) continue;
    EXPECT_EQ(fact.verdict, verdict) << fact.sentence;
    EXPECT_TRUE(fact.sentence.ends_with('.')) << fact.sentence;
    return;
  }
  ADD_FAILURE() << "nobody says: " << part;
}

TEST(EtcdFacts, AllIsWell) {
  EXPECT_EQ(warning_of(facts_of(good())), "");
  expect_said(good(), HealthVerdict::kOk, "etcd 3.4.23 with 3 members");
  expect_said(good(), HealthVerdict::kOk, "100 MB of the 2000 MB that its quota allows");
  expect_said(good(), HealthVerdict::kOk, "keeps its last 10000 revisions");
}

TEST(EtcdFacts, AlarmsFail) {
  EtcdLook look = good();
  look.alarms = {"NOSPACE"};
  expect_said(look, HealthVerdict::kFail, "alarm disarm");
  look.alarms = {"CORRUPT"};
  expect_said(look, HealthVerdict::kFail, "members disagree");
}

TEST(EtcdFacts, AClusterWithoutALeaderFails) {
  EtcdLook look = good();
  look.leader = 0;
  expect_said(look, HealthVerdict::kFail, "no leader");
  EXPECT_EQ(facts_of(EtcdLook{}).at(0).verdict, HealthVerdict::kFail) << "or one that is silent";
}

TEST(EtcdFacts, LittleSpaceIsAWarning) {
  EtcdLook look = good();
  look.size_bytes = 1'600'000'000;
  expect_said(look, HealthVerdict::kWarn, "defragment");
  look.size_bytes = 1'599'999'999;
  EXPECT_EQ(warning_of(facts_of(look)), "");
}

TEST(EtcdFacts, AnEtcdThatNeverCompactsIsAWarning) {
  EtcdLook look = good();
  look.compacted_at = -1;
  expect_said(look, HealthVerdict::kWarn, "--auto-compaction-retention=1h");
  look.revision = 100;
  expect_said(look, HealthVerdict::kOk, "told to compact itself");
  look.command_line = " etcd";
  expect_said(look, HealthVerdict::kWarn, "keeps all its 100 revisions");
}

TEST(EtcdFacts, AnEtcdThatDoesNotSyncIsAWarning) {
  EtcdLook look = good();
  look.command_line += " --unsafe-no-fsync=true";
  expect_said(look, HealthVerdict::kWarn, "takes back ids");
}

TEST(EtcdFacts, TwoMembersAreAWarning) {
  EtcdLook look = good();
  look.members = 2;
  expect_said(look, HealthVerdict::kWarn, "use one, three or five");
}

TEST(EtcdFacts, VersionsThatLoseWritesOrAreTooOldAreRefused) {
  for (const char* bad : {"3.3.27", "2.3.8", "3.5.0", "3.5.1", "3.5.2"}) {
    EXPECT_TRUE(problem_with_etcd(bad)) << bad;
  }
  for (const char* fine : {"3.4.0", "3.4.23", "3.5.3", "3.5.17", "3.6.0", "4.0.0"}) {
    EXPECT_FALSE(problem_with_etcd(fine)) << fine;
  }
}

}  // namespace
}  // namespace nextid::store
