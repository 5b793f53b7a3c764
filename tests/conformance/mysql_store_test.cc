// What a MySQL store does beyond the conformance suite: with other programs beside it, and when its
// server, its tables or their owner change.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <variant>

#include <gtest/gtest.h>

#include "conformance/mysql_server.h"
#include "conformance/store_harness.h"
#include "store/factory.h"
#include "store/mysql/store.h"

namespace nextid::test {
namespace {

using contract::Committed;
using contract::Damaged;
using contract::InDoubt;
using contract::NotApplied;

constexpr contract::WriterId kAda = 0xada;

class MysqlStoreTest : public testing::Test {
 protected:
  MysqlStoreTest() : tables_(directory_.path().filename().string()) { store_ = open(); }
  ~MysqlStoreTest() override {
    store_.reset();
    server_.drop(tables_);
  }

  std::shared_ptr<contract::StoreDriver> open() const { return server_.open(tables_); }
  /// One whose statements wait for a lock for a second.
  std::shared_ptr<contract::StoreDriver> open_quick() const {
    auto settings = server_.settings(tables_);
    settings.attempt_timeout = std::chrono::seconds(2);
    return store::MysqlStore::open(settings, {}).value();
  }
  std::string table(const std::string& name) const { return MysqlServer::table(tables_, name); }
  static contract::Seq now() { return base::wall_now_us(); }
  /// A counter with a slot of Ada's at seq_.
  void begin(const std::string& counter) {
    found(run(*store_, contract::Define{counter, kAda, {}}));
    seq_ = now();
    committed(run(*store_, reserve(counter, kAda, seq_, 0, 5)));
  }
  std::string why_not_open(const store::MysqlSettings& settings) const {
    const auto opened = store::MysqlStore::open(settings, {});
    return opened ? std::string() : opened.error().what();
  }
  std::string value(const std::string& counter) const {
    return server_.run("SELECT value FROM " + table("counters") + " WHERE name = '" + counter + "'")
        .front();
  }
  /// Waits until a statement like that runs, and returns its session's number.
  std::string session_with(const std::string& statement) const {
    const auto deadline = base::monotonic_now() + std::chrono::seconds(10);
    while (base::monotonic_now() < deadline) {
      const auto sessions = server_.run(
          "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND info LIKE "
          "'" +
          statement + "' AND info LIKE '%" + directory_name() + "%'");
      if (!sessions.empty()) return sessions.front();
    }
    ADD_FAILURE() << "nobody executes " << statement;
    return "0";
  }
  /// The letters of the directory that no other test has.
  std::string directory_name() const { return tables_.substr(tables_.rfind('-') + 1); }

  const MysqlServer& server_ = MysqlServer::instance();
  TempDir directory_;
  const std::string tables_;
  std::shared_ptr<contract::StoreDriver> store_;
  contract::Seq seq_ = 0;
};

TEST_F(MysqlStoreTest, CountersMayBeMovedOnBySqlAtTheSameTime) {
  begin("orders");
  EXPECT_EQ(server_.run("UPDATE " + table("counters") +
                        " SET value = LAST_INSERT_ID(value + 10 * increment) WHERE name = 'orders'"
                        " AND revision > 0; SELECT LAST_INSERT_ID()"),
            std::vector<std::string>{"15"});
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, seq_ + 1, seq_, 1))), 16);
}

TEST_F(MysqlStoreTest, CountersMayBeMadeBySql) {
  server_.run("INSERT INTO " + table("counters") + " (name, value) VALUES ('orders', 41)");
  const auto state = found(run(*store_, contract::Load{"orders", kAda}));
  EXPECT_EQ(state.definition, Definition{});
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, now(), 0))), 42);
}

TEST_F(MysqlStoreTest, AGroupOfReservesIsOneCommit) {
  constexpr int kCounters = 20;
  std::vector<contract::Op> reserves;
  for (int i = 0; i < kCounters; ++i) {
    begin("orders" + std::to_string(i));
    reserves.push_back(reserve("orders" + std::to_string(i), kAda, seq_ + 1, seq_));
  }
  const auto before = store_->commits();
  for (const auto& outcome : run_all(*store_, reserves)) EXPECT_EQ(committed(outcome), 6);
  EXPECT_EQ(store_->commits(), before + 1);
}

