// What the URL of an SQLite store may say, and what is refused with what was meant.
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"
#include "store/sqlite/url.h"

namespace nextid::store {
namespace {

TEST(SqliteUrl, IsAPathAsItIsWritten) {
  for (const char* path :
       {"ids.db", "./ids.db", "/srv/my ids/a&b=c.db", "a:b", "Gr\xc3\xb6\xc3\x9f"}) {
    const auto settings = parse_sqlite_url(path);
    ASSERT_TRUE(settings) << path;
    EXPECT_EQ(settings->path, path);
    EXPECT_TRUE(settings->create);
  }
}

TEST(SqliteUrl, SaysWhetherToMakeTheStoreAndWinsOverTheOption) {
  EXPECT_FALSE(parse_sqlite_url("ids.db", false)->create);
  for (const bool option : {true, false}) {
    EXPECT_FALSE(parse_sqlite_url("ids.db?create=false", option)->create);
    EXPECT_TRUE(parse_sqlite_url("ids.db?create=true", option)->create);
    EXPECT_EQ(parse_sqlite_url("a b/ids.db?create=true", option)->path, "a b/ids.db");
  }
}

TEST(SqliteUrl, RefusesWhatIsMeantOtherwise) {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "needs the path of a file: sqlite:PATH"},
      {"?create=true", "needs the path"},
      {"//", "write sqlite:PATH"},
      {"//ids.db", "slashes of a host, and a file has none; write sqlite:ids.db"},
      {"///srv/ids.db", "write sqlite:/srv/ids.db, or sqlite:srv/ids.db below"},
      {"////srv/ids.db", "write sqlite:/srv/ids.db, or"},
      {"file:ids.db", "write sqlite:ids.db"},
      {"file:///srv/ids.db?mode=ro", "write sqlite:/srv/ids.db"},
      {":memory:", "write memory:"},
      {"/srv/my%20ids.db", "write sqlite:/srv/my ids.db"},
      {"/srv/100%.db", "has a percent sign"},
      {"/srv/ids.db#1", "has a '#'"},
      {"/srv/ids.db?mode=ro", "says '?mode=ro'"},
      {"/srv/ids.db?", "says '?'"},
      {"/srv/ids.db?create", "?create=true or ?create=false"},
      {"/srv/ids.db?create=no", "?create=true or ?create=false"},
      {"/srv/ids.db?create=false&create=true", "?create=true or ?create=false"},
      {"/srv/ids.db?create=false?", "?create=true or ?create=false"},
      {"/srv/ids.db?cache=shared&create=false", "?create=true or ?create=false"},
  };
  for (const auto& [rest, says] : wrong) {
    const auto settings = parse_sqlite_url(rest);
    ASSERT_TRUE(settings.has_error()) << rest;
    EXPECT_EQ(settings.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(std::string(settings.error().what()).find(says), std::string::npos)
        << settings.error().what();
  }
}

TEST(SqliteUrl, OnlyAMissingOrAnEmptyFileIsNoStore) {
  const test::TempDir directory;
  const std::string path = directory.file("ids.db");
  for (const std::string& missing : {path, path + "/below", directory.file("no") + "/ids.db"}) {
    const auto there = require_sqlite_store(missing);
    ASSERT_TRUE(there.has_error()) << missing;
    EXPECT_EQ(there.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(std::string(there.error().what()).find("there is no store at " + missing),
              std::string::npos);
  }
  std::ofstream(path).flush();
  EXPECT_TRUE(require_sqlite_store(path).has_error());
  EXPECT_TRUE(require_sqlite_store(path + "/below").has_error());
  std::ofstream(path) << "whatever it is, its opening says what is wrong with it";
  EXPECT_TRUE(require_sqlite_store(path));
  EXPECT_TRUE(require_sqlite_store(directory.path().string()));
}

}  // namespace
}  // namespace nextid::store
