// What a PostgreSQL store does beyond the conformance suite: with other programs beside it, and
// when its server, its tables or their owner change.
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <variant>

#include <gtest/gtest.h>

#include "conformance/postgres_server.h"
#include "conformance/store_harness.h"
#include "store/factory.h"
#include "store/postgres/connection.h"
#include "store/postgres/opening.h"
#include "store/postgres/servers.h"
#include "store/postgres/store.h"

namespace nextid::test {
namespace {

using contract::Committed;
using contract::Damaged;
using contract::InDoubt;
using contract::NotApplied;
using contract::Refused;

constexpr contract::WriterId kAda = 0xada;

class PostgresStoreTest : public testing::Test {
 protected:
  PostgresStoreTest() : schema_(directory_.path().filename().string()) { store_ = open(); }
  ~PostgresStoreTest() override {
    store_.reset();
    server_.drop(schema_);
  }

  std::shared_ptr<contract::StoreDriver> open() const { return server_.open(schema_); }
  std::string table(const std::string& name) const { return "\"" + schema_ + "\"." + name; }
  static contract::Seq now() { return base::wall_now_us(); }
  /// A counter with a slot of Ada's at seq_.
  void begin(const std::string& counter) {
    found(run(*store_, contract::Define{counter, kAda, {}}));
    seq_ = now();
    committed(run(*store_, reserve(counter, kAda, seq_, 0, 5)));
  }
  /// Before each change of a counter's row, from now on.
  void make_trigger(const std::string& plpgsql) const {
    const std::string name = "\"" + schema_ + "\".interfere";
    server_.run("CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
                plpgsql + "; RETURN NEW; END $$; CREATE TRIGGER interfere BEFORE UPDATE ON " +
                table("nextid_counters") + " FOR EACH ROW EXECUTE FUNCTION " + name + "()");
  }
  /// The same store, in sessions that ask for no warnings.
  std::shared_ptr<contract::StoreDriver> open_without_warnings() const {
    auto settings = server_.settings(schema_);
    settings.conninfo.append(settings.conninfo.find('?') == std::string::npos ? "?" : "&");
    settings.conninfo.append("options=-c%20client_min_messages%3Derror");
    return store::PostgresStore::open(settings, {}).value();
  }
  std::string why_not_open(const store::PostgresSettings& settings) const {
    const auto opened = store::PostgresStore::open(settings, {});
    return opened ? std::string() : opened.error().what();
  }

  const PostgresServer& server_ = PostgresServer::instance();
  TempDir directory_;
  const std::string schema_;
  std::shared_ptr<contract::StoreDriver> store_;
  contract::Seq seq_ = 0;
};

TEST_F(PostgresStoreTest, CountersMayBeMovedOnBySqlAtTheSameTime) {
  begin("orders");
  EXPECT_EQ(server_.run("UPDATE " + table("nextid_counters") +
                        " SET value = value + 10 * increment WHERE name = 'orders' AND"
                        " revision > 0 RETURNING value"),
            std::vector<std::string>{"15"});
  EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, seq_ + 1, seq_, 1))), 16);
}

TEST_F(PostgresStoreTest, ARowThatAnotherProgramLocksHoldsUpItsOwnCounterAlone) {
  const auto settings = server_.settings(schema_);
  auto quick = settings;
  quick.attempt_timeout = std::chrono::seconds(2);
  const std::shared_ptr<contract::StoreDriver> store =
      store::PostgresStore::open(quick, {}).value();
  begin("locked");
  const contract::Seq locked_seq = seq_;
  begin("free");
  PostgresOutsider outsider;
  outsider.run("BEGIN");
  outsider.run("SELECT 1 FROM " + table("nextid_counters") + " WHERE name = 'locked' FOR UPDATE");
  const auto outcomes = run_all(
      *store, {reserve("locked", kAda, now(), locked_seq), reserve("free", kAda, seq_ + 1, seq_)});
  const auto* held = std::get_if<NotApplied>(&outcomes[0]);
  ASSERT_NE(held, nullptr) << describe(outcomes[0]);
  EXPECT_NE(held->why.find("55P03"), std::string::npos) << held->why;
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
}

