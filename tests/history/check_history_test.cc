// The program check_history on the histories in samples/, good and faulty.
#include <cstdio>
#include <ostream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

#include <gtest/gtest.h>

namespace nextid::history {
namespace {

struct Outcome {
  int exit_code;
  std::string output;
};

Outcome check_history(const std::string& arguments) {
  const std::string command = NEXTID_CHECK_HISTORY " " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  Outcome run{};
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    run.output.append(buffer, n);
  }
  const int status = ::pclose(pipe);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

struct Sample {
  const char* arguments;
  const char* file;
  int exit_code;
  const char* output;
};

std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.file << " " << sample.arguments;
}

class CheckHistory : public ::testing::TestWithParam<Sample> {};

TEST_P(CheckHistory, JudgesSample) {
  const Sample& sample = GetParam();
  const Outcome run =
      check_history(std::string(sample.arguments) + " '" NEXTID_SAMPLES "/" + sample.file + "'");
  EXPECT_EQ(run.exit_code, sample.exit_code) << run.output;
  EXPECT_NE(run.output.find(sample.output), std::string::npos) << run.output;
}

INSTANTIATE_TEST_SUITE_P(
    Samples, CheckHistory,
    ::testing::Values(
        Sample{"--exact 30", "good", 0, "ok: 0 violations; 30 ids in 6 answers, 1 requests"},
        Sample{"--no-gap --value 31 --burned 1", "good", 0, "ok: "},
        Sample{"--exact 31", "good", 1, "I5 accounted: counter global: ids from 31 to 31"},
        Sample{"--value 31", "good", 1, "31 ids were reserved, but 30 were answered and 0 burned"},
        Sample{"--value 29", "good", 1, "I2 durable first: "},
        Sample{"--max 29", "good", 1, "I6 exhaustion is honest: "},
        Sample{"--exact 30 --counter orders", "good", 1, "I5 accounted: counter orders: "},
        Sample{"--burned 1", "good", 2, "--value"}, Sample{"--exact x", "good", 2, "--exact"},
        Sample{"", "duplicate", 1, "I1 unique: counter global: ids from 12 to 12"},
        Sample{"", "torn-range", 1, "I4 contiguous: counter global: says 10 ids and spans 9"},
        Sample{"", "order", 1, "I3 ordered: counter global: [12 ... 12, client b"},
        Sample{"--no-gap", "gap", 1, "I5 accounted: counter global: ids from 12 to 12"},
        Sample{"", "gap", 0, "ok: "},
        Sample{"--no-gap", "gap-at-start", 1, "I5 accounted: counter global: ids from 1 to 1"},
        Sample{"", "impossible-ids", 1, "-1 if signed"}, Sample{"", "torn-line", 0, "ok: "},
        Sample{"", "malformed", 2, "malformed:3: malformed: ok a global"},
        Sample{"", "empty", 2, "no records"}, Sample{"", "missing", 2, "can't be read"}));

}  // namespace
}  // namespace nextid::history
