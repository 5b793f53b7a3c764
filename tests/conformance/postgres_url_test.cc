#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "store/postgres/servers.h"
#include "store/postgres/url.h"

namespace nextid::store {
namespace {

std::string problem_with(const std::string& rest) {
  const auto settings = parse_postgres_url(rest);
  if (!settings) return settings.error().what();
  const auto servers = PostgresServers::find(*settings);
  return servers ? std::string() : servers.error().what();
}

std::string value_of(const PostgresServers::Parameters& parameters, const std::string& keyword) {
  for (const auto& [name, value] : parameters) {
    if (name == keyword) return value;
  }
  return "(none)";
}

TEST(PostgresUrl, HasDefaults) {
  const auto settings = parse_postgres_url("//ada@db.example/orders");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->conninfo, "postgresql://ada@db.example/orders");
  EXPECT_EQ(settings->url, "postgres://ada@db.example/orders");
  EXPECT_EQ(settings->schema, "");
  EXPECT_TRUE(settings->create);
  EXPECT_EQ(settings->attempt_timeout, std::chrono::seconds(2));
}

TEST(PostgresUrl, KeepsItsOwnParametersAndLeavesTheOthersToLibpq) {
  const auto settings = parse_postgres_url(
      "//ada@db/orders?sslmode=verify-full&create=false&schema=ids&attempt_timeout=500ms"
      "&application_name=shop");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->conninfo,
            "postgresql://ada@db/orders?sslmode=verify-full&application_name=shop");
  EXPECT_FALSE(settings->create);
  EXPECT_EQ(settings->schema, "ids");
  EXPECT_EQ(settings->attempt_timeout, std::chrono::milliseconds(500));
}

TEST(PostgresUrl, ShowsNoPassword) {
  const auto settings = parse_postgres_url(
      "//ada:s3cret@db/orders?password=s3cret&sslpassword=s3cret&sslmode=require");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->url, "postgres://ada@db/orders?sslmode=require");
  EXPECT_EQ(settings->conninfo,
            "postgresql://ada:s3cret@db/orders?password=s3cret&sslpassword=s3cret&sslmode=require");
  for (const char* wrong :
       {"//ada:s3cret@db/o?sslmode=maybe%", "//ada:s3cret@db/o?no_such=1", "//ada:s3cret%zz@db/o",
        "//ada:s3cret@db/o?create=perhaps", "ada:s3cret@db/o"}) {
    const std::string problem = problem_with(wrong);
    EXPECT_NE(problem, "") << wrong;
    EXPECT_EQ(problem.find("s3cret"), std::string::npos) << problem;
  }
}

TEST(PostgresUrl, NamesWhatIsWrongAndWhatItMayBe) {
  EXPECT_EQ(problem_with("//db/o?attempt_timeout=99ms"),
            "attempt_timeout is '99ms', and must be a time from 100ms to 30s; the form is "
            "postgres://USER@HOST:PORT/DATABASE?...");
  EXPECT_EQ(problem_with("//db/o?schema=a.b"),
            "schema is 'a.b', and must be 1 to 63 letters, digits, '_' and '-'; the form is "
            "postgres://USER@HOST:PORT/DATABASE?...");
  EXPECT_EQ(problem_with("//db/o?create=true&create=false"),
            "the parameter 'create' is given more than once; the form is "
            "postgres://USER@HOST:PORT/DATABASE?...");
  EXPECT_EQ(problem_with("//db/o?no_such=1"),
            "'postgres://db/o?no_such=1' is no store URL that libpq takes: check its parts and "
            "parameters; the form is postgres://USER@HOST:PORT/DATABASE?...");
}

TEST(PostgresUrl, IsWrongWhereLibpqRefusesAValueOrAServiceFileLacksTheService) {
  EXPECT_EQ(problem_with("//127.0.0.1/o?sslmode=perhaps"),
            "can't use 'postgres://127.0.0.1/o?sslmode=perhaps': invalid sslmode value: "
            "\"perhaps\"; the form is postgres://USER@HOST:PORT/DATABASE?...");
  for (const char* wrong : {"//127.0.0.1:99999/o", "//127.0.0.1/o?target_session_attrs=best",
                            "//127.0.0.1/o?service=nowhere"}) {
    EXPECT_NE(problem_with(wrong), "") << wrong;
  }
}

TEST(PostgresServers, AreOneForEachHostAndTheOneThatTakesWritesIsMeant) {
  const auto settings = parse_postgres_url("//ada@127.0.0.1:5433,127.0.0.2:5434/orders");
  auto servers = PostgresServers::find(*settings).value();
  ASSERT_EQ(servers.count(), 2u);
  EXPECT_EQ(value_of(servers.nth(0), "host"), "127.0.0.1");
  EXPECT_EQ(value_of(servers.nth(1), "host"), "127.0.0.2");
  EXPECT_EQ(value_of(servers.nth(1), "port"), "5434");
  EXPECT_EQ(value_of(servers.nth(1), "target_session_attrs"), "read-write");
  servers.set_good(1);
  EXPECT_EQ(value_of(servers.nth(0), "host"), "127.0.0.2") << "the good one is tried first";
}

TEST(PostgresServers, FindOutThatTheNetworkLostAConnection) {
  const auto one = PostgresServers::find(*parse_postgres_url("//127.0.0.1/o")).value();
  EXPECT_EQ(value_of(one.nth(0), "keepalives_idle"), "10");
  const auto other =
      PostgresServers::find(*parse_postgres_url("//127.0.0.1/o?keepalives_idle=60")).value();
  EXPECT_EQ(value_of(other.nth(0), "keepalives_idle"), "60");
}

}  // namespace
}  // namespace nextid::store