TEST_F(PostgresStoreTest, AnIdleConnectionThatTheServerEndedIsNoFailure) {
  begin("orders");
  for (contract::Seq i = 1; i <= 3; ++i) {
    server_.run(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE"
        " application_name = '" +
        schema_ + "'");
    EXPECT_EQ(committed(run(*store_, reserve("orders", kAda, seq_ + i, seq_ + i - 1, 1))),
              5 + static_cast<std::int64_t>(i));
  }
}

TEST_F(PostgresStoreTest, ARepeatThatFindsItsOpAppliedCommitsBeforeItSaysSo) {
  begin("orders");
  const auto touched = [&] {
    return server_.run("SELECT touched FROM " + table("nextid_store")).front();
  };
  EXPECT_EQ(touched(), "0");
  EXPECT_EQ(refused(run(*store_, reserve("orders", kAda, seq_, 0, 5))).slot->seq, seq_);
  EXPECT_EQ(touched(), "1");
  refused(run(*store_, reserve("orders", kAda, seq_ + 2, seq_ + 1, 5)));
  EXPECT_EQ(touched(), "1") << "nothing of its own was found";
}

TEST_F(PostgresStoreTest, TablesThatAreGoneAreRefusedForGood) {
  begin("orders");
  server_.run("DROP TABLE " + table("nextid_store") + ", " + table("nextid_counters") + ", " +
              table("nextid_idempotency"));
  run(*store_, reserve("orders", kAda, seq_ + 1, seq_));
  const auto outcome = run(*store_, reserve("orders", kAda, seq_ + 1, seq_));
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_EQ(store_->health().doubt, std::get<Damaged>(outcome).why);
  EXPECT_NE(store_->health().doubt.find("has lost its tables"), std::string::npos);
  // Made anew by somebody else: another store.
  const auto other = open();
  EXPECT_TRUE(other->opening().made);
  EXPECT_TRUE(std::holds_alternative<Damaged>(run(*store_, contract::Load{"orders", kAda})));
}

TEST_F(PostgresStoreTest, TablesThatANewerReleaseUpgradedAreRefusedByARunningNode) {
  begin("orders");
  server_.run("UPDATE " + table("nextid_store") + " SET format = 99");
  const auto outcome = run(*store_, contract::Load{"orders", kAda});
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_NE(std::get<Damaged>(outcome).why.find("to the format 99 by a newer nextid"),
            std::string::npos);
  EXPECT_TRUE(
      std::holds_alternative<Damaged>(run(*store_, reserve("orders", kAda, seq_ + 1, seq_))));
}

TEST_F(PostgresStoreTest, TablesOfAnotherStoreInTheirPlaceAreRefusedForGood) {
  begin("orders");
  server_.run("UPDATE " + table("nextid_store") + " SET identity = 'another'");
  const auto outcome = run(*store_, contract::Load{"orders", kAda});
  ASSERT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
  EXPECT_NE(std::get<Damaged>(outcome).why.find("its identity is another and was "),
            std::string::npos);
  EXPECT_TRUE(
      std::holds_alternative<Damaged>(run(*store_, reserve("orders", kAda, seq_ + 1, seq_))));
}

TEST_F(PostgresStoreTest, ACopyOnAnotherClusterIsRefusedUntilItIsRecovered) {
  begin("orders");
  store_.reset();
  server_.run("UPDATE " + table("nextid_store") + " SET system = '42'");
  auto settings = server_.settings(schema_);
  EXPECT_NE(why_not_open(settings).find("is a copy: it was used on the PostgreSQL cluster 42"),
            std::string::npos)
      << why_not_open(settings);
  ASSERT_TRUE(store::end_postgres_recovery(settings, 100));
  store_ = open();
  const auto made = found(run(*store_, contract::Define{"later", kAda, {}}));
  EXPECT_EQ(made.value, 100) << "a counter that the recovery did not know of";
  store_.reset();
  server_.run("UPDATE " + table("nextid_store") + " SET system = '42'");
  settings.accept_copy = true;
  EXPECT_EQ(why_not_open(settings), "");
  settings.accept_copy = false;
  EXPECT_EQ(why_not_open(settings), "");
}

