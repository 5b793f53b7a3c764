#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "store/dynamodb/url.h"

namespace nextid::store {
namespace {

TEST(DynamodbUrl, HasDefaults) {
  for (const char* rest : {"//", "//id_counters", "///", "//id_counters/"}) {
    const auto settings = parse_dynamodb_url(rest);
    ASSERT_TRUE(settings) << rest << ": " << settings.error().what();
    EXPECT_EQ(settings->table, "id_counters");
    EXPECT_EQ(settings->region, "");
    EXPECT_EQ(settings->endpoint, "");
    EXPECT_TRUE(settings->create);
    EXPECT_EQ(settings->attempt_timeout, std::chrono::milliseconds(500));
  }
}

TEST(DynamodbUrl, TakesAllParameters) {
  const auto settings = parse_dynamodb_url(
      "//My_table.2-b?region=eu-west-1&endpoint=https://db.example:8000&profile=my%20own"
      "&ca_file=/etc/ca.pem&create=false&attempt_timeout=2s&plain_http=true");
  ASSERT_TRUE(settings) << settings.error().what();
  EXPECT_EQ(settings->table, "My_table.2-b");
  EXPECT_EQ(settings->region, "eu-west-1");
  EXPECT_EQ(settings->endpoint, "https://db.example:8000");
  EXPECT_EQ(settings->profile, "my own");
  EXPECT_EQ(settings->ca_file, "/etc/ca.pem");
  EXPECT_FALSE(settings->create);
  EXPECT_TRUE(settings->plain_http);
  EXPECT_FALSE(parse_dynamodb_url("//ids")->plain_http);
  EXPECT_EQ(settings->attempt_timeout, std::chrono::seconds(2));
}

TEST(DynamodbUrl, TakesAnIpv6EndpointWithItsBrackets) {
  for (const char* rest :
       {"//ids?endpoint=http://[::1]:8000", "//ids?endpoint=http://%5B::1%5D:8000"}) {
    const auto settings = parse_dynamodb_url(rest);
    ASSERT_TRUE(settings) << settings.error().what();
    EXPECT_EQ(settings->endpoint, "http://[::1]:8000");
  }
  EXPECT_FALSE(parse_dynamodb_url("//[ids]?region=a"));
}

TEST(DynamodbUrl, SaysWhetherToMakeTheTableOrLeavesThatToItsCaller) {
  EXPECT_FALSE(parse_dynamodb_url("//id_counters", false)->create);
  EXPECT_TRUE(parse_dynamodb_url("//id_counters?create=true", false)->create);
  EXPECT_FALSE(parse_dynamodb_url("//id_counters?create=false", true)->create);
}

TEST(DynamodbUrl, TakesTimesFrom50MillisecondsTo30Seconds) {
  for (const char* time : {"50ms", "30s", "30", "30000ms"}) {
    EXPECT_TRUE(parse_dynamodb_url(std::string("//?attempt_timeout=") + time)) << time;
  }
  for (const char* time : {"49ms", "31s", "0", "-1s", "1.5s", "ms", "s", "", "5m", "30001ms",
                           "99999999999999999999s"}) {
    EXPECT_TRUE(parse_dynamodb_url(std::string("//?attempt_timeout=") + time).has_error()) << time;
  }
}

TEST(DynamodbUrl, LeavesRoomForTheNameOfTheSecondTable) {
  EXPECT_TRUE(parse_dynamodb_url("//" + std::string(243, 't')));
  const auto settings = parse_dynamodb_url("//" + std::string(244, 't'));
  ASSERT_TRUE(settings.has_error());
  EXPECT_NE(std::string(settings.error().what()).find("3 to 243 letters"), std::string::npos)
      << settings.error().what();
}

TEST(DynamodbUrl, NamesWhatIsWrong) {
  const struct {
    const char* rest;
    const char* says;
  } wrong[] = {{"", "no store URL"},
               {"id_counters", "no store URL"},
               {"//a b", "no store URL"},
               {"//ab", "'ab' is no table name"},
               {"//table:8000", "says more"},
               {"//user@table", "says more"},
               {"//table/more", "says more"},
               {"//table#part", "says more"},
               {"//table?regoin=eu-west-1", "no parameter 'regoin'"},
               {"//table?region=a&region=b", "'region' is given more than once"},
               {"//table?region=", "region is empty"},
               {"//table?create=no", "create is 'no'"}};
  for (const auto& [rest, says] : wrong) {
    const auto settings = parse_dynamodb_url(rest);
    ASSERT_TRUE(settings.has_error()) << rest;
    EXPECT_EQ(settings.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(std::string(settings.error().what()).find(says), std::string::npos)
        << settings.error().what();
  }
}

}  // namespace
}  // namespace nextid::store
