// What Redis clients of a running server see.
#include <chrono>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "nextid/version.h"

#include "auth/tokens.h"
#include "unit/server/server_fixture.h"

namespace nextid::testing {
namespace {

using std::chrono::milliseconds;

class RespServerTest : public ServerTest {
 protected:
  HttpClient connect_resp() { return HttpClient(server_->port("resp")); }

  /// Callers need the token "secret", which is for the counters a*.
  void require_token() {
    config_.tokens = directory_.path() / "tokens";
    std::ofstream(config_.tokens) << auth::token_line("worker", "secret", "allocate", {"a*"})
                                  << "\n";
  }
};

/// Sends commands, as lines, and compares what comes.
void expect(HttpClient& client, std::string_view commands, const std::string& answers) {
  ASSERT_TRUE(client.send(commands)) << commands;
  EXPECT_EQ(client.read_bytes(answers.size()), answers) << commands;
}

/// For errors, whose sentences are for people: only that it is one, with this first word.
void expect_error(HttpClient& client, std::string_view command, std::string_view word) {
  ASSERT_TRUE(client.send(command)) << command;
  const std::string line = client.read_line();
  EXPECT_TRUE(line.starts_with("-" + std::string(word) + " ")) << command << line;
}

/// All until the server ends the connection, which it must.
std::string rest_of(HttpClient& client) {
  std::string bytes = client.read_bytes(std::numeric_limits<std::size_t>::max());
  EXPECT_TRUE(client.reads_end());
  return bytes;
}

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// The answer to a HELLO, without its head.
std::string greeting(int version, int id) {
  return bulk("server") + bulk("nextid") + bulk("version") + bulk(kVersion) + bulk("proto") + ":" +
         std::to_string(version) + "\r\n" + bulk("id") + ":" + std::to_string(id) + "\r\n" +
         bulk("mode") + bulk("standalone") + bulk("role") + bulk("master") + bulk("modules") +
         "*0\r\n";
}

TEST_F(RespServerTest, HelloTellsVersionAndNumber) {
  start();
  auto first = connect_resp();
  expect(first, "HELLO\r\n", "*14\r\n" + greeting(2, 1));
  expect(first, "HELLO 3\r\n", "%7\r\n" + greeting(3, 1));
  expect(first, "HELLO\r\n", "%7\r\n" + greeting(3, 1));
  auto second = connect_resp();
  expect(second, "HELLO 2\r\n", "*14\r\n" + greeting(2, 2));
  expect(second, "CLIENT ID\r\n", ":2\r\n");
}

TEST_F(RespServerTest, ResetMakesTheConnectionAsNew) {
  start();
  auto client = connect_resp();
  expect(client, "HELLO 3 SETNAME worker\r\n", "%7\r\n" + greeting(3, 1));
  expect(client, "CLIENT GETNAME\r\n", bulk("worker"));
  expect(client, "GET none\r\n", "_\r\n");
  expect(client, "RESET\r\nCLIENT GETNAME\r\n", "+RESET\r\n$-1\r\n");
}

TEST_F(RespServerTest, LooksCountersUp) {
  start();
  auto client = connect_resp();
  expect(client, "INCRBY a 41\r\nINCR a\r\n", ":41\r\n:42\r\n");
  expect(client, "GET a\r\nGET none\r\n", "$2\r\n42\r\n$-1\r\n");
  expect(client, "MGET a none a\r\n", "*3\r\n$2\r\n42\r\n$-1\r\n$2\r\n42\r\n");
  expect(client, "EXISTS a a none\r\n", ":2\r\n");
  expect(client, "TYPE a\r\nTYPE none\r\n", "+string\r\n+none\r\n");
  expect(client, "GET /no/name\r\nEXISTS 'no name'\r\n", "$-1\r\n:0\r\n");
  expect(client, "DBSIZE\r\n", ":1\r\n");
}

TEST_F(RespServerTest, ScansInPages) {
  start();
  auto client = connect_resp();
  expect(client, "INCR a1\r\nINCR a2\r\nINCR b1\r\n", ":1\r\n:1\r\n:1\r\n");
  expect(client, "SCAN 0 COUNT 2 MATCH *1\r\n", "*2\r\n$1\r\n1\r\n*1\r\n" + bulk("a1"));
  expect(client, "SCAN 1 COUNT 2 MATCH *1\r\n", "*2\r\n$1\r\n0\r\n*1\r\n" + bulk("b1"));
  expect(client, "SCAN 0 COUNT 2\r\n", "*2\r\n$1\r\n2\r\n*2\r\n" + bulk("a1") + bulk("a2"));
  expect(client, "SCAN 2 COUNT 2\r\n", "*2\r\n$1\r\n0\r\n*1\r\n" + bulk("b1"));
  expect(client, "DBSIZE\r\n", ":3\r\n");
  expect(client, "SCAN 0 TYPE hash\r\n", "*2\r\n$1\r\n0\r\n*0\r\n");
  expect_error(client, "SCAN 3\r\n", "ERR");
}

TEST_F(RespServerTest, AnswersInTheOrderOfTheCommands) {
  start();
  auto client = connect_resp();
  std::string commands;
  std::string answers;
  for (int i = 1; i < 200; i += 2) {
    commands += "INCR a\r\nPING\r\nGET a\r\nINCR a\r\nDBSIZE\r\nSELECT 0\r\n";
    answers += ":" + std::to_string(i) + "\r\n+PONG\r\n" + bulk(std::to_string(i)) + ":" +
               std::to_string(i + 1) + "\r\n:1\r\n+OK\r\n";
  }
  expect(client, commands, answers);
}

TEST_F(RespServerTest, AReservedIdDoesNotOvertakeARange) {
  config_.store_options.default_cache = 1'000;
  start();
  auto client = connect_resp();
  expect(client, "INCR a\r\n", ":1\r\n");
  client.send("INCRBY a 100\r\nINCR a\r\nQUIT\r\n");
  const std::string answers = rest_of(client);
  ASSERT_TRUE(answers.starts_with(':')) << answers;
  const auto end = std::stoull(answers.substr(1));
  EXPECT_GT(end, 100U);
  EXPECT_EQ(answers, ":" + std::to_string(end) + "\r\n:" + std::to_string(end + 1) + "\r\n+OK\r\n");
}

// The bound on unanswered commands is below that of the counter, so nobody is refused.
TEST_F(RespServerTest, APipelineWaitsAtItsBound) {
  config_.store_options.max_waiting_requests = 1'100;
  start();
  auto client = connect_resp();
  std::string commands;
  std::string answers;
  for (int i = 1; i <= 10'000; ++i) {
    commands += "INCR a\r\n";
    answers += ":" + std::to_string(i) + "\r\n";
  }
  expect(client, commands, answers);
}

TEST_F(RespServerTest, QuitEndsTheConnectionAfterItsAnswers) {
  start();
  {
    auto client = connect_resp();
    client.send("INCR a\r\nQUIT\r\nINCR a\r\n");
    EXPECT_EQ(rest_of(client), ":1\r\n+OK\r\n");
  }
  stop();
  EXPECT_EQ(stored_value("a"), 1U);
}

TEST_F(RespServerTest, InfoTellsOfThisServer) {
  start();
  auto client = connect_resp();
  expect(client, "INCR a\r\n", ":1\r\n");
  client.send("INFO\r\nQUIT\r\n");
  const std::string answers = rest_of(client);
  for (const std::string& line :
       {"\r\ntcp_port:" + std::to_string(server_->port("resp")) + "\r\n",
        std::string("\r\nids_returned:1\r\n"), std::string("\r\nconnected_clients:1\r\n")}) {
    EXPECT_NE(answers.find(line), std::string::npos) << line << answers;
  }
}

TEST_F(RespServerTest, CachedIdsAreCountedAsTheOthers) {
  config_.store_options.default_cache = 1'000;
  start();
  auto client = connect_resp();
  for (int i = 1; i <= 3; ++i) expect(client, "INCR a\r\n", ":" + std::to_string(i) + "\r\n");
  const std::string metrics = connect().call(get("/metrics")).body;
  for (const auto* line :
       {"nextid_requests_total{protocol=\"resp\",route=\"INCR\",result=\"ok\"} 3\n",
        "nextid_allocation_duration_seconds_count{protocol=\"resp\"} 3\n"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
  }
}

TEST_F(RespServerTest, HttpGetsNoAnswer) {
  start();
  auto client = connect_resp();
  client.send("POST /next HTTP/1.1\r\nHost: localhost\r\n\r\nINCR a\r\n");
  EXPECT_EQ(rest_of(client), "");
  stop();
  EXPECT_EQ(stored_value("a"), 0U);
}

// --- Tokens

TEST_F(RespServerTest, WithoutATokenLittleIsServed) {
  require_token();
  start();
  auto client = connect_resp();
  for (const auto* command :
       {"INCR a\r\n", "PING\r\n", "GET a\r\n", "INFO\r\n", "NO such\r\n", "HELLO 3\r\n"}) {
    expect_error(client, command, "NOAUTH");
  }
  expect_error(client, "AUTH wrong\r\n", "WRONGPASS");
  expect_error(client, "HELLO 3 AUTH default wrong\r\n", "WRONGPASS");
  expect_error(client, "INCR a\r\n", "NOAUTH");
  expect(client, "RESET\r\nQUIT\r\n", "+RESET\r\n+OK\r\n");
  EXPECT_TRUE(client.reads_end());
}

TEST_F(RespServerTest, ATokenIsGoodForItsRightsUntilReset) {
  require_token();
  start();
  auto client = connect_resp();
  expect(client, "AUTH secret\r\nINCR a\r\n", "+OK\r\n:1\r\n");
  expect_error(client, "INCR b\r\n", "NOPERM");
  expect_error(client, "GET a\r\n", "NOPERM");
  expect_error(client, "SCAN 0\r\n", "NOPERM");
  expect_error(client, "DBSIZE\r\n", "NOPERM");
  // What is harmless is for everyone with a token; where ids went is not.
  expect(client, "INFO Persistence\r\n", bulk("# Persistence\r\nloading:0\r\n"));
  ASSERT_TRUE(client.send("INFO stats\r\n"));
  const std::string stats = client.read_bytes(std::stoul(client.read_line().substr(1)) + 2);
  EXPECT_NE(stats.find("total_commands_processed:"), std::string::npos) << stats;
  EXPECT_EQ(stats.find("ids_"), std::string::npos) << stats;
  expect(client, "RESET\r\n", "+RESET\r\n");
  expect_error(client, "INCR a\r\n", "NOAUTH");
  expect(client, "HELLO 3 AUTH anyone secret\r\n", "%7\r\n" + greeting(3, 1));
  expect(client, "INCR a\r\n", ":2\r\n");
  std::ofstream(config_.tokens) << auth::token_line("worker", "other", "allocate", {"*"}) << "\n";
  server_->reload();
  expect_error(client, "INCR a\r\n", "NOAUTH");
}

TEST_F(RespServerTest, APasswordForAServerWithoutTokensIsTold) {
  start();
  auto client = connect_resp();
  expect_error(client, "AUTH secret\r\n", "ERR");
  expect_error(client, "HELLO 3 AUTH default secret\r\n", "ERR");
  expect(client, "INCR a\r\n", ":1\r\n");
}

// --- Limits

TEST_F(RespServerTest, RefusesACommandThatArrivesTooSlowly) {
  config_.clients.header_timeout = milliseconds(50);
  start();
  auto client = connect_resp();
  client.send("PING\r\n*1\r\n$4\r\nPI");
  EXPECT_EQ(rest_of(client), "+PONG\r\n-ERR The command did not arrive whole within 50 ms.\r\n");
}

TEST_F(RespServerTest, IdleClientsAreKept) {
  config_.clients.idle_timeout = milliseconds(50);
  start();
  auto client = connect_resp();
  expect(client, "PING\r\n", "+PONG\r\n");
  EXPECT_TRUE(connect().reads_end()) << "HTTP's are not, and this one came later";
  expect(client, "PING\r\n", "+PONG\r\n");
}

TEST_F(RespServerTest, TellsClientsOverTheLimit) {
  config_.clients.max_connections = 1;
  start();
  auto client = connect_resp();
  expect(client, "PING\r\n", "+PONG\r\n");
  auto refused = connect_resp();
  EXPECT_EQ(rest_of(refused),
            "-ERR The server has its limit of 1 connections; try again soon, or elsewhere.\r\n");
}

TEST_F(RespServerTest, AnErrorInTheProtocolIsTheLastAnswer) {
  start();
  auto client = connect_resp();
  client.send("INCR a\r\n*x\r\nINCR a\r\n");
  EXPECT_EQ(rest_of(client),
            ":1\r\n-ERR Protocol error: the length after a '*' is no whole number.\r\n");
}

// Far less than what the client sends fits into the system's buffers, and little into the server's.
TEST_F(RespServerTest, AClientThatDoesNotReadIsNotReadFrom) {
  start();
  auto client = connect_resp();
  client.shrink_receive_buffer();
  client.set_send_limit(milliseconds(500));
  const std::string text(64'000, 'x');
  std::string commands;
  for (int i = 0; i < 1'000; ++i) commands += "*2\r\n" + bulk("ECHO") + bulk(text);
  EXPECT_FALSE(client.send(commands));
  auto other = connect_resp();
  expect(other, "PING\r\n", "+PONG\r\n");
}

TEST_F(RespServerTest, ARangeThatNobodyReadsIsBurnedWhole) {
  config_.clients.write_timeout = milliseconds(100);
  start();
  auto client = connect_resp();
  client.shrink_receive_buffer();
  std::string commands;
  for (int i = 0; i < 1'000; ++i) commands += "INCRBY a 1000\r\n";
  EXPECT_TRUE(eventually([&] { return !client.send(commands); }));
  const auto accounting = stop();
  EXPECT_GT(accounting.burned_by(BurnReason::kDisconnect), 0U);
  EXPECT_EQ(accounting.burned_by(BurnReason::kDisconnect) % 1'000, 0U);
  EXPECT_EQ(accounting.returned + accounting.burned_total(), stored_value("a"));
}

TEST_F(RespServerTest, AccountsForClientsThatVanish) {
  config_.threads = 2;
  start();
  for (int i = 0; i < 200; ++i) {
    auto client = connect_resp();
    client.send("INCR a\r\nINCRBY b 5\r\nINCR a\r\n");
    if (i % 2 == 0) client.read_line();
    client.reset();
  }
  auto client = connect_resp();
  client.send("INCR a\r\n");
  const auto last = std::stoull(client.read_line().substr(1));
  const auto accounting = stop();
  EXPECT_GE(stored_value("a"), last);
  EXPECT_EQ(accounting.returned + accounting.burned_total(), stored_value("a") + stored_value("b"));
}

// --- Transactions

TEST_F(RespServerTest, ATransactionRunsInOrderWhenExecComes) {
  start();
  auto client = connect_resp();
  expect(client, "MULTI\r\nINCR a\r\nGET a\r\nINCRBY a 5\r\nGET a\r\nPING\r\n",
         "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  auto other = connect_resp();
  expect(other, "INCR a\r\n", ":1\r\n");  // Nothing was taken yet.
  expect(client, "EXEC\r\nINCR a\r\n",
         "*5\r\n:2\r\n" + bulk("2") + ":7\r\n" + bulk("7") + "+PONG\r\n:8\r\n");
  expect(client, "MULTI\r\nEXEC\r\nMULTI\r\nINCR a\r\nEXEC\r\n",
         "+OK\r\n*0\r\n+OK\r\n+QUEUED\r\n*1\r\n:9\r\n");
}

TEST_F(RespServerTest, AWrongCommandSpoilsATransactionAndTakesNoId) {
  start();
  for (const auto* wrong : {"NOSUCH a", "INCR", "INCRBY a 0", "DECR a", "WATCH a"}) {
    auto client = connect_resp();
    expect(client, "MULTI\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n");
    expect_error(client, std::string(wrong) + "\r\n", "ERR");
    expect(client, "INCR a\r\n", "+QUEUED\r\n");
    expect_error(client, "EXEC\r\n", "EXECABORT");
    expect_error(client, "EXEC\r\n", "ERR");
  }
  auto client = connect_resp();
  expect(client, "INCR a\r\n", ":1\r\n");
}

TEST_F(RespServerTest, ATransactionCanBeGivenUp) {
  start();
  auto client = connect_resp();
  expect(client, "MULTI\r\nINCR a\r\nDISCARD\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n+OK\r\n:1\r\n");
  expect(client, "MULTI\r\nINCR a\r\nRESET\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n+RESET\r\n:2\r\n");
  expect_error(client, "DISCARD\r\n", "ERR");
  expect(client, "MULTI\r\n", "+OK\r\n");
  expect_error(client, "MULTI\r\n", "ERR");
  expect(client, "INCR a\r\nEXEC\r\n", "+QUEUED\r\n*1\r\n:3\r\n");
  expect(client, "MULTI\r\nINCR a\r\nQUIT\r\n", "+OK\r\n+QUEUED\r\n+OK\r\n");
  EXPECT_TRUE(client.reads_end());
  auto other = connect_resp();
  expect(other, "INCR a\r\n", ":4\r\n");
}

TEST_F(RespServerTest, ATransactionLongerThanTheQueueOfAnswersRunsWhole) {
  start();
  auto client = connect_resp();
  constexpr int kCommands = 3000;
  std::string commands = "MULTI\r\n";
  std::string answers = "+OK\r\n";
  for (int i = 1; i <= kCommands; ++i) {
    commands += i % 1000 == 0 ? "GET a\r\n" : "INCR a\r\n";  // Calls of the store hold up the rest.
    answers += "+QUEUED\r\n";
  }
  answers += "*" + std::to_string(kCommands) + "\r\n";
  int last = 0;
  for (int i = 1; i <= kCommands; ++i) {
    answers += i % 1000 == 0 ? bulk(std::to_string(last)) : ":" + std::to_string(++last) + "\r\n";
  }
  expect(client, commands + "EXEC\r\nPING\r\n", answers + "+PONG\r\n");
}

TEST_F(RespServerTest, ATransactionThatIsTooLongIsRefused) {
  start();
  auto client = connect_resp();
  const std::string echo = "ECHO " + std::string(60'000, 'x') + "\r\n";
  expect(client, "MULTI\r\n", "+OK\r\n");
  for (int i = 0; i < 17; ++i) expect(client, echo, "+QUEUED\r\n");
  expect_error(client, echo, "ERR");
  expect_error(client, "EXEC\r\n", "EXECABORT");
  expect(client, "PING\r\n", "+PONG\r\n");
}

TEST_F(RespServerTest, EmptyArgumentsOfATransactionTakeRoomToo) {
  start();
  auto client = connect_resp();
  std::string command = "*1001\r\n$4\r\nINFO\r\n";
  for (int i = 0; i < 1000; ++i) command += "$0\r\n\r\n";
  expect(client, "MULTI\r\n", "+OK\r\n");
  bool refused = false;
  for (int i = 0; i < 300 && !refused; ++i) {  // 4 KB each.
    ASSERT_TRUE(client.send(command));
    refused = client.read_line().starts_with("-ERR A transaction has at most");
  }
  EXPECT_TRUE(refused);
  expect(client, "INCR a\r\n", "+QUEUED\r\n");
  expect_error(client, "EXEC\r\n", "EXECABORT");
  expect(client, "INCR a\r\n", ":1\r\n");
}

TEST_F(RespServerTest, QueuedCommandsNeedTheirRights) {
  require_token();
  start();
  auto client = connect_resp();
  expect(client, "AUTH secret\r\nMULTI\r\nINCR a1\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
  expect_error(client, "INCR b\r\n", "NOPERM");
  expect_error(client, "EXEC\r\n", "EXECABORT");
  expect(client, "MULTI\r\nINCR a1\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

}  // namespace
}  // namespace nextid::testing