TEST_F(PostgresStoreTest, TablesOfANewerFormatAreRefused) {
  store_.reset();
  server_.run("UPDATE " + table("nextid_store") + " SET format = 2");
  EXPECT_NE(why_not_open(server_.settings(schema_))
                .find("have the format 2, and this nextid knows none after 1"),
            std::string::npos);
}

TEST_F(PostgresStoreTest, NodesThatStartTogetherMakeTheTablesOnce) {
  store_.reset();
  server_.drop(schema_);
  server_.run("CREATE SCHEMA \"" + schema_ + "\"");
  std::atomic<int> made{0};
  std::vector<std::thread> nodes;
  for (int i = 0; i < 6; ++i) {
    nodes.emplace_back([&] {
      const auto store = store::PostgresStore::open(server_.settings(schema_), {}).value();
      made += store->opening().made ? 1 : 0;
    });
  }
  for (auto& node : nodes) node.join();
  EXPECT_EQ(made, 1);
}

TEST_F(PostgresStoreTest, IsNotMadeWhereItIsNotToBe) {
  store_.reset();
  server_.drop(schema_);
  server_.run("CREATE SCHEMA \"" + schema_ + "\"");
  auto settings = server_.settings(schema_);
  settings.create = false;
  EXPECT_NE(why_not_open(settings).find("there is no store in database"), std::string::npos);
  settings.create = true;
  settings.is_known = true;
  EXPECT_NE(why_not_open(settings).find("there is no store in database"), std::string::npos);
  EXPECT_TRUE(store::missing_store(server_.url(schema_), true));
}

TEST_F(PostgresStoreTest, NumbersThatNextidNeverWritesAreDamage) {
  begin("orders");
  for (const char* harm : {"value = -7", "floor = -1", "start = 0",
                           "slots = '{\"0000000000000ada\": "
                           "\"x\"}'"}) {
    server_.run("UPDATE " + table("nextid_counters") + " SET value = 5, floor = 0, start = 1");
    server_.run("UPDATE " + table("nextid_counters") + " SET " + harm);
    const auto outcome = run(*store_, contract::Load{"orders", kAda});
    EXPECT_TRUE(std::holds_alternative<Damaged>(outcome)) << harm << ": " << describe(outcome);
  }
}

