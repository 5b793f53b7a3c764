#include "resp/codec/parser.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "resp/codec/words.h"

namespace nextid::resp {
namespace {

using Command = std::vector<std::string>;

/// What comes out of some bytes: the commands, and then an error or "".
struct Result {
  std::vector<Command> commands;
  std::string error;
  friend bool operator==(const Result&, const Result&) = default;
};

/// Feeds `bytes` in pieces of the sizes that `next_size` gives, keeping what is not consumed.
template <typename NextSize>
Result parse(std::string_view bytes, const Limits& limits, NextSize next_size) {
  Parser parser(limits);
  Result result;
  std::string kept;
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(next_size(), bytes.size());
    kept += bytes.substr(0, size);
    bytes.remove_prefix(size);
    for (;;) {
      const auto outcome = parser.feed(kept);
      if (outcome.status == Parser::Status::kCommand) {
        result.commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
      }
      kept.erase(0, outcome.consumed);
      if (outcome.status == Parser::Status::kError) {
        result.error = parser.error();
        return result;
      }
      if (outcome.status == Parser::Status::kNeedMore) break;
    }
    EXPECT_LE(kept.size(), parser.max_unconsumed_bytes());
  }
  return result;
}

Result whole(std::string_view bytes, const Limits& limits = {}) {
  return parse(bytes, limits, [&] { return bytes.size(); });
}

Result byte_by_byte(std::string_view bytes, const Limits& limits = {}) {
  return parse(bytes, limits, [] { return 1; });
}

const std::vector<std::string> kInputs{
    "*1\r\n$4\r\nPING\r\n",
    "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$6\r\nINCRBY\r\n$1\r\na\r\n$2\r\n10\r\n",
    "*0\r\n*-1\r\n\r\n  \r\nPING\r\n",
    "*2\r\n$4\r\nECHO\r\n$6\r\na\r\n\r\nb\r\n",
    "*1\r\n$0\r\n\r\n",
    "incr a\nincr b\r\n",
    "echo \"a\\x41\\n\\\"b\" 'it\\'s'\r\n",
    "echo \"never closed\r\n",
    "*1\r\n:4\r\n",
    "*x\r\n",
    "*1x\r\n",
    "*\r\n",
    "*1\rX",
    "*--1\r\n",
    "*00000000000000000000000001\r\n",
    "*99999999999999999999\r\n",
    "*1\r\n$-1\r\n",
    "*1\r\n$4\r\nPINGxx",
    "*1\r\n$+4\r\nPING\r\n",
    "*1\r\n$4\r\nPING\rx",
    "$4\r\nPING\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
};

TEST(RespParserTest, GivesTheSameHoweverTheBytesAreTorn) {
  std::mt19937 random(5);
  for (const std::string& input : kInputs) {
    const Result expected = whole(input);
    EXPECT_EQ(byte_by_byte(input), expected) << input;
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(parse(input, {}, [&] { return 1 + random() % 7; }), expected) << input;
    }
  }
}

TEST(RespParserTest, FindsCommandsInAPipeline) {
  EXPECT_EQ(whole(kInputs[1]).commands,
            (std::vector<Command>{{"INCR", "a"}, {"INCRBY", "a", "10"}}));
  EXPECT_EQ(whole(kInputs[3]).commands, (std::vector<Command>{{"ECHO", "a\r\n\r\nb"}}));
  EXPECT_EQ(whole(kInputs[4]).commands, (std::vector<Command>{{""}}));
}

TEST(RespParserTest, ALineMayBeginAsALengthDoes) {
  EXPECT_EQ(whole("$4\r\nPING\r\n").commands, (std::vector<Command>{{"$4"}, {"PING"}}));
}

TEST(RespParserTest, SkipsEmptyCommands) {
  EXPECT_EQ(whole(kInputs[2]).commands, (std::vector<Command>{{"PING"}}));
}

TEST(RespParserTest, TakesLinesWithQuotes) {
  EXPECT_EQ(whole(kInputs[6]).commands, (std::vector<Command>{{"echo", "aA\n\"b", "it's"}}));
  EXPECT_EQ(whole(kInputs[7]).error, "the quotes of an inline command are unbalanced");
}

TEST(RespParserTest, RefusesWrongLengthsInASentence) {
  EXPECT_EQ(whole("*x\r\n").error, "the length after a '*' is no whole number");
  EXPECT_EQ(whole("*1\r\n:4\r\n").error, "a '$' was expected, not ':'");
  for (const auto* not_its_end : {"xx", "\rx", "x\n"}) {
    EXPECT_EQ(whole("*1\r\n$4\r\nPING" + std::string(not_its_end)).error,
              "an argument is longer than its length, 4, says");
  }
  EXPECT_NE(whole("*1\r\n$-1\r\n").error, "");
}