TEST_F(MysqlStoreTest, ARowThatAnotherProgramLocksHoldsUpItsOwnCounterAlone) {
  const auto store = open_quick();
  begin("locked");
  const contract::Seq locked_seq = seq_;
  begin("free");
  MysqlOutsider outsider;
  outsider.run("START TRANSACTION; SELECT 1 FROM " + table("counters") +
               " WHERE name = 'locked' FOR UPDATE");
  const auto outcomes = run_all(
      *store, {reserve("locked", kAda, now(), locked_seq), reserve("free", kAda, seq_ + 1, seq_)});
  const auto* held = std::get_if<NotApplied>(&outcomes[0]);
  ASSERT_NE(held, nullptr) << describe(outcomes[0]);
  EXPECT_NE(held->why.find("1205"), std::string::npos) << held->why;
  EXPECT_EQ(committed(outcomes[1]), 6);
  // From now on each goes its own way: the free one does not wait for the locked one.
  std::promise<contract::Outcome> locked;
  std::vector<contract::Call> calls;
  calls.push_back({reserve("locked", kAda, now(), locked_seq),
                   [&](contract::Outcome outcome) { locked.set_value(std::move(outcome)); }});
  store->submit(std::move(calls));
  auto waiting = locked.get_future();
  EXPECT_EQ(committed(run(*store, reserve("free", kAda, seq_ + 2, seq_ + 1))), 7);
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_TRUE(std::holds_alternative<NotApplied>(waiting.get()));
  outsider.run("ROLLBACK");
  EXPECT_EQ(value("locked"), "5");
}

// A lock that does not come in time undoes one statement, and leaves the transaction open.
TEST_F(MysqlStoreTest, ALockThatDoesNotComeLeavesNoHalfOfAGroup) {
  const auto store = open_quick();
  begin("b locked");
  const contract::Seq locked_seq = seq_;
  begin("a free");
  MysqlOutsider outsider;
  outsider.run("START TRANSACTION; SELECT 1 FROM " + table("counters") +
               " WHERE name = 'b locked' FOR UPDATE");
  // The free one comes first, and was updated when the other failed.
  const auto reserves = run_all(*store, {reserve("a free", kAda, seq_ + 1, seq_, 3),
                                         reserve("b locked", kAda, locked_seq + 1, locked_seq, 3)});
  EXPECT_EQ(committed(reserves[0]), 8);
  EXPECT_TRUE(std::holds_alternative<NotApplied>(reserves[1])) << describe(reserves[1]);
  // Other writes lock both before they write.
  const auto others =
      run_all(*store, {contract::GiveBack{"a free", kAda, seq_ + 2, seq_ + 1, 8, 7},
                       contract::GiveBack{"b locked", kAda, locked_seq + 1, locked_seq, 5, 4}});
  EXPECT_EQ(committed(others[0]), 7);
  EXPECT_TRUE(std::holds_alternative<NotApplied>(others[1])) << describe(others[1]);
  outsider.run("ROLLBACK");
  EXPECT_EQ(value("a free"), "7");
  EXPECT_EQ(value("b locked"), "5");
  EXPECT_EQ(committed(run(*store, reserve("b locked", kAda, locked_seq + 1, locked_seq, 1))), 6);
}

TEST_F(MysqlStoreTest, TheVictimOfADeadlockIsTriedAgain) {
  begin("b");
  const contract::Seq b_seq = seq_;
  begin("a");
  // A transaction that has written more is not the victim.
  MysqlOutsider outsider;
  outsider.run("START TRANSACTION; INSERT INTO " + table("counters") +
               " (name) VALUES ('1'), ('2'), ('3'), ('4'), ('5'), ('6'); UPDATE " +
               table("counters") + " SET value = value + 1 WHERE name = 'b'");
  auto both = std::async(std::launch::async, [&] {
    return run_all(*store_,
                   {reserve("a", kAda, seq_ + 1, seq_), reserve("b", kAda, b_seq + 1, b_seq)});
  });
  session_with("UPDATE%");
  outsider.run("UPDATE " + table("counters") + " SET value = value + 1 WHERE name = 'a'; COMMIT");
  for (const auto& outcome : both.get()) EXPECT_EQ(committed(outcome), 7);
}

TEST_F(MysqlStoreTest, AKilledStatementIsInDoubtUntilItIsRepeated) {
  begin("orders");
  for (const char* kill : {"KILL QUERY ", "KILL "}) {
    MysqlOutsider outsider;
    outsider.run("START TRANSACTION; SELECT 1 FROM " + table("counters") +
                 " WHERE name = 'orders' FOR UPDATE");
    const auto op = reserve("orders", kAda, seq_ + 1, seq_, 2);
    auto attempt = std::async(std::launch::async, [&] { return run(*store_, op); });
    outsider.run(kill + session_with("UPDATE%"));
    const auto outcome = attempt.get();
    EXPECT_TRUE(std::holds_alternative<InDoubt>(outcome)) << kill << describe(outcome);
    outsider.run("ROLLBACK");
    committed(run(*store_, op));
    seq_ = op.seq;
  }
  EXPECT_EQ(value("orders"), "9");
}