TEST_F(PostgresStoreTest, OpsThatAreSentTwiceAtOnceAreAppliedOnce) {
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

TEST_F(PostgresStoreTest, AWarningLeavesACommitInDoubtThoughTheRoleAsksForNone) {
  begin("orders");
  make_trigger("RAISE WARNING 'about the commit'");
  for (const auto& store : {store_, open_without_warnings()}) {
    const auto outcome = run(*store, reserve("orders", kAda, seq_ + 1, seq_));
    EXPECT_TRUE(std::holds_alternative<InDoubt>(outcome)) << describe(outcome);
    ++seq_;  // It was committed.
  }
}

TEST_F(PostgresStoreTest, AnAnswerThatComesLateIsNotTakenForALaterOne) {
  using std::chrono::milliseconds;
  auto servers = store::PostgresServers::find(server_.settings(schema_)).value();
  const auto far = base::monotonic_now() + std::chrono::minutes(1);
  const auto connection = store::PostgresConnection::open(servers, far);
  const store::PostgresStatement late{"", "SELECT 'late' FROM pg_sleep(0.3)"};
  const store::PostgresStatement next{"", "SELECT 'next'"};
  constexpr auto kWhole = store::PostgresConnection::Part::kWhole;
  EXPECT_THROW(connection->run({{&late}}, kWhole, base::monotonic_now() + milliseconds(50)),
               store::PostgresFailure);
  try {
    const auto rows = connection->run({{&next}}, kWhole, far);
    ADD_FAILURE() << "the answer was: " << rows.front().text(0, 0);
  } catch (const store::PostgresFailure& failure) {
    EXPECT_EQ(failure.effect(), store::PostgresFailure::Effect::kNotApplied) << failure.what();
  }
}

TEST_F(PostgresStoreTest, ADamagedCounterLeavesTheAnswersOfTheOthersAsTheyAre) {
  begin("harmed");
  const contract::Seq harmed = seq_;
  begin("orders");
  server_.run("UPDATE " + table("nextid_counters") +
              " SET slots = '{\"0000000000000ada\": \"x\"}' WHERE name = 'harmed'");
  const auto outcomes = run_all(*store_, {reserve("harmed", kAda, now(), harmed),
                                          reserve("orders", kAda, seq_ + 2, seq_ + 1)});
  EXPECT_TRUE(std::holds_alternative<Damaged>(outcomes[0])) << describe(outcomes[0]);
  EXPECT_TRUE(std::holds_alternative<Refused>(outcomes[1])) << describe(outcomes[1]);
}

TEST_F(PostgresStoreTest, ARowThatTheServerCannotReadLeavesTheOthersAsTheyAre) {
  begin("harmed");
  const contract::Seq harmed = seq_;
  begin("orders");
  make_trigger(
      "IF NEW.name = 'harmed' THEN RAISE EXCEPTION 'a bad page' USING ERRCODE = 'XX001'; END IF");
  const auto outcomes = run_all(
      *store_, {reserve("harmed", kAda, now(), harmed), reserve("orders", kAda, seq_ + 1, seq_)});
  EXPECT_TRUE(std::holds_alternative<Damaged>(outcomes[0])) << describe(outcomes[0]);
  EXPECT_EQ(committed(outcomes[1]), 6);
}

TEST_F(PostgresStoreTest, AValueBelowTheFirstIdIsDamageForAReserveToo) {
  begin("orders");
  server_.run("UPDATE " + table("nextid_counters") + " SET value = -7");
  const auto outcome = run(*store_, reserve("orders", kAda, seq_ + 1, seq_));
  EXPECT_TRUE(std::holds_alternative<Damaged>(outcome)) << describe(outcome);
}

TEST_F(PostgresStoreTest, AStatementThatOtherColumnTypesMadeStaleIsPreparedAnew) {
  begin("orders");
  found(run(*store_, contract::Load{"orders", kAda}));
  server_.run("ALTER TABLE " + table("nextid_counters") +
              " ALTER COLUMN comment TYPE varchar(2000)");
  // Each connection may find it out once.
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const auto outcome = run(*store_, contract::Load{"orders", kAda});
    refused += std::holds_alternative<NotApplied>(outcome) ? 1 : 0;
  }
  EXPECT_LE(refused, 4);
  EXPECT_EQ(found(run(*store_, contract::Load{"orders", kAda})).value, 5);
}

TEST_F(PostgresStoreTest, WhatARepeatFoundIsReadInTheTransactionThatConfirmsIt) {
  begin("orders");
  PostgresOutsider outsider;
  outsider.run("BEGIN");
  outsider.run("SELECT 1 FROM " + table("nextid_store") + " FOR UPDATE");
  auto repeat = std::async(std::launch::async,
                           [&] { return run(*store_, reserve("orders", kAda, seq_, 0, 5)); });
  const auto waiting = [&] {
    return server_
        .run(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = '" +
            schema_ + "'")
        .front();
  };
  const auto deadline = base::monotonic_now() + std::chrono::seconds(30);
  while (waiting() == "0" && base::monotonic_now() < deadline) std::this_thread::yield();
  // As after a failover to a standby without it.
  outsider.run("UPDATE " + table("nextid_counters") + " SET value = 0, slots = '{}'");
  outsider.run("COMMIT");
  const auto outcome = repeat.get();
  EXPECT_TRUE(std::holds_alternative<NotApplied>(outcome)) << describe(outcome);
}

}  // namespace
}  // namespace nextid::test
