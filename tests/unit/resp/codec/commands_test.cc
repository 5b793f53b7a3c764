#include "resp/codec/commands.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::resp {
namespace {

class RespCommandsTest : public ::testing::Test {
 protected:
  Call call(std::vector<std::string_view> arguments, bool was_inline = false) {
    arguments_ = std::move(arguments);
    return route_of({arguments_, was_inline}, session_, 1'000).call;
  }
  Routed routed(std::vector<std::string_view> arguments) {
    arguments_ = std::move(arguments);
    return route_of({arguments_, false}, session_, 1'000);
  }
  std::string answer(std::vector<std::string_view> arguments) {
    const Call result = call(std::move(arguments));
    const auto* const given = std::get_if<Answer>(&result);
    return given == nullptr ? "no answer of its own" : given->bytes;
  }

  std::vector<std::string_view> arguments_;
  Session session_{.id = 7, .version = Version::kResp2, .client_name = {}};
};

bool is_error(std::string_view answer) { return answer.starts_with('-'); }

TEST_F(RespCommandsTest, IncrementsTakeOneIdOrSeveral) {
  for (const auto name : {"INCR", "incr", "InCr"}) {
    const auto result = call({name, "orders"});
    ASSERT_TRUE(std::holds_alternative<Increment>(result));
    EXPECT_EQ(std::get<Increment>(result).counter, "orders");
    EXPECT_EQ(std::get<Increment>(result).count, 1U);
  }
  EXPECT_EQ(std::get<Increment>(call({"INCRBY", "orders", "1000"})).count, 1'000U);
}

TEST_F(RespCommandsTest, CountsOutOfRangeAreRefused) {
  for (const auto count : {"0", "-1", "1001", "x", "", "1.5", "9223372036854775808", "+1", " 1"}) {
    EXPECT_TRUE(is_error(answer({"INCRBY", "orders", count}))) << count;
  }
  EXPECT_TRUE(is_error(answer({"INCR", "no name"})));
  EXPECT_TRUE(is_error(answer({"INCR", ""})));
}

TEST_F(RespCommandsTest, WhatWouldBreakAPromiseSaysWhatToUse) {
  for (const auto name : {"getset", "SETEX", "MSET", "APPEND"}) {
    EXPECT_NE(answer({name, "a", "1"}).find("advance"), std::string::npos) << name;
  }
  for (const auto name : {"DECR", "DECRBY", "DEL", "UNLINK", "EXPIRE", "FLUSHALL", "EVAL", "KEYS",
                          "RENAME", "INCRBYFLOAT", "WATCH", "PERSIST"}) {
    EXPECT_NE(answer({name, "a"}).find("is refused"), std::string::npos) << name;
  }
}

TEST_F(RespCommandsTest, UnknownOnesAreAnsweredOnOneLine) {
  const std::string bytes = answer({"FOO\r\n-ERR", "a"});
  EXPECT_TRUE(is_error(bytes));
  EXPECT_EQ(bytes.find('\r'), bytes.size() - 2);
  EXPECT_TRUE(is_error(answer({std::string(5'000, 'x')})));
  EXPECT_TRUE(is_error(answer({""})));
  EXPECT_TRUE(is_error(answer({" ", "a"})));
  EXPECT_TRUE(answer({"getdel getex", "a"}).starts_with("-ERR unknown command"));
  EXPECT_NE(answer({"icnr", "a"}).find("'icnr': did you mean INCR? ids come from"),
            std::string::npos);
  EXPECT_NE(answer({"xyzzy"}).find("'xyzzy': ids come from INCR and INCRBY; COMMAND LIST"),
            std::string::npos);
}

TEST_F(RespCommandsTest, WrongNumbersOfArgumentsAreRefused) {
  EXPECT_TRUE(is_error(answer({"INCR"})));
  EXPECT_TRUE(is_error(answer({"INCR", "a", "b"})));
  EXPECT_TRUE(is_error(answer({"MGET"})));
  std::vector<std::string_view> names(1 + service::kMostFound, "MGET");
  EXPECT_TRUE(std::holds_alternative<Lookup>(call(names)));
  names.push_back("a");
  EXPECT_TRUE(is_error(answer(names)));
  names[0] = "EXISTS";
  EXPECT_TRUE(is_error(answer(names)));
  EXPECT_TRUE(is_error(answer({"SCAN", "0", "COUNT"})));
}

TEST_F(RespCommandsTest, ScanTakesItsOptionsInAnyOrder) {
  const auto scan =
      std::get<Scan>(call({"SCAN", "17", "count", "5000", "TYPE", "string", "MATCH", "a*"}));
  EXPECT_EQ(scan.cursor, 17U);
  EXPECT_EQ(scan.count, kMaxScanCount);
  EXPECT_EQ(scan.pattern, "a*");
  EXPECT_TRUE(scan.strings);
  // Of a long pattern fewer names are looked at.
  const std::string longest(kMaxScanPattern, '*');
  EXPECT_EQ(std::get<Scan>(call({"SCAN", "0", "MATCH", longest, "COUNT", "1000"})).count, 32U);
  EXPECT_EQ(std::get<Scan>(call({"SCAN", "0", "COUNT", "3", "MATCH", longest})).count, 3U);
  EXPECT_TRUE(is_error(answer({"SCAN", "0", "MATCH", longest + "*"})));
  EXPECT_FALSE(std::get<Scan>(call({"SCAN", "0", "TYPE", "hash"})).strings);
  EXPECT_TRUE(is_error(answer({"SCAN", "-1"})));
  EXPECT_TRUE(is_error(answer({"SCAN", "0", "COUNT", "0"})));
}

TEST_F(RespCommandsTest, HelloChoosesVersionTokenAndName) {
  const auto hello =
      std::get<Greeting>(call({"HELLO", "3", "AUTH", "default", "secret", "SETNAME", "worker-1"}));
  EXPECT_TRUE(hello.hello);
  EXPECT_EQ(hello.version, Version::kResp3);
  EXPECT_EQ(hello.secret, "secret");
  EXPECT_EQ(hello.client_name, "worker-1");
  EXPECT_TRUE(answer({"HELLO", "4"}).starts_with("-NOPROTO "));
  EXPECT_TRUE(is_error(answer({"HELLO", "3", "AUTH", "default"})));
  EXPECT_TRUE(is_error(answer({"HELLO", "3", "SETNAME", "two words"})));
  EXPECT_EQ(std::get<Greeting>(call({"AUTH", "user", "pass"})).secret, "pass");
  EXPECT_EQ(std::get<Greeting>(call({"AUTH", "pass"})).secret, "pass");
  EXPECT_TRUE(is_error(answer({"AUTH", "user", "pass", "more"})));
}

TEST_F(RespCommandsTest, SomeCommandsNeedNoToken) {
  for (const auto name : {"AUTH", "hello", "Quit", "RESET"}) {
    EXPECT_EQ(routed({name}).needs.who, service::Needs::Who::kEveryone) << name;
  }
  for (const auto name : {"INCR", "PING", "INFO", "COMMAND", "CLIENT", "AUTHX", ""}) {
    EXPECT_NE(routed({name}).needs.who, service::Needs::Who::kEveryone) << name;
  }
}

TEST_F(RespCommandsTest, KeysAreWhatRightsAreAskedFor) {
  const auto keys = [this](std::vector<std::string_view> arguments) {
    const auto found = routed(std::move(arguments)).keys;
    return std::vector<std::string_view>(found.begin(), found.end());
  };
  using Keys = std::vector<std::string_view>;
  EXPECT_EQ(keys({"INCRBY", "a", "5"}), Keys{"a"});
  EXPECT_EQ(keys({"MGET", "a", "b", "c"}), (Keys{"a", "b", "c"}));
  EXPECT_EQ(keys({"TYPE", "a"}), Keys{"a"});
  EXPECT_EQ(keys({"DBSIZE"}), Keys());
}

TEST_F(RespCommandsTest, CountsCommandsByTheirNamesInAnyCase) {
  const auto counted = [this](std::vector<std::string_view> arguments) {
    return kLabels.routes[routed(std::move(arguments)).counted_as].name;
  };
  EXPECT_EQ(counted({"INCR", "a"}), "INCR");
  EXPECT_EQ(counted({"incrBy", "a", "x"}), "INCRBY");
  EXPECT_EQ(counted({"dbsize", "too", "many"}), "DBSIZE");
  EXPECT_EQ(counted({"CLIENT", "ID"}), "other");
  EXPECT_EQ(counted({"INC"}), "other");
  EXPECT_EQ(counted({"other"}), "other");
  EXPECT_EQ(counted({""}), "other");
}

TEST_F(RespCommandsTest, TheLabelsOfCommandsThatGiveIdsSaySo) {
  for (const auto& label : kLabels.routes) {
    EXPECT_EQ(label.gives_ids, label.name == "INCR" || label.name == "INCRBY") << label.name;
  }
}

TEST_F(RespCommandsTest, ThereIsOneDatabase) {
  EXPECT_EQ(answer({"SELECT", "0"}), "+OK\r\n");
  EXPECT_TRUE(is_error(answer({"SELECT", "1"})));
}

TEST_F(RespCommandsTest, PingAndEchoAnswerTheirArgument) {
  EXPECT_EQ(answer({"PING"}), "+PONG\r\n");
  EXPECT_EQ(answer({"PING", "a\r\nb"}), "$4\r\na\r\nb\r\n");
  EXPECT_EQ(answer({"ECHO", ""}), "$0\r\n\r\n");
}

TEST_F(RespCommandsTest, TheConnectionIsNamed) {
  EXPECT_EQ(answer({"CLIENT", "GETNAME"}), "$-1\r\n");
  EXPECT_EQ(std::get<Rename>(call({"CLIENT", "SETNAME", "worker"})).client_name, "worker");
  EXPECT_EQ(answer({"CLIENT", "GETNAME"}), "$-1\r\n") << "what is asked for is not done yet";
  session_.client_name = "worker";
  EXPECT_EQ(answer({"client", "getname"}), "$6\r\nworker\r\n");
  const std::string longest(kMaxClientName, 'x');
  EXPECT_EQ(std::get<Rename>(call({"CLIENT", "SETNAME", longest})).client_name, longest);
  EXPECT_TRUE(is_error(answer({"CLIENT", "SETNAME", longest + "x"})));
  EXPECT_TRUE(is_error(answer({"HELLO", "3", "SETNAME", longest + "x"})));
  EXPECT_EQ(answer({"CLIENT", "ID"}), ":7\r\n");
  EXPECT_EQ(answer({"CLIENT", "SETINFO", "LIB-NAME", "x"}), "+OK\r\n");
  EXPECT_EQ(answer({"CLIENT", "NO-EVICT", "on"}), "+OK\r\n");
  EXPECT_EQ(answer({"CLIENT", "NO-TOUCH", "on"}), "+OK\r\n");
  EXPECT_TRUE(is_error(answer({"CLIENT", "SETNAME", "two words"})));
  EXPECT_TRUE(is_error(answer({"CLIENT", "SETINFO", "LIB-NAME"})));
  EXPECT_TRUE(is_error(answer({"CLIENT", "KILL", "x"})));
}

TEST_F(RespCommandsTest, ClientInfoTellsTheVersion) {
  session_.client_name = "worker";
  EXPECT_EQ(answer({"CLIENT", "INFO"}), "$29\r\nid=7 name=worker db=0 resp=2\n\r\n");
  session_.version = Version::kResp3;
  EXPECT_EQ(answer({"CLIENT", "INFO"}), "=33\r\ntxt:id=7 name=worker db=0 resp=3\n\r\n");
}

TEST_F(RespCommandsTest, NullsAndMapsAreOfTheVersion) {
  session_.version = Version::kResp3;
  EXPECT_EQ(answer({"CLIENT", "GETNAME"}), "_\r\n");
  EXPECT_EQ(answer({"CONFIG", "GET", "save"}), "%1\r\n$4\r\nsave\r\n$0\r\n\r\n");
  session_.version = Version::kResp2;
  EXPECT_EQ(answer({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
  EXPECT_TRUE(is_error(answer({"CONFIG", "SET", "save", ""})));
}

TEST_F(RespCommandsTest, ConfigHasWhatClientsAskFor) {
  EXPECT_EQ(answer({"CONFIG", "GET", "*"}),
            "*10\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n$9\r\ndatabases\r\n$1\r\n1\r\n"
            "$9\r\nmaxmemory\r\n$1\r\n0\r\n$4\r\nsave\r\n$0\r\n\r\n"
            "$7\r\ntimeout\r\n$1\r\n0\r\n");
  EXPECT_EQ(answer({"CONFIG", "GET", "port"}), "*0\r\n");
  EXPECT_TRUE(is_error(answer({"CONFIG", "GET"})));
}

TEST_F(RespCommandsTest, HttpIsTold) {
  EXPECT_TRUE(std::holds_alternative<SpokeHttp>(call({"GET", "/next", "HTTP/1.1"}, true)));
  EXPECT_TRUE(std::holds_alternative<SpokeHttp>(call({"POST", "/next"}, true)));
  EXPECT_TRUE(std::holds_alternative<SpokeHttp>(call({"Host:", "localhost:6380"}, true)));
  EXPECT_TRUE(std::holds_alternative<Lookup>(call({"GET", "orders"}, true)));
  EXPECT_TRUE(std::holds_alternative<Lookup>(call({"MGET", "a", "HTTP/1.1"})))
      << "an array is what a Redis client sends";
}

TEST_F(RespCommandsTest, CommandDescribesWhatIsServed) {
  const std::string count = answer({"COMMAND", "COUNT"});
  const std::string list = answer({"COMMAND", "LIST"});
  EXPECT_EQ("*" + count.substr(1), list.substr(0, list.find('\n') + 1));
  EXPECT_EQ(answer({"COMMAND", "INFO", "nosuch"}), "*1\r\n$-1\r\n");
  EXPECT_NE(answer({"COMMAND", "DOCS", "incr"}).find("next id"), std::string::npos);
  EXPECT_EQ(answer({"COMMAND"}), answer({"COMMAND", "INFO"}));
}

TEST_F(RespCommandsTest, CommandInfoTellsWhereTheKeysAre) {
  const std::string rest = "*0\r\n*0\r\n*0\r\n*0\r\n";
  EXPECT_EQ(answer({"COMMAND", "INFO", "incr", "mget", "ping"}),
            "*3\r\n"
            "*10\r\n$4\r\nincr\r\n:2\r\n*2\r\n+write\r\n+fast\r\n:1\r\n:1\r\n:1\r\n" +
                rest + "*10\r\n$4\r\nmget\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:-1\r\n:1\r\n" + rest +
                "*10\r\n$4\r\nping\r\n:-1\r\n*1\r\n+fast\r\n:0\r\n:0\r\n:0\r\n" + rest);
}

TEST_F(RespCommandsTest, CommandDocsAreMapsOfWhatIsKnown) {
  const std::string incr =
      "$7\r\nsummary\r\n$22\r\nThe counter's next id.\r\n$5\r\nsince\r\n$5\r\n1.0.0\r\n"
      "$5\r\ngroup\r\n$6\r\nstring\r\n$9\r\narguments\r\n*1\r\n";
  const std::string key = "$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n";
  EXPECT_EQ(answer({"COMMAND", "DOCS", "nosuch", "incr"}),
            "*2\r\n$4\r\nincr\r\n*8\r\n" + incr + "*4\r\n" + key);
  session_.version = Version::kResp3;
  EXPECT_EQ(answer({"COMMAND", "DOCS", "nosuch", "incr"}),
            "%1\r\n$4\r\nincr\r\n%4\r\n" + incr + "%2\r\n" + key);
}

// --- What clients send by themselves

TEST_F(RespCommandsTest, ACounterIsMadeByTheValueZeroAlone) {
  for (const auto& arguments : {std::vector<std::string_view>{"SETNX", "a", "0"},
                                std::vector<std::string_view>{"set", "a", "0", "nx"}}) {
    const Call made = call(arguments);
    ASSERT_TRUE(std::holds_alternative<Make>(made)) << arguments[0];
    EXPECT_EQ(std::get<Make>(made).call.counter, "a");
    EXPECT_EQ(std::get<Make>(made).as_number, arguments[0] == "SETNX");
    EXPECT_EQ(routed(arguments).needs.right, auth::Right::kDefine);
  }
  EXPECT_TRUE(is_error(answer({"SETNX", "a", "1"})));
  EXPECT_TRUE(is_error(answer({"SETNX", "no name", "0"})));
  for (const auto& arguments : {std::vector<std::string_view>{"SET", "a", "0"},
                                {"SET", "a", "5", "NX"},
                                {"SET", "a", "0", "XX"},
                                {"SET", "a", "0", "NX", "EX"}}) {
    EXPECT_TRUE(is_error(answer(arguments))) << arguments.size();
  }
}

TEST_F(RespCommandsTest, TrackingIsAcceptedWhereNothingIsTracked) {
  EXPECT_EQ(answer({"CLIENT", "TRACKING", "ON", "OPTIN"}), "+OK\r\n");
  EXPECT_EQ(answer({"client", "tracking", "on", "NOLOOP", "optin"}), "+OK\r\n");
  EXPECT_EQ(answer({"CLIENT", "TRACKING", "OFF"}), "+OK\r\n");
  EXPECT_TRUE(is_error(answer({"CLIENT", "TRACKING", "ON"})));
  EXPECT_TRUE(is_error(answer({"CLIENT", "TRACKING", "ON", "BCAST", "OPTIN"})));
  EXPECT_TRUE(is_error(answer({"CLIENT", "CACHING", "YES"})));
}

TEST_F(RespCommandsTest, CommandFindsKeysAndNames) {
  EXPECT_EQ(answer({"COMMAND", "GETKEYS", "mget", "a", "b"}), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_TRUE(is_error(answer({"COMMAND", "GETKEYS", "PING"})));
  EXPECT_TRUE(is_error(answer({"COMMAND", "GETKEYS", "INCR"})));
  EXPECT_TRUE(is_error(answer({"COMMAND", "GETKEYS"})));
  EXPECT_EQ(answer({"COMMAND", "LIST", "FILTERBY", "PATTERN", "incr*"}),
            "*2\r\n$4\r\nincr\r\n$6\r\nincrby\r\n");
  EXPECT_EQ(answer({"COMMAND", "LIST", "FILTERBY", "MODULE", "json"}), "*0\r\n");
  EXPECT_TRUE(is_error(answer({"COMMAND", "LIST", "incr"})));
}

TEST_F(RespCommandsTest, CommandDocsHaveTheArguments) {
  EXPECT_EQ(answer({"COMMAND", "DOCS", "MGET"}),
            "*2\r\n$4\r\nmget\r\n*8\r\n$7\r\nsummary\r\n$39\r\nThe values of several counters, as "
            "GET.\r\n$5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$6\r\nstring\r\n$"
            "9\r\narguments\r\n*1\r\n"
            "*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$5\r\nflags\r\n*1\r\n+"
            "multiple\r\n");
  EXPECT_NE(answer({"COMMAND", "DOCS", "SCAN"}).find("$5\r\ntoken\r\n$5\r\nMATCH\r\n"),
            std::string::npos);
}

TEST_F(RespCommandsTest, TellsTheTimeAndItsRole) {
  EXPECT_TRUE(answer({"TIME"}).starts_with("*2\r\n$10\r\n"));
  EXPECT_EQ(answer({"ROLE"}), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  EXPECT_EQ(answer({"CLIENT", "LIST"}), answer({"CLIENT", "INFO"}));
  EXPECT_TRUE(is_error(answer({"PING", "a", "b"})));
}

}  // namespace
}  // namespace nextid::resp
