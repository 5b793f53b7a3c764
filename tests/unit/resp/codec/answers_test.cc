#include "resp/codec/answers.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::resp {
namespace {

CounterInfo counter(const std::string& name, std::optional<std::uint64_t> value) {
  CounterInfo info;
  info.name = name;
  info.value = value;
  return info;
}

using Found = std::vector<Result<CounterInfo>>;

class LookupAnswerTest : public ::testing::Test {
 protected:
  Found found_{counter("a", 7), counter("new", std::nullopt),
               Error(ErrorCode::kNotFound, "there is no such counter.")};
};

TEST_F(LookupAnswerTest, IsTheValueOrNull) {
  EXPECT_EQ(
      answer_to(Lookup{.kind = Lookup::Kind::kGet, .call = {}}, Found{found_[0]}, Version::kResp2),
      "$1\r\n7\r\n");
  EXPECT_EQ(
      answer_to(Lookup{.kind = Lookup::Kind::kGet, .call = {}}, Found{found_[1]}, Version::kResp2),
      "$-1\r\n");
  EXPECT_EQ(
      answer_to(Lookup{.kind = Lookup::Kind::kGet, .call = {}}, Found{found_[2]}, Version::kResp3),
      "_\r\n");
  EXPECT_EQ(answer_to(Lookup{.kind = Lookup::Kind::kMGet, .call = {}}, found_, Version::kResp2),
            "*3\r\n$1\r\n7\r\n$-1\r\n$-1\r\n");
}

TEST_F(LookupAnswerTest, CountsAndTypesWhatExists) {
  EXPECT_EQ(answer_to(Lookup{.kind = Lookup::Kind::kExists, .call = {}}, found_, Version::kResp2),
            ":2\r\n");
  EXPECT_EQ(
      answer_to(Lookup{.kind = Lookup::Kind::kType, .call = {}}, Found{found_[0]}, Version::kResp2),
      "+string\r\n");
  EXPECT_EQ(
      answer_to(Lookup{.kind = Lookup::Kind::kType, .call = {}}, Found{found_[2]}, Version::kResp2),
      "+none\r\n");
}

TEST_F(LookupAnswerTest, IsTheErrorWhereTheStoreDoesNotAnswer) {
  found_.push_back(Error(ErrorCode::kUnavailable, "The store is away."));
  for (const auto kind : {Lookup::Kind::kGet, Lookup::Kind::kMGet, Lookup::Kind::kExists}) {
    EXPECT_EQ(answer_to(Lookup{.kind = kind, .call = {}}, found_, Version::kResp2),
              "-UNAVAILABLE The store is away.\r\n");
  }
}

TEST_F(LookupAnswerTest, TellsThatCountersDoNotExpire) {
  const Lookup ttl{.kind = Lookup::Kind::kTimeToLive, .call = {}};
  EXPECT_EQ(answer_to(ttl, Found{found_[1]}, Version::kResp2), ":-1\r\n");
  EXPECT_EQ(answer_to(ttl, Found{found_[2]}, Version::kResp2), ":-2\r\n");
}

TEST(MakeAnswer, TellsWhetherTheCounterWasMade) {
  const Make set{.call = {}, .as_number = false};
  const Make setnx{.call = {}, .as_number = true};
  const DefinedCounter made{counter("a", std::nullopt), true};
  const DefinedCounter known{counter("a", 7), false};
  EXPECT_EQ(answer_to(set, made, Version::kResp2), "+OK\r\n");
  EXPECT_EQ(answer_to(set, known, Version::kResp2), "$-1\r\n");
  EXPECT_EQ(answer_to(set, known, Version::kResp3), "_\r\n");
  EXPECT_EQ(answer_to(setnx, made, Version::kResp2), ":1\r\n");
  EXPECT_EQ(answer_to(setnx, known, Version::kResp2), ":0\r\n");
  const Error there(ErrorCode::kPrecondition, "It is there.");
  EXPECT_EQ(answer_to(set, there, Version::kResp2), "$-1\r\n");
  EXPECT_EQ(answer_to(setnx, there, Version::kResp2), ":0\r\n");
  EXPECT_EQ(answer_to(set, Error(ErrorCode::kDeadline, "Too late."), Version::kResp2),
            "-DEADLINE Too late.\r\n");
}

TEST(ScanAnswer, HasTheCursorAndTheNamesThatFit) {
  const CounterPage page{.counters = {counter("a1", 1), counter("b", 1), counter("a2", 1)},
                         .more = true};
  EXPECT_EQ(scan_answer({}, page, 9), "*2\r\n$1\r\n9\r\n*3\r\n$2\r\na1\r\n$1\r\nb\r\n$2\r\na2\r\n");
  EXPECT_EQ(scan_answer({.pattern = "a*"}, page, 0),
            "*2\r\n$1\r\n0\r\n*2\r\n$2\r\na1\r\n$2\r\na2\r\n");
  EXPECT_EQ(scan_answer({.pattern = "", .strings = false}, page, 0), "*2\r\n$1\r\n0\r\n*0\r\n");
}

TEST(DeleteAnswer, IsTheValueAtWhichItStopped) {
  EXPECT_EQ(answer_to(Delete{}, counter("a", 7), Version::kResp2), ":7\r\n");
  EXPECT_EQ(answer_to(Delete{}, counter("a", std::nullopt), Version::kResp3), ":0\r\n");
  EXPECT_EQ(answer_to(Delete{}, Error(ErrorCode::kNotFound, "None."), Version::kResp2),
            "-NOTFOUND None.\r\n");
}

TEST(LookupAnswer, ADeletedCounterIsOneThatThereIsNot) {
  const service::FindCounters::Answer found{Error(ErrorCode::kDeleted, "It was deleted.")};
  const auto answer = [&](Lookup::Kind kind) {
    return answer_to(Lookup{.kind = kind, .call = {}}, found, Version::kResp2);
  };
  EXPECT_EQ(answer(Lookup::Kind::kGet), "$-1\r\n");
  EXPECT_EQ(answer(Lookup::Kind::kExists), ":0\r\n");
}

TEST(CountAnswer, IsANumberOrTheError) {
  EXPECT_EQ(answer_to(CountCounters{}, 5, Version::kResp2), ":5\r\n");
  EXPECT_EQ(answer_to(CountCounters{}, Error(ErrorCode::kDeadline, "Too late."), Version::kResp2),
            "-DEADLINE Too late.\r\n");
}

TEST(Greeting, IsAMapInResp3) {
  Session session{.id = 7, .version = Version::kResp3, .client_name = {}};
  EXPECT_TRUE(greeting(session).starts_with("%7\r\n$6\r\nserver\r\n$6\r\nnextid\r\n"));
  EXPECT_NE(greeting(session).find("$2\r\nid\r\n:7\r\n"), std::string::npos);
  session.version = Version::kResp2;
  EXPECT_TRUE(greeting(session).starts_with("*14\r\n"));
}

}  // namespace
}  // namespace nextid::resp
