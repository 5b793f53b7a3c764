// The checks of `nextid doctor`, on this machine as it is.
#include "doctor/checks.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "store/factory.h"
#include "unit/node/scratch_dir.h"

namespace nextid::doctor {
namespace {

using namespace std::chrono_literals;
using nextid::testing::ScratchDir;
using std::chrono::system_clock;

bool has(const Findings& findings, Verdict verdict, std::string_view part) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.verdict == verdict && finding.sentence.find(part) != std::string::npos;
  });
}

std::string path_of(const ScratchDir& directory) {
  return store::local_file(directory.sqlite_url())->path;
}

TEST(ClockCheck, TakesTheTimesOfThisCentury) {
  EXPECT_EQ(check_clock(system_clock::now()).at(0).verdict, Verdict::kOk);
  EXPECT_EQ(check_clock(system_clock::time_point(1h)).at(0).verdict, Verdict::kFail);
  EXPECT_EQ(check_clock(std::chrono::sys_days(std::chrono::year(2101) / 1 / 1)).at(0).verdict,
            Verdict::kFail);
}

TEST(ClockCheck, ComparesWithTheStore) {
  EXPECT_EQ(check_clock_ahead(-900ms).at(0).verdict, Verdict::kOk);
  EXPECT_EQ(check_clock_ahead(29s).at(0).verdict, Verdict::kOk);
  EXPECT_TRUE(has(check_clock_ahead(31s), Verdict::kWarn, "31 s ahead of"));
  EXPECT_TRUE(has(check_clock_ahead(-301s), Verdict::kFail, "301 s behind"));
}

TEST(PortCheck, TellsAFreePortFromOneInUse) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor other(context, {boost::asio::ip::make_address("127.0.0.1"), 0},
                                       /*reuse_addr=*/true);
  const std::uint16_t port = other.local_endpoint().port();
  EXPECT_TRUE(has(check_port({"127.0.0.1", port}, "http"), Verdict::kWarn, "in use"));
  other.close();
  EXPECT_EQ(check_port({"127.0.0.1", port}, "http").at(0).verdict, Verdict::kOk);
}

TEST(PortCheck, RefusesAnAddressOfAnotherMachine) {
  // TEST-NET-1, RFC 5737.
  EXPECT_TRUE(has(check_port({"192.0.2.1", 0}, "http"), Verdict::kFail, "--http"));
}

TEST(LimitsCheck, ComparesWithTheConfiguration) {
  server::Config config;
  config.clients.max_connections = 1;
  EXPECT_EQ(check_limits(config).at(0).verdict, Verdict::kOk);
  config.threads = std::thread::hardware_concurrency() + 1;
  EXPECT_TRUE(has(check_limits(config), Verdict::kWarn, "--threads"));
}

TEST(DiskCheck, MeasuresAndLeavesNothingBehind) {
  const ScratchDir directory;
  const auto findings = check_disk(directory.sqlite_url());
  EXPECT_TRUE(has(findings, Verdict::kOk, "A durable write takes") ||
              has(findings, Verdict::kWarn, "A durable write takes"));
  EXPECT_TRUE(std::filesystem::is_empty(std::filesystem::path(path_of(directory)).parent_path()));
}

TEST(DiskCheck, WarnsOfFilesInMemory) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "not run: there is no /dev/shm";
  EXPECT_TRUE(has(check_disk("sqlite:/dev/shm/ids.db"), Verdict::kWarn, "tmpfs"));
}

TEST(DiskCheck, FailsWithoutADirectory) {
  const ScratchDir directory;
  EXPECT_TRUE(
      has(check_disk(directory.sqlite_url() + "-no/ids.db"), Verdict::kFail, "Make the directory"));
}

TEST(DiskCheck, HasNothingToSayOfOtherStores) { EXPECT_TRUE(check_disk("memory:").empty()); }

StoreOptions within(std::chrono::milliseconds limit) {
  StoreOptions options;
  options.request_timeout = limit;
  return options;
}

TEST(StoreCheck, MakesNoStore) {
  const ScratchDir directory;
  for (const char* parameter : {"", "?create=true"}) {
    EXPECT_TRUE(has(check_store(directory.sqlite_url() + parameter, within(1s)), Verdict::kOk,
                    "does not exist yet"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(StoreCheck, FailsWhereAServerWouldMakeNone) {
  const ScratchDir directory;
  StoreOptions options = within(1s);
  EXPECT_TRUE(has(check_store(directory.sqlite_url() + "?create=false", options), Verdict::kFail,
                  "there is no store at " + path_of(directory)));
  options.create_store = false;
  EXPECT_TRUE(has(check_store(directory.sqlite_url(), options), Verdict::kFail, "no store at"));
}

TEST(StoreCheck, ChangesNoCounter) {
  const ScratchDir directory;
  {
    const auto store = open_store(directory.sqlite_url()).value();
    IdGenerator(store, kDefaultCounter).next_range(5).value();
  }
  for (const Finding& finding : check_store(directory.sqlite_url(), within(5s))) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.sentence;
  }
  const auto store = open_store(directory.sqlite_url()).value();
  const auto counter = store.counter(kDefaultCounter).value();
  EXPECT_EQ(counter.value, 5U);
  EXPECT_EQ(counter.definition.revision, 1U);
  EXPECT_EQ(store.counters().value().counters.size(), 1U);
}

TEST(StoreCheck, SaysWhyAStoreDoesNotOpen) {
  const ScratchDir directory;
  std::ofstream(path_of(directory))
      << "this is no database, and longer than its header of 100 bytes"
         "........................................................";
  EXPECT_EQ(check_store(directory.sqlite_url(), within(1s)).at(0).verdict, Verdict::kFail);
  EXPECT_EQ(check_store("nosuch:store", within(1s)).at(0).verdict, Verdict::kFail);
}

TEST(StoreCheck, WarnsOfAStoreThatForgets) {
  EXPECT_TRUE(has(check_store("memory:", within(1s)), Verdict::kWarn, "issued twice"));
}

}  // namespace
}  // namespace nextid::doctor
