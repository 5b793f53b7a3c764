// Regions and endpoints, in every way that they can be given.
#include "aws/endpoint.h"

#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "fake_environment.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::FakeEnvironment;
using testing::what;

Profile profile_with(std::map<std::string, std::string> settings) {
  return {.name = "dev", .found = true, .settings = std::move(settings)};
}

TEST(RegionTest, IsTakenFromTheFirstPlaceThatHasOne) {
  const Profile profile = profile_with({{"region", "eu-west-1"}});
  FakeEnvironment variables;
  EXPECT_EQ(resolve_region("", variables.get(), profile).value(), "eu-west-1");
  variables.set("AWS_DEFAULT_REGION", "eu-west-2");
  EXPECT_EQ(resolve_region("", variables.get(), profile).value(), "eu-west-2");
  variables.set("AWS_REGION", "eu-west-3");
  EXPECT_EQ(resolve_region("", variables.get(), profile).value(), "eu-west-3");
  EXPECT_EQ(resolve_region("us-east-1", variables.get(), profile).value(), "us-east-1");
}

TEST(RegionTest, AMissingOneTellsEveryWay) {
  const auto region = resolve_region("", FakeEnvironment().get(), profile_with({}));
  EXPECT_EQ(region.error().code(), ErrorCode::kInvalid);
  for (const char* way : {"settings", "AWS_REGION", "AWS_DEFAULT_REGION", "profile 'dev'"}) {
    EXPECT_TRUE(contains(what(region), way)) << what(region);
  }
}

