#include "store/factory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/store_harness.h"

namespace nextid::test {
namespace {

void expect_invalid(const std::string& url, const std::string& says) {
  const auto opened = store::open_driver(url);
  ASSERT_TRUE(opened.has_error()) << url;
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid) << url;
  EXPECT_NE(std::string(opened.error().what()).find(says), std::string::npos)
      << opened.error().what();
}

TEST(Factory, OpensStoresByTheirUrl) {
  const TempDir directory;
  for (const std::string& url : {std::string("memory:"), "sqlite:" + directory.file("ids.db")}) {
    const auto opened = store::open_driver(url);
    ASSERT_TRUE(opened.has_value()) << url;
    const auto outcome = run(**opened, contract::Define{"orders", 1, Definition{}});
    EXPECT_EQ(found(outcome).value, 0);
  }
  EXPECT_TRUE(std::filesystem::exists(directory.file("ids.db")));
}

TEST(Factory, TakesPathsAsTheyAre) {
  const TempDir directory;
  const auto old = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  for (const char* path : {"a&b=c.db", "a b.db", "./plain.db"}) {
    EXPECT_TRUE(store::open_driver(std::string("sqlite:") + path).has_value()) << path;
    EXPECT_TRUE(std::filesystem::exists(directory.path() / path)) << path;
  }
  std::filesystem::current_path(old);
}

TEST(Factory, MakesNoStoreWhereTheOptionOrTheUrlSaysSo) {
  const TempDir directory;
  const std::string url = "sqlite:" + directory.file("ids.db");
  const std::vector<std::pair<std::string, bool>> refused{
      {url, false}, {url + "?create=false", true}, {url + "?create=false", false}};
  for (const auto& [given, create] : refused) {
    const auto opened = store::open_driver(given, {.create = create});
    ASSERT_TRUE(opened.has_error()) << given;
    EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(std::string(opened.error().what()).find("no store at " + directory.file("ids.db")),
              std::string::npos)
        << opened.error().what();
    EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << given;
  }
  EXPECT_TRUE(store::open_driver(url + "?create=true", {.create = false}).has_value());
  EXPECT_TRUE(store::open_driver(url + "?create=false", {.create = false}).has_value());
  EXPECT_TRUE(store::open_driver("memory:", {.create = false}).has_value());
}

TEST(Factory, HasUrlsThatMakeNothing) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"memory:", "memory:"},
      {"sqlite:/x/ids.db", "sqlite:/x/ids.db?create=false"},
      {"sqlite:/x/ids.db?create=true", "sqlite:/x/ids.db?create=false"},
      {"sqlite:/x/ids.db?create=false", "sqlite:/x/ids.db?create=false"},
      {"dynamodb://t", "dynamodb://t?create=false"},
      {"dynamodb://t?region=r&create=true&profile=p",
       "dynamodb://t?region=r&profile=p&create=false"},
      {"sqlite:/x?mode=ro", "sqlite:/x?mode=ro"},
      {"ids.db", "ids.db"},
  };
  for (const auto& [url, expected] : cases) EXPECT_EQ(store::never_making(url), expected);
}

TEST(Factory, ShowsWhereAStoreIs) {
  EXPECT_EQ(store::shown_url("memory:"), "in memory");
  EXPECT_EQ(store::shown_url("sqlite:/x/../y/./ids.db?create=false"), "sqlite:/y/ids.db");
  EXPECT_EQ(store::shown_url("sqlite:ids.db"),
            "sqlite:" + (std::filesystem::current_path() / "ids.db").string());
  EXPECT_EQ(store::shown_url("dynamodb://t?region=r"), "dynamodb://t?region=r");
}

TEST(Factory, KnowsOfAKindOfStoreWhatOthersGoBy) {
  EXPECT_TRUE(store::traits_of("memory:").forgets);
  EXPECT_FALSE(store::traits_of("sqlite:ids.db").forgets);
  EXPECT_FALSE(store::traits_of("dynamodb://t").forgets);
  EXPECT_TRUE(store::traits_of("dynamodb://t?region=r").lists_by_reading_all);
  EXPECT_FALSE(store::traits_of("sqlite:ids.db").lists_by_reading_all);
  EXPECT_FALSE(store::traits_of("oracle:ids").forgets) << "no store at all";
}

