// URLs of MySQL stores, and what stands in for their parts.
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "store/factory.h"
#include "store/mysql/url.h"

namespace nextid::store {
namespace {

using Environment = std::map<std::string, std::string>;

Result<MysqlSettings> parse(const std::string& rest, const Environment& environment = {}) {
  return parse_mysql_url(rest, true, [&](const char* name) -> std::optional<std::string> {
    const auto it = environment.find(name);
    return it == environment.end() ? std::nullopt : std::optional(it->second);
  });
}

void expect_invalid(const std::string& rest, const std::string& says,
                    const Environment& environment = {}) {
  const auto parsed = parse(rest, environment);
  ASSERT_TRUE(parsed.has_error()) << rest;
  EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid);
  const std::string sentence = parsed.error().what();
  EXPECT_NE(sentence.find(says), std::string::npos) << sentence;
  EXPECT_EQ(sentence.find("s3cret"), std::string::npos) << sentence;
}

TEST(MysqlUrl, HasParts) {
  const auto settings =
      parse(
          "//ada:p%40ss@db.example:3307/ids?tables=mine&create=false&attempt_timeout=5s&"
          "ssl_ca=/etc/ca.pem&ssl_cert=/c.pem&ssl_key=/k.pem&ssl_verify=false&option_file=/o.cnf&"
          "option_group=prod&require_semi_sync=true")
          .value();
  EXPECT_EQ(settings.user, "ada");
  EXPECT_EQ(settings.password, "p@ss");
  EXPECT_EQ(settings.host, "db.example");
  EXPECT_EQ(settings.port, 3307);
  EXPECT_EQ(settings.database, "ids");
  EXPECT_EQ(settings.tables, "mine");
  EXPECT_FALSE(settings.create);
  EXPECT_EQ(settings.attempt_timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings.ssl_ca, "/etc/ca.pem");
  EXPECT_EQ(settings.ssl_cert, "/c.pem");
  EXPECT_EQ(settings.ssl_key, "/k.pem");
  EXPECT_FALSE(settings.ssl_verify);
  EXPECT_EQ(settings.option_file, "/o.cnf");
  EXPECT_EQ(settings.option_group, "prod");
  EXPECT_TRUE(settings.require_semi_sync);
}

TEST(MysqlUrl, MayLeaveMostToOptionFiles) {
  const auto settings = parse("//").value();
  EXPECT_EQ(settings.user + settings.host + settings.database + settings.socket, "");
  EXPECT_EQ(settings.port, 0);
  EXPECT_EQ(settings.tables, "nextid");
  EXPECT_EQ(parse("///ids?socket=/run/mysqld.sock").value().socket, "/run/mysqld.sock");
  EXPECT_EQ(parse("//[::1]:3306/ids").value().host, "::1");
}

TEST(MysqlUrl, TakesFromTheEnvironmentWhatItLeavesOut) {
  const Environment environment{{"MYSQL_HOST", "elsewhere"},
                                {"MYSQL_TCP_PORT", "3310"},
                                {"MYSQL_UNIX_PORT", "/run/other.sock"},
                                {"MYSQL_PWD", "word"}};
  const auto all = parse("//ada@/ids", environment).value();
  EXPECT_EQ(all.host, "elsewhere");
  EXPECT_EQ(all.port, 3310);
  EXPECT_EQ(all.socket, "");
  EXPECT_EQ(all.password, "word");
  const auto none = parse("//ada:own@here:3306/ids", environment).value();
  EXPECT_EQ(none.host, "here");
  EXPECT_EQ(none.port, 3306);
  EXPECT_EQ(none.password, "own");
  EXPECT_EQ(parse("///ids?socket=/s", environment).value().host, "");
  EXPECT_EQ(parse("///ids", {{"MYSQL_UNIX_PORT", "/run/other.sock"}}).value().socket,
            "/run/other.sock");
  expect_invalid("//h/ids", "MYSQL_TCP_PORT is 'x'", {{"MYSQL_TCP_PORT", "x"}});
}

TEST(MysqlUrl, NamesWhatIsWrong) {
  expect_invalid("ids", "is no store URL");
  expect_invalid("//ada:s3cret@h:port/ids", "is no store URL");
  expect_invalid("//ada:s3cret@h/ids/more", "says more than");
  expect_invalid("//ada:s3cret@h/ids#x", "says more than");
  expect_invalid("//h:0/ids", "'0' is no port");
  expect_invalid("//h/ids?tables=a-b", "tables is 'a-b'");
  expect_invalid("//h/ids?tables=", "tables is ''");
  expect_invalid("//h/ids?create=yes", "create is 'yes'");
  expect_invalid("//h/ids?ssl=no", "ssl is 'no'");
  expect_invalid("//h/ids?attempt_timeout=10ms", "must be a time from 100ms to 30s");
  expect_invalid("//h/ids?socket=", "socket is empty");
  expect_invalid("//h/ids?ssl_cert=/c", "the two halves");
  expect_invalid("//h/ids?ssl=false&ssl_ca=/c", "ssl=false contradicts");
  expect_invalid("//h/ids?region=x", "has no parameter 'region', but socket, tables,");
  expect_invalid("//h/ids?create=true&create=false", "given more than once");
}

TEST(MysqlUrl, IsShownWithoutItsPassword) {
  EXPECT_EQ(shown_url("mysql://ada:s3cret@h:3306/ids?tables=t"), "mysql://ada@h:3306/ids?tables=t");
  EXPECT_EQ(shown_url("mysql://ada:s3/cr@et@h/ids"), "mysql://ada@h/ids");
  EXPECT_EQ(shown_url("mysql://ada@h:3306/ids"), "mysql://ada@h:3306/ids");
  EXPECT_EQ(shown_url("mysql://h:3306/ids"), "mysql://h:3306/ids");
  EXPECT_EQ(parse("//ada:s3cret@h/ids").value().url, "mysql://ada@h/ids");
}

// Plain passwords and ids go over no network that others share, unless somebody says so.
TEST(MysqlUrl, NeedsTlsWhereTheWayLeavesTheMachine) {
  for (const char* rest : {"//h/ids", "//10.0.0.1/ids", "//localhost/ids?ssl=true",
                           "//127.0.0.1/ids?ssl_ca=/ca.pem"}) {
    EXPECT_TRUE(needs_tls(parse(rest).value())) << rest;
  }
  for (const char* rest : {"//h/ids?ssl=false", "//localhost/ids", "//127.0.0.1:3306/ids",
                           "//[::1]/ids", "//h/ids?socket=/s", "///ids"}) {
    EXPECT_FALSE(needs_tls(parse(rest).value())) << rest;
  }
  EXPECT_TRUE(parse("//h/ids").value().ssl_verify);
}

}  // namespace
}  // namespace nextid::store