TEST(RegionTest, RefusesWhatIsNoHostLabel) {
  for (const std::string text :
       {"EU-WEST-1", "eu west 1", "-eu", "eu-", "evil.com/", "eu_west", "a\n"}) {
    const auto region = resolve_region("", FakeEnvironment{{"AWS_REGION", text}}.get(), {});
    ASSERT_TRUE(region.has_error()) << text;
    EXPECT_EQ(region.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(contains(what(region), "AWS_REGION")) << what(region);
  }
  EXPECT_TRUE(resolve_region(std::string(63, 'a'), FakeEnvironment().get(), {}).has_value());
  EXPECT_TRUE(resolve_region(std::string(64, 'a'), FakeEnvironment().get(), {}).has_error());
}

std::string dynamodb(const std::string& region, const FakeEnvironment& variables = {},
                     const Profile& profile = {}) {
  return resolve_dynamodb_endpoint("", region, variables.get(), profile).value();
}

// The hosts are what botocore 1.43 resolves.
TEST(EndpointTest, EveryPartitionHasItsHosts) {
  EXPECT_EQ(dynamodb("eu-west-1"), "https://dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(dynamodb("mars-north-1"), "https://dynamodb.mars-north-1.amazonaws.com");
  EXPECT_EQ(dynamodb("us-gov-west-1"), "https://dynamodb.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(dynamodb("cn-north-1"), "https://dynamodb.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(dynamodb("us-iso-east-1"), "https://dynamodb.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(dynamodb("us-isob-east-1"), "https://dynamodb.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_EQ(dynamodb("us-isof-south-1"), "https://dynamodb.us-isof-south-1.csp.hci.ic.gov");
  EXPECT_EQ(dynamodb("eu-isoe-west-1"), "https://dynamodb.eu-isoe-west-1.cloud.adc-e.uk");
  EXPECT_EQ(dynamodb("eusc-de-east-1"), "https://dynamodb.eusc-de-east-1.amazonaws.eu");
  EXPECT_EQ(resolve_sts_endpoint("eu-west-1", FakeEnvironment().get(), {}).value(),
            "https://sts.eu-west-1.amazonaws.com");
}

TEST(EndpointTest, FipsAndDualStackHaveHostsOfTheirOwn) {
  const FakeEnvironment fips{{"AWS_USE_FIPS_ENDPOINT", "true"}};
  const FakeEnvironment dual{{"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"}};
  const FakeEnvironment both{{"AWS_USE_FIPS_ENDPOINT", "true"},
                             {"AWS_USE_DUALSTACK_ENDPOINT", "true"}};
  EXPECT_EQ(dynamodb("us-east-1", fips), "https://dynamodb-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(dynamodb("us-east-1", dual), "https://dynamodb.us-east-1.api.aws");
  EXPECT_EQ(dynamodb("us-east-1", both), "https://dynamodb-fips.us-east-1.api.aws");
  EXPECT_EQ(dynamodb("us-gov-east-1", fips), "https://dynamodb.us-gov-east-1.amazonaws.com");
  EXPECT_EQ(dynamodb("us-gov-east-1", both), "https://dynamodb-fips.us-gov-east-1.api.aws");
  EXPECT_EQ(dynamodb("cn-north-1", dual),
            "https://dynamodb.cn-north-1.api.amazonwebservices.com.cn");
  EXPECT_EQ(dynamodb("us-east-1", {}, profile_with({{"use_fips_endpoint", "true"}})),
            "https://dynamodb-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(dynamodb("us-east-1", {{"AWS_USE_FIPS_ENDPOINT", "false"}},
                     profile_with({{"use_fips_endpoint", "true"}})),
            "https://dynamodb.us-east-1.amazonaws.com");
}

TEST(EndpointTest, ASwitchMustBeTrueOrFalse) {
  const FakeEnvironment variables{{"AWS_USE_FIPS_ENDPOINT", "1"}};
  const auto endpoint = resolve_dynamodb_endpoint("", "us-east-1", variables.get(), {});
  EXPECT_EQ(endpoint.error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(contains(what(endpoint), "AWS_USE_FIPS_ENDPOINT is '1'")) << what(endpoint);
}

TEST(EndpointTest, IsTakenFromTheFirstPlaceThatHasOne) {
  FakeEnvironment variables;
  Profile profile = profile_with({{"endpoint_url", "https://one:1"}});
  EXPECT_EQ(dynamodb("r", variables, profile), "https://one:1");
  profile.settings["services.sts.endpoint_url"] = "https://sts:9";
  EXPECT_EQ(dynamodb("r", variables, profile), "https://one:1");
  profile.settings["services.dynamodb.endpoint_url"] = "https://two:2";
  EXPECT_EQ(dynamodb("r", variables, profile), "https://two:2");
  EXPECT_EQ(resolve_sts_endpoint("r", variables.get(), profile).value(), "https://sts:9");
  variables.set("AWS_ENDPOINT_URL", "https://three:3");
  EXPECT_EQ(dynamodb("r", variables, profile), "https://three:3");
  variables.set("AWS_ENDPOINT_URL_DYNAMODB", "https://four:4");
  EXPECT_EQ(dynamodb("r", variables, profile), "https://four:4");
  variables.set("AWS_ENDPOINT_URL_STS", "https://five:5");
  EXPECT_EQ(resolve_sts_endpoint("r", variables.get(), profile).value(), "https://five:5");
  EXPECT_EQ(resolve_dynamodb_endpoint("https://six:6", "r", variables.get(), profile).value(),
            "https://six:6");

  variables.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  EXPECT_EQ(dynamodb("r", variables, profile), "https://dynamodb.r.amazonaws.com");
  EXPECT_EQ(resolve_dynamodb_endpoint("https://six:6", "r", variables.get(), profile).value(),
            "https://six:6")
      << "an explicit endpoint is not a configured one";
}

TEST(EndpointTest, GivesSchemeHostAndPort) {
  const auto resolved = [](const std::string& text) {
    return resolve_dynamodb_endpoint(text, "r", FakeEnvironment().get(), {}).value();
  };
  EXPECT_EQ(resolved("http://localhost:8000/"), "http://localhost:8000");
  EXPECT_EQ(resolved("HTTPS://db.example"), "https://db.example");
  EXPECT_EQ(resolved("http://[::1]:8000"), "http://[::1]:8000");
}

TEST(EndpointTest, RefusesEverythingElse) {
  for (const std::string text :
       {"localhost:8000", "localhost", "ftp://localhost", "http://", "http:///", "http://:80",
        "http://host/path", "http://host?x=1", "http://host#x", "http://a b", "http://host:0",
        "http://host:99999", "http://host:x", "unix:/tmp/s", "http://host\n"}) {
    const auto endpoint = resolve_dynamodb_endpoint(text, "r", FakeEnvironment().get(), {});
    ASSERT_TRUE(endpoint.has_error()) << text << " gives " << endpoint.value();
    EXPECT_EQ(endpoint.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(contains(what(endpoint), text)) << what(endpoint);
  }
}

TEST(EndpointTest, SecretsDoNotTravelInTheClear) {
  for (const std::string plain : {"http://vm:8000", "http://10.0.0.1", "http://localhost.example",
                                  "http://127.example", "http://169.254.170.2", "http://0.0.0.0"}) {
    FakeEnvironment variables;
    const auto given = resolve_dynamodb_endpoint(plain, "r", variables.get(), {});
    ASSERT_TRUE(given.has_error()) << plain;
    EXPECT_EQ(given.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(contains(what(given), "plain_http=true")) << what(given);
    EXPECT_EQ(resolve_dynamodb_endpoint(plain, "r", variables.get(), {}, true).value(), plain);
    variables.set("AWS_ENDPOINT_URL", plain);
    EXPECT_TRUE(resolve_dynamodb_endpoint("", "r", variables.get(), {}).has_error());
    EXPECT_EQ(resolve_dynamodb_endpoint("", "r", variables.get(), {}, true).value(), plain);
    // Not for STS, whatever is said: that sends a token for keys.
    const auto sts = resolve_sts_endpoint("r", variables.get(), {});
    ASSERT_TRUE(sts.has_error());
    EXPECT_TRUE(contains(what(sts), "the web identity token")) << what(sts);
  }
  EXPECT_EQ(dynamodb("r", {{"AWS_ENDPOINT_URL", "http://127.0.0.1:8000"}}),
            "http://127.0.0.1:8000");
}

TEST(EndpointTest, NeverShowsAPasswordAndNamesTheOrigin) {
  const FakeEnvironment variables{{"AWS_ENDPOINT_URL", "http://me:password@host"}};
  const auto endpoint = resolve_dynamodb_endpoint("", "r", variables.get(), {});
  ASSERT_TRUE(endpoint.has_error());
  EXPECT_FALSE(contains(what(endpoint), "password")) << what(endpoint);
  EXPECT_TRUE(contains(what(endpoint), "AWS_ENDPOINT_URL")) << what(endpoint);
}

}  // namespace
}  // namespace nextid::aws
