#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "store/etcd/url.h"

namespace nextid::store {
namespace {

using Variables = std::map<std::string, std::string>;

Result<EtcdSettings> parse(const std::string& rest, const Variables& variables = {}) {
  return parse_etcd_url(rest, true, [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string why_not(const std::string& rest, const Variables& variables = {}) {
  const auto settings = parse(rest, variables);
  return settings ? "nothing" : settings.error().what();
}

using Endpoints = std::vector<std::string>;

TEST(EtcdUrl, HasDefaults) {
  for (const char* rest : {"//", "///", "//127.0.0.1", "//127.0.0.1:2379/nextid"}) {
    const auto settings = parse(rest);
    ASSERT_TRUE(settings) << settings.error().what();
    EXPECT_EQ(settings->endpoints, Endpoints{"http://127.0.0.1:2379"}) << rest;
    EXPECT_EQ(settings->prefix, "nextid");
    EXPECT_TRUE(settings->create);
    EXPECT_EQ(settings->attempt_timeout, std::chrono::seconds(1));
  }
}

TEST(EtcdUrl, TakesAllParameters) {
  const auto settings = parse(
      "//app@a.example:1,b.example,[::1]:3/prod/ids?ca_file=/ca.pem&cert_file=/c.pem&key_file=/"
      "k.pem"
      "&password_file=/secret&create=false&attempt_timeout=250ms");
  ASSERT_TRUE(settings) << settings.error().what();
  EXPECT_EQ(settings->endpoints,
            (Endpoints{"https://a.example:1", "https://b.example:2379", "https://[::1]:3"}));
  EXPECT_EQ(settings->prefix, "prod/ids");
  EXPECT_EQ(settings->ca_file, "/ca.pem");
  EXPECT_EQ(settings->cert_file, "/c.pem");
  EXPECT_EQ(settings->key_file, "/k.pem");
  EXPECT_EQ(settings->user, "app");
  EXPECT_EQ(settings->password_file, "/secret");
  EXPECT_FALSE(settings->create);
  EXPECT_EQ(settings->attempt_timeout, std::chrono::milliseconds(250));
}

TEST(EtcdUrl, HeedsTheVariablesOfEtcdctl) {
  const Variables variables{{"ETCDCTL_ENDPOINTS", "https://a.example:1,https://b.example:2"},
                            {"ETCDCTL_CACERT", "/ca.pem"},
                            {"ETCDCTL_CERT", "/c.pem"},
                            {"ETCDCTL_KEY", "/k.pem"},
                            {"ETCDCTL_USER", "app:first"}};
  auto settings = parse("///ids", variables);
  ASSERT_TRUE(settings) << settings.error().what();
  EXPECT_EQ(settings->endpoints, (Endpoints{"https://a.example:1", "https://b.example:2"}));
  EXPECT_EQ(settings->ca_file, "/ca.pem");
  EXPECT_EQ(settings->cert_file, "/c.pem");
  EXPECT_EQ(settings->key_file, "/k.pem");
  EXPECT_EQ(settings->user, "app");
  EXPECT_EQ(settings->password, "first");

  Variables with_password = variables;
  with_password["ETCDCTL_USER"] = "app";
  with_password["ETCDCTL_PASSWORD"] = "second";
  settings = parse("//c.example:3/ids?ca_file=/mine.pem", with_password);
  ASSERT_TRUE(settings) << settings.error().what();
  EXPECT_EQ(settings->endpoints, Endpoints{"https://c.example:3"}) << "the URL wins";
  EXPECT_EQ(settings->ca_file, "/mine.pem");
  EXPECT_EQ(settings->password, "second");
}

TEST(EtcdUrl, SpeaksTlsWhereItIsTold) {
  EXPECT_EQ(parse("//a.example?tls=true")->endpoints, Endpoints{"https://a.example:2379"});
  EXPECT_EQ(parse("//a.example?ca_file=/ca.pem")->endpoints, Endpoints{"https://a.example:2379"});
  EXPECT_EQ(parse("//a.example?tls=false", {{"ETCDCTL_CACERT", "/ca.pem"}})->endpoints,
            Endpoints{"http://a.example:2379"});
}

TEST(EtcdUrl, KeepsPasswordsOutOfTheClearAndOutOfSight) {
  const Variables user{{"ETCDCTL_USER", "app:topsecret"}};
  EXPECT_TRUE(parse("//127.0.0.1:1/ids", user)) << "this machine";
  EXPECT_TRUE(parse("//a.example/ids?tls=true", user));
  EXPECT_TRUE(parse("//a.example/ids?plain_http=true", user));
  const std::string in_clear = why_not("//a.example/ids", user);
  EXPECT_NE(in_clear.find("in the clear"), std::string::npos) << in_clear;
  EXPECT_EQ(in_clear.find("topsecret"), std::string::npos) << in_clear;
  for (const char* rest :
       {"//app:topsecret@a.example/ids", "//a.example/ids?password=topsecret&user=app",
        "//app:topsecret@a.example/ids#x", "//app:top@secret:topsecret@a/ids"}) {
    const std::string why = why_not(rest);
    EXPECT_EQ(why.find("topsecret"), std::string::npos) << why;
  }
  EXPECT_EQ(parse("//app@127.0.0.1/ids?password_file=/x")->url,
            "etcd://app@127.0.0.1/ids?password_file=/x");
}

TEST(EtcdUrl, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {"a.example", "no store URL"},
      {"//a.example:0/ids", "no HOST:PORT"},
      {"//a.example:x/ids", "no HOST:PORT"},
      {"//a.example:65536/ids", "no HOST:PORT"},
      {"//a b/ids", "no HOST:PORT"},
      {"//ftp://a/ids", "no HOST:PORT"},
      {"//a/ids/c", "no prefix"},
      {"//a/ids?what=1", "no parameter 'what'"},
      {"//a/ids?tls=yes", "must be true or false"},
      {"//a/ids?tls=true&tls=true", "more than once"},
      {"//a/ids?ca_file=", "is empty"},
      {"//a/ids?cert_file=/c.pem", "both cert_file= and key_file="},
      {"//a/ids?user=app", "has no password"},
      {"//a/ids?password_file=/x", "needs a user"},
      {"//one@a/ids?user=two", "given twice"},
      {"//a/ids?attempt_timeout=49ms", "50ms to 30s"},
      {"//a/ids?password=x", "others see"},
  };
  for (const auto& [rest, part] : wrong) {
    const std::string why = why_not(rest);
    EXPECT_NE(why.find(part), std::string::npos) << rest << ": " << why;
  }
}

}  // namespace
}  // namespace nextid::store