TEST_F(MysqlStoreTest, AnIdleConnectionThatTheServerEndedIsNoFailure) {
  // A database of its own tells its sessions from those of other tests.
  const std::string database = "nextid_" + directory_name();
  server_.run("CREATE DATABASE " + database);
  auto settings = server_.settings(tables_);
  settings.database = database;
  store_ = store::MysqlStore::open(settings, {}).value();
  begin("orders");
  for (contract::Seq i = 1; i <= 3; ++i) {
    for (const std::string& session : server_.run(
             "SELECT id FROM information_schema.processlist WHERE db = '" + database + "'")) {
      try {
        server_.run("KILL " + session);
      } catch (const std::runtime_error&) {
        // It has ended already.
      }
    }
    EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, seq_ + i, seq_ + i - 1, 1))),
              5 + static_cast<std::int64_t>(i));
  }
  store_.reset();
  server_.run("DROP DATABASE " + database);
}

TEST_F(MysqlStoreTest, ARepeatThatFindsItsOpAppliedCommitsBeforeItSaysSo) {
  begin("orders");
  const auto probe = [&] { return server_.run("SELECT probe FROM " + table("store")).front(); };
  EXPECT_EQ(probe(), "0");
  const auto repeat = refused(run(*store_, reserve("orders", kAda, seq_, 0, 5)));
  EXPECT_EQ(repeat.slot.value_or(contract::Slot()).seq, seq_);
  EXPECT_EQ(probe(), "1");
  refused(run(*store_, reserve("orders", kAda, seq_ + 2, seq_ + 1, 5)));
  EXPECT_EQ(probe(), "1") << "nothing of its own was found";
}

TEST_F(MysqlStoreTest, TablesThatAreGoneAreRefusedForGood) {
  begin("orders");
  server_.drop(tables_);
  run(*store_, reserve("orders", kAda, seq_ + 1, seq_));
  const auto outcome = run(*store_, reserve("orders", kAda, seq_ + 1, seq_));
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_NE(store_->health().doubt.find("is gone"), std::string::npos) << store_->health().doubt;
  // Made anew by somebody else: another store.
  const auto other = open();
  EXPECT_TRUE(other->opening().made);
  EXPECT_TRUE(std::holds_alternative<Damaged>(run(*store_, contract::Load{"orders", kAda})));
}

TEST_F(MysqlStoreTest, TablesThatANewerReleaseUpgradedAreRefusedByARunningNode) {
  begin("orders");
  server_.run("UPDATE " + table("store") + " SET version = 99");
  const auto outcome = run(*store_, contract::Load{"orders", kAda});
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_NE(std::get<Damaged>(outcome).why.find("to the format 99 by a newer nextid"),
            std::string::npos);
  EXPECT_TRUE(
      std::holds_alternative<Damaged>(run(*store_, reserve("orders", kAda, seq_ + 1, seq_))));
}

TEST_F(MysqlStoreTest, TablesOfAnotherStoreInTheirPlaceAreRefusedForGood) {
  begin("orders");
  server_.run("UPDATE " + table("store") + " SET identity = 'another'");
  const auto outcome = run(*store_, contract::Load{"orders", kAda});
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_NE(std::get<Damaged>(outcome).why.find("its identity is another and was "),
            std::string::npos);
  EXPECT_TRUE(
      std::holds_alternative<Damaged>(run(*store_, reserve("orders", kAda, seq_ + 1, seq_))));
  EXPECT_EQ(list(*store_, "", 10).error().code(), ErrorCode::kCorrupt);
}

TEST_F(MysqlStoreTest, TablesFromADumpAreRefusedUntilTheyAreRecovered) {
  if (!server_.is_mariadb()) GTEST_SKIP() << "not run: MySQL does not keep when a row was written";
  begin("orders");
  store_.reset();
  const auto restore = [&] {
    server_.run("CREATE TEMPORARY TABLE dump AS SELECT * FROM " + table("store") +
                "; DELETE FROM " + table("store") + "; INSERT INTO " + table("store") +
                " (id, version, identity, skip_for_new, sealed, server, probe) SELECT id, version, "
                "identity, skip_for_new, sealed, server, probe FROM dump");
  };
  restore();
  auto settings = server_.settings(tables_);
  EXPECT_NE(why_not_open(settings).find("came out of a dump"), std::string::npos)
      << why_not_open(settings);
  ASSERT_TRUE(store::MysqlStore::end_recovery(settings, 100));
  store_ = open();
  const auto made = found(run(*store_, contract::Define{"later", kAda, {}}));
  EXPECT_EQ(made.value, 100) << "a counter that the recovery did not know of";
  store_.reset();
  restore();
  settings.accept_copy = true;
  EXPECT_EQ(why_not_open(settings), "");
  settings.accept_copy = false;
  EXPECT_EQ(why_not_open(settings), "");
}