TEST(RespParserTest, TakesWhatIsAtTheLimitsAndNothingPastThem) {
  const Limits limits{.max_command_bytes = 40, .max_arguments = 2};
  const std::string at_limit = "*1\r\n$30\r\n" + std::string(29, 'x') + "y\r\n";
  ASSERT_EQ(at_limit.size(), 41U);
  const std::string fits = "*1\r\n$29\r\n" + std::string(29, 'x') + "\r\n";
  for (const auto& run : {whole(fits, limits), byte_by_byte(fits, limits)}) {
    EXPECT_EQ(run.commands.size(), 1U) << run.error;
  }
  for (const auto& run : {whole(at_limit, limits), byte_by_byte(at_limit, limits)}) {
    EXPECT_TRUE(run.commands.empty());
    EXPECT_EQ(run.error, "the command exceeds 40 bytes");
  }
  EXPECT_EQ(whole("*2\r\n$1\r\na\r\n$1\r\nb\r\n", limits).commands.size(), 1U);
  EXPECT_EQ(whole("a b\r\n", limits).commands.size(), 1U);
  EXPECT_NE(whole("*3\r\n", limits).error, "");
  EXPECT_NE(whole("a b c\r\n", limits).error, "");
  EXPECT_EQ(byte_by_byte(std::string(100, 'x'), limits).error, "the command exceeds 40 bytes");
}

TEST(RespParserTest, RefusesWhatCannotFitBeforeItArrives) {
  const Limits limits{.max_command_bytes = 40, .max_arguments = 2};
  EXPECT_EQ(whole(std::string(39, 'x'), limits).error, "");
  EXPECT_EQ(whole(std::string(40, 'x'), limits).error, "the command exceeds 40 bytes");
  EXPECT_EQ(whole("*1\r\n$41\r\n", limits).error,
            "an argument of 41 bytes is out of the limits, 0 to 40");
}

TEST(RespParserTest, TheLimitsAreThoseOfTheDocument) {
  const std::string long_one = "*2\r\n$4\r\nECHO\r\n$65000\r\n" + std::string(65'000, 'x') + "\r\n";
  EXPECT_EQ(whole(long_one).commands.at(0).at(1).size(), 65'000U);
  std::string many = "*1024\r\n";
  for (int i = 0; i < 1024; ++i) many += "$1\r\nx\r\n";
  EXPECT_EQ(whole(many).commands.at(0).size(), 1024U);
  EXPECT_NE(whole("*1025\r\n").error, "");
  EXPECT_EQ(whole(std::string(64 * 1024 - 1, 'x')).error, "");
  EXPECT_NE(whole(std::string(64 * 1024, 'x')).error, "");
}

TEST(RespParserTest, BeforeAuthCommandsAreSmall) {
  std::string ten = "*10\r\n";
  for (int i = 0; i < 10; ++i) ten += "$1\r\nx\r\n";
  const std::string large = "*1\r\n$16300\r\n" + std::string(16'300, 'x') + "\r\n";
  for (const auto& fits : {ten, large, std::string("1 2 3 4 5 6 7 8 9 10\r\n")}) {
    EXPECT_EQ(whole(fits, kLimitsBeforeAuth).commands.size(), 1U) << fits.substr(0, 20);
  }
  EXPECT_EQ(whole("*11\r\n", kLimitsBeforeAuth).error,
            "a command of 11 arguments exceeds the limit of 10 before AUTH");
  EXPECT_EQ(whole("1 2 3 4 5 6 7 8 9 10 11\r\n", kLimitsBeforeAuth).error,
            "a command exceeds the limit of 10 arguments before AUTH");
  EXPECT_EQ(whole("*1\r\n$20000\r\n", kLimitsBeforeAuth).error,
            "an argument of 20000 bytes is out of the limits, 0 to 16384 before AUTH");
  EXPECT_EQ(whole(std::string(16 * 1024, 'x'), kLimitsBeforeAuth).error,
            "the command exceeds 16384 bytes before AUTH");
}

TEST(RespParserTest, OtherLimitsAreForTheCommandsToCome) {
  Parser parser(kLimitsBeforeAuth);
  const std::string eleven = "1 2 3 4 5 6 7 8 9 10 11\r\n";
  const std::string bytes = "a\r\n" + eleven;
  const auto first = parser.feed(bytes);
  ASSERT_EQ(first.status, Parser::Status::kCommand);
  parser.set_limits({});
  EXPECT_EQ(parser.feed(eleven).status, Parser::Status::kCommand);
  EXPECT_EQ(parser.arguments().size(), 11U);
  parser.rest();
  EXPECT_TRUE(parser.arguments().empty());
  parser.set_limits(kLimitsBeforeAuth);
  EXPECT_EQ(parser.feed(eleven).status, Parser::Status::kError);
}

TEST(RespParserTest, RandomBytesNeverBreakIt) {
  std::mt19937 random(11);
  const std::string_view alphabet = "*$-:0123456789\r\n \"'\\xPINGincr";
  for (int i = 0; i < 5'000; ++i) {
    std::string input;
    for (std::size_t left = random() % 60; left > 0; --left) {
      input += alphabet[random() % alphabet.size()];
    }
    EXPECT_EQ(byte_by_byte(input), whole(input)) << input;
  }
}

}  // namespace
}  // namespace nextid::resp
