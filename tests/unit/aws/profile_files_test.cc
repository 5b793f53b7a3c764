// Profiles from the shared files, as other AWS programs would read them.
#include "aws/profile_files.h"

#include <string>

#include <gtest/gtest.h>

#include "aws_test_support.h"
#include "base/ascii.h"
#include "fake_environment.h"
#include "unit/node/scratch_dir.h"

namespace nextid::aws {
namespace {

using testing::contains;
using testing::FakeEnvironment;
using testing::what;
using testing::write_file;

class ProfileFilesTest : public ::testing::Test {
 protected:
  ProfileFilesTest() { variables.set("HOME", dir.path()); }

  void config(std::string_view text) { write_file(dir.path() / ".aws" / "config", text); }
  void credentials(std::string_view text) { write_file(dir.path() / ".aws" / "credentials", text); }
  Result<Profile> read(const std::string& name = "") { return read_profile(name, variables.get()); }
  std::string get(const std::string& profile, const std::string& setting) {
    return read(profile).value().get(setting).value_or("(none)");
  }

  const testing::ScratchDir dir;
  FakeEnvironment variables;
};

TEST_F(ProfileFilesTest, NoFilesGiveAnEmptyDefaultProfile) {
  const Profile profile = read().value();
  EXPECT_EQ(profile.name, "default");
  EXPECT_FALSE(profile.found);
  EXPECT_TRUE(profile.settings.empty());
  variables.unset("HOME");
  EXPECT_FALSE(read().value().found);
}

TEST_F(ProfileFilesTest, ReadsBothFilesAndLetsTheCredentialsFileWin) {
  config(
      "[default]\nregion = eu-west-1\n[profile dev]\nregion=us-east-2\nrole_arn = from-config\n");
  credentials("[default]\naws_access_key_id = AKIDDEFAULT\n[dev]\nrole_arn = from-credentials\n");
  EXPECT_TRUE(read().value().found);
  EXPECT_EQ(get("default", "region"), "eu-west-1");
  EXPECT_EQ(get("default", "aws_access_key_id"), "AKIDDEFAULT");
  EXPECT_EQ(get("dev", "region"), "us-east-2");
  EXPECT_EQ(get("dev", "role_arn"), "from-credentials");
}

TEST_F(ProfileFilesTest, AByteOrderMarkBeforeAFileIsNothing) {
  config("\xEF\xBB\xBF[default]\nregion = eu-west-1\n");
  credentials("\xEF\xBB\xBF[default]\naws_access_key_id = AKID\n");
  EXPECT_EQ(get("default", "region"), "eu-west-1");
  EXPECT_EQ(get("default", "aws_access_key_id"), "AKID");
}

TEST_F(ProfileFilesTest, NeverMixesTheKeysOfTwoFiles) {
  config(
      "[default]\naws_access_key_id = OLD\naws_secret_access_key = s\naws_session_token = old\n");
  credentials("[default]\naws_access_key_id = NEW\naws_secret_access_key = t\n");
  EXPECT_EQ(get("", "aws_access_key_id"), "NEW");
  EXPECT_EQ(get("", "aws_session_token"), "(none)") << "a token of other keys";
}

TEST_F(ProfileFilesTest, TheNameIsTheExplicitOneThenTheVariable) {
  config("[default]\nregion = a\n[profile b]\nregion = b\n[profile c]\nregion = c\n");
  EXPECT_EQ(get("", "region"), "a");
  variables.set("AWS_PROFILE", "b");
  EXPECT_EQ(get("", "region"), "b");
  EXPECT_EQ(get("c", "region"), "c");
}

TEST_F(ProfileFilesTest, AProfileAskedForByNameMustExist) {
  config("[default]\nregion = a\n[dev]\nregion = b\n");
  const auto explicit_one = read("dev");  // Without "profile" it is none, in the config file.
  EXPECT_EQ(explicit_one.error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(contains(what(explicit_one), "[profile dev]")) << what(explicit_one);
  EXPECT_TRUE(contains(what(explicit_one), (dir.path() / ".aws" / "config").string()));
  variables.set("AWS_PROFILE", "dev");
  EXPECT_TRUE(read().has_error());
}

TEST_F(ProfileFilesTest, TheVariablesNameOtherFiles) {
  write_file(dir.path() / "c", "[default]\nregion = moved\n");
  write_file(dir.path() / "k", "[default]\naws_access_key_id = MOVED\n");
  variables.set("AWS_CONFIG_FILE", dir.path() / "c");
  variables.set("AWS_SHARED_CREDENTIALS_FILE", "~/k");
  EXPECT_EQ(get("", "region"), "moved");
  EXPECT_EQ(get("", "aws_access_key_id"), "MOVED");
}

TEST_F(ProfileFilesTest, ReadsTheFormatsOddities) {
  config(
      "\xEF\xBB\xBF# comment\n; comment\n\n[default] ; comment\r\n"
      "Region = eu-west-1 # comment\r\n"
      "output=a#b;c\n"
      "empty =\n"
      "[profile   'two words' ]  \n"
      "  region = x\n"
      "  output = y = z\n"
      "[default]\nregion = eu-west-2\n");
  EXPECT_EQ(get("", "region"), "eu-west-2") << "sections merge, the later value counts";
  EXPECT_EQ(get("", "output"), "a#b;c");
  EXPECT_EQ(get("", "empty"), "(none)");
  EXPECT_EQ(get("two words", "region"), "x") << "indented alike, so not nested";
  EXPECT_EQ(get("two words", "output"), "y = z");
}

TEST_F(ProfileFilesTest, DeeperLinesNestOrGoOn) {
  config(
      "[default]\ndynamodb =\n  endpoint_url = http://localhost:8000\n  # comment\n  other = 1\n"
      "credential_process = tool\n   --flag\nregion = r\n");
  EXPECT_EQ(get("", "dynamodb.endpoint_url"), "http://localhost:8000");
  EXPECT_EQ(get("", "dynamodb.other"), "1");
  EXPECT_EQ(get("", "credential_process"), "tool\n--flag");
  EXPECT_EQ(get("", "region"), "r");
}

TEST_F(ProfileFilesTest, ServicesSectionsAreMerged) {
  config(
      "[default]\nservices = local\n[services local]\ndynamodb =\n  endpoint_url = http://a:1\n"
      "sts =\n  endpoint_url = http://b:2\n[services other]\ndynamodb =\n  endpoint_url = "
      "http://c:3\n");
  EXPECT_EQ(get("", "services.dynamodb.endpoint_url"), "http://a:1");
  EXPECT_EQ(get("", "services.sts.endpoint_url"), "http://b:2");
  config("[default]\nservices = missing\n");
  EXPECT_TRUE(contains(what(read()), "[services missing]")) << what(read());
}

TEST_F(ProfileFilesTest, ProfileDefaultBeatsDefault) {
  config("[profile default]\nregion = long\n[default]\nregion = short\n");
  EXPECT_EQ(get("", "region"), "long");
}

TEST_F(ProfileFilesTest, ErrorsNameTheLineAndNeverShowIt) {
  const auto refuses = [&](std::string_view text, std::string_view where) {
    credentials(text);
    const auto profile = read();
    ASSERT_TRUE(profile.has_error()) << text;
    EXPECT_EQ(profile.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(contains(what(profile), (dir.path() / ".aws" / "credentials").string()));
    EXPECT_TRUE(contains(what(profile), where)) << what(profile);
    EXPECT_FALSE(contains(base::to_lower(what(profile)), "secret")) << what(profile);
  };
  refuses("[default]\nSECRET\n", "line 2");
  refuses("SECRET = a\n[default]\n", "line 1");
  refuses("[default\n", "line 1");
  refuses("\n\n[]\n", "line 3");
  refuses("[default] SECRET\n", "line 1");
  refuses("[default]\ndynamodb =\n  SECRET\n", "line 3");
  refuses("[default]\n = SECRET\n", "line 2");
  refuses("[default]\nSECRET=\n  no setting\n", "line 3");
}

TEST_F(ProfileFilesTest, AFileThatCannotBeReadIsAnError) {
  std::filesystem::create_directories(dir.path() / ".aws" / "config");
  EXPECT_EQ(read().error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(contains(what(read()), "Is a directory")) << what(read());
}

}  // namespace
}  // namespace nextid::aws