TEST_F(MysqlStoreTest, CountersWithoutTheStoresRowAreRefused) {
  begin("orders");
  store_.reset();
  server_.run("DROP TABLE " + table("store"));
  EXPECT_NE(why_not_open(server_.settings(tables_)).find("has counters, and"), std::string::npos);
}

TEST_F(MysqlStoreTest, TablesOfANewerFormatAreRefused) {
  store_.reset();
  server_.run("UPDATE " + table("store") + " SET version = 2");
  EXPECT_NE(why_not_open(server_.settings(tables_))
                .find("has the format 2 of a newer nextid; this one knows formats up to 1"),
            std::string::npos);
}

TEST_F(MysqlStoreTest, NodesThatStartTogetherMakeTheTablesOnce) {
  store_.reset();
  server_.drop(tables_);
  std::atomic<int> made{0};
  std::vector<std::thread> nodes;
  for (int i = 0; i < 6; ++i) {
    nodes.emplace_back([&] {
      const auto store = open();
      made += store->opening().made ? 1 : 0;
    });
  }
  for (auto& node : nodes) node.join();
  EXPECT_EQ(made, 1);
}

TEST_F(MysqlStoreTest, IsNotMadeWhereItIsNotToBe) {
  store_.reset();
  server_.drop(tables_);
  auto settings = server_.settings(tables_);
  settings.create = false;
  EXPECT_NE(why_not_open(settings).find("there is no store in the tables "), std::string::npos);
  settings.create = true;
  settings.is_known = true;
  EXPECT_NE(why_not_open(settings).find("there is no store in the tables "), std::string::npos);
  EXPECT_TRUE(store::missing_store(server_.url(tables_), true));
}

TEST_F(MysqlStoreTest, NumbersThatNextidNeverWritesAreDamage) {
  begin("orders");
  for (const char* harm : {"value = -7", "floor = -1", "start = 0", "max = -1",
                           "slots = '{\"0000000000000ada\": \"x\"}'", "slots = '[]'"}) {
    server_.run("UPDATE " + table("counters") +
                " SET value = 5, floor = 0, start = 1, max = 1000, slots = '{}'");
    server_.run("UPDATE " + table("counters") + " SET " + harm);
    const auto loaded = run(*store_, contract::Load{"orders", kAda});
    EXPECT_TRUE(std::holds_alternative<Damaged>(loaded)) << harm << ": " << describe(loaded);
    const auto released = run(*store_, contract::Release{"orders", kAda, seq_ + 1, seq_});
    EXPECT_TRUE(std::holds_alternative<Damaged>(released)) << harm << ": " << describe(released);
  }
  server_.run("UPDATE " + table("counters") +
              " SET value = -7, floor = 0, start = 1, slots = '{}'");
  const auto reserved = run(*store_, reserve("orders", kAda, now(), 0));
  EXPECT_TRUE(std::holds_alternative<Damaged>(reserved)) << describe(reserved);
}

TEST_F(MysqlStoreTest, OpsThatAreSentTwiceAtOnceAreAppliedOnce) {
  begin("orders");
  const auto other = open();
  constexpr int kWriters = 4;
  constexpr int kOps = 25;
  std::atomic<std::int64_t> applied{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, writer = static_cast<contract::WriterId>(i + 1)] {
      const contract::Seq first = now();
      for (contract::Seq op = 0; op < kOps; ++op) {
        const auto wanted = reserve("orders", writer, first + op, op == 0 ? 0 : first + op - 1, 3);
        auto copy = std::async(std::launch::async, [&] { return run(*other, wanted); });
        for (const auto& outcome : {run(*store_, wanted), copy.get()}) {
          applied += std::holds_alternative<Committed>(outcome) ? 1 : 0;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(applied, kWriters * kOps);
  EXPECT_EQ(found(run(*store_, contract::Load{"orders", kAda})).value, 5 + kWriters * kOps * 3);
}

}  // namespace
}  // namespace nextid::test
