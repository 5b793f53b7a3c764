#include "store/factory.h"

#include <cstdlib>
#include <filesystem>
#include <string>

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
  for (const char* path : {"file:odd?mode=ro#%41.db", ":memory:", "a b.db", "./plain.db"}) {
    EXPECT_TRUE(store::open_driver(std::string("sqlite:") + path).has_value()) << path;
    EXPECT_TRUE(std::filesystem::exists(directory.path() / path)) << path;
  }
  std::filesystem::current_path(old);
}

TEST(Factory, NamesTheKnownSchemes) {
  for (const char* url : {"", "ids.db", "mysql:ids", "sqlite", "SQLite:ids.db", ":", "sqlitex:a"}) {
    expect_invalid(url, "memory: or sqlite:PATH");
  }
}

TEST(Factory, RefusesUrlsThatLackSomethingOrSayTooMuch) {
  expect_invalid("sqlite:", "path");
  expect_invalid(std::string("sqlite:a\0b", 10), "path");
  expect_invalid("memory:x", "nothing follows");
}

}  // namespace
}  // namespace nextid::test