TEST(Factory, KnowsWhichStoresAreFiles) {
  const TempDir directory;
  const std::string path = directory.file("ids.db");
  EXPECT_EQ(store::local_file("sqlite:" + path)->path, path);
  EXPECT_EQ(store::local_file("sqlite:ids.db")->full_path,
            (std::filesystem::current_path() / "ids.db").string());
  for (const char* url : {"memory:", "dynamodb://t", "sqlite:", "sqlite:/x?mode=ro", "ids.db"}) {
    EXPECT_FALSE(store::local_file(url)) << url;
  }
}

TEST(Factory, KnowsWhichStoresAreMissing) {
  const TempDir directory;
  const std::string path = directory.file("ids.db");
  const std::string url = "sqlite:" + path;
  const auto obstacle = [&](const std::string& parameter, bool create) {
    const auto missing = store::missing_store(url + parameter, create);
    EXPECT_TRUE(missing);
    EXPECT_EQ(missing->name, "'" + path + "'");
    return missing->obstacle;
  };
  EXPECT_NE(obstacle("", false).find("no store at " + path), std::string::npos);
  EXPECT_NE(obstacle("?create=false", true).find("no store at " + path), std::string::npos);
  EXPECT_EQ(obstacle("?create=true", false), "");
  EXPECT_EQ(obstacle("", true), "");
  EXPECT_FALSE(std::filesystem::exists(path)) << "looking makes nothing";

  ASSERT_TRUE(store::open_driver(url).has_value());
  EXPECT_FALSE(store::missing_store(url, true));
  for (const char* other : {"memory:", "sqlite:", "sqlite:/x?mode=ro", "ids.db"}) {
    EXPECT_FALSE(store::missing_store(other, true)) << other;
  }
}

// What is left of a store is refused by looking as by opening.
TEST(Factory, FindsWhatIsLeftOfAStore) {
  const TempDir directory;
  const std::string path = directory.file("ids.db");
  const std::string url = "sqlite:" + path;
  ASSERT_TRUE(store::open_driver(url).has_value());
  std::filesystem::remove(path);
  EXPECT_EQ(store::missing_store(url, true)->obstacle, store::open_driver(url).error().what());
  EXPECT_NE(store::missing_store(url, true)->obstacle.find("-lock tells of a store"),
            std::string::npos);
  std::ofstream(path + "-wal") << "frames";
  EXPECT_EQ(store::missing_store(url, true)->obstacle, store::open_driver(url).error().what());
  EXPECT_NE(store::missing_store(url, true)->obstacle.find("-wal is left from a database"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(path + "-wal"));
}

TEST(Factory, RefusesCharactersThatNobodySees) {
  const TempDir directory;
  const std::string url = "sqlite:" + directory.file("ids.db");
  expect_invalid(url + "\r", "ids.db\\r' names no store: it ends in a carriage return");
  expect_invalid(url + "?create=true\n", "it ends in a line feed");
  expect_invalid(" " + url, "it begins with a blank");
  expect_invalid(url + " ?create=true", "ids.db ': it ends in a blank");
  expect_invalid("sqlite:\xc2\xa0" + directory.file("ids.db"), "it begins with a no-break space");
  expect_invalid("memory:\t", "it ends in a tab");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Factory, NamesTheKnownSchemes) {
  for (const char* url :
       {"", "ids.db", "oracle:ids", "sqlite", "SQLite:ids.db", ":", "sqlitex:a"}) {
    expect_invalid(url,
                   "use sqlite:PATH or postgres://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE "
                   "or etcd://HOST:PORT/PREFIX or dynamodb://TABLE or memory:");
    expect_invalid(url, " or memory:");
  }
}

TEST(Factory, ShowsNoPassword) {
  EXPECT_EQ(store::without_password("postgres://ann:secret@db/ids"), "postgres://ann@db/ids");
  EXPECT_EQ(store::without_password("oracle://ann:secret@db/ids"), "oracle://ann@db/ids");
  EXPECT_EQ(store::shown_url("postgres://ann:secret@db/ids"), "postgres://ann@db/ids");
  EXPECT_EQ(store::shown_url("postgres://ann:sec@ret@db/ids"), "postgres://ann@db/ids");
  EXPECT_EQ(store::never_making("postgres://ann:secret@db/ids"),
            "postgres://ann:secret@db/ids?create=false");
  // A file may be called so.
  EXPECT_EQ(store::without_password("sqlite:/a:b@c.db?create=false"),
            "sqlite:/a:b@c.db?create=false");
  EXPECT_EQ(store::shown_url("sqlite:/a:b@c.db?create=false"), "sqlite:/a:b@c.db");
}

TEST(Factory, TellsNoPasswordOfAWrongUrl) {
  for (const char* url :
       {"postgresql://ann:secret@db/ids", "ann:secret@db/ids", "://ann:secret@db",
        "pg:ann:secret@db", "postgres:ann:secret@db", "postgres://ann:secret@db/ids\r",
        "oracle:///ids?password=secret", "postgres://ann:secret@db/ids?create=perhaps",
        "postgres://ann@db/ids?password=secret&x=%", "dynamodb://ann:secret@ids",
        "dynamodb://ann:secret@ids?region", "memory:ann:secret@db", "postgres://ann:secret%@db/ids",
        "postgres://ann:secret@db:port/ids"}) {
    for (const auto& error : {store::open_driver(url).error(), store::schema_of(url).error()}) {
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
      EXPECT_EQ(error.code(), ErrorCode::kInvalid) << error.what();
    }
  }
}

TEST(Factory, RefusesAPasswordThatEndsWhereItSeemsNotTo) {
  for (const char* url : {"postgres://ann:sec@ret@db/ids", "postgres://ann:sec/ret@db/ids",
                          "postgres://ann:sec?ret@db/ids", "postgres://ann:sec#ret@db/ids"}) {
    expect_invalid(url, "'postgres://ann@db/ids' is shown without");
    expect_invalid(url, "write %40 for '@'");
  }
}

TEST(Factory, NamesTheUrlsUserInTheRightsOfASchema) {
  for (const auto& [url, role] : std::vector<std::pair<std::string, std::string>>{
           {"postgres://ann@db/ids", "\"ann\""},
           {"postgres://ann:secret@db/ids", "\"ann\""},
           {"postgres://a%22b@db/ids", "\"a\"\"b\""},
           {"postgres:///ids?user=ann", "\"ann\""},
           {"postgres://db/ids", "nextid"},
           {"mysql://ann:secret@db/ids", "'ann'@'%'"}}) {
    const auto schema = store::schema_of(url);
    ASSERT_TRUE(schema) << schema.error().what();
    EXPECT_NE(schema->find(" TO " + role + ";\n"), std::string::npos) << *schema;
    EXPECT_EQ(schema->find("secret"), std::string::npos) << *schema;
  }
}

TEST(Factory, HasNoSchemaOfWhatHasNoTablesOfYours) {
  const TempDir directory;
  const std::string file = directory.file("ids.db");
  for (const std::string& url : {"sqlite:" + file, std::string("memory:"),
                                 std::string("dynamodb://t"), std::string("etcd://db")}) {
    const auto schema = store::schema_of(url);
    ASSERT_TRUE(schema.has_error()) << url;
    EXPECT_EQ(schema.error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(std::string(schema.error().what()),
              "the store " + store::shown_url(url) + " has no tables that you could make yourself");
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Factory, RefusesUrlsThatLackSomethingOrSayTooMuch) {
  expect_invalid("sqlite:", "path");
  expect_invalid(std::string("sqlite:a\0b", 10), "its character 9 is a NUL");
  expect_invalid("memory:x", "nothing follows");
}

}  // namespace
}  // namespace nextid::test
