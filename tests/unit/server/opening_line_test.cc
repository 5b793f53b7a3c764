// What a start says about its store.
#include "server/opening_line.h"

#include <string>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

#include "unit/node/scratch_dir.h"

namespace nextid::server {
namespace {

using nextid::testing::ScratchDir;

std::string line_of(const Store& store, const std::string& place) {
  const std::string& identity = store.opening().identity;
  const std::string line = opening_line(store);
  EXPECT_NE(line.find(" store " + place), std::string::npos) << line;
  EXPECT_NE(line.find(identity), std::string::npos) << line;
  return line;
}

TEST(OpeningLine, SaysThatIdsBeginAnew) {
  EXPECT_EQ(opening_line(open_store("memory:").value()),
            "made a new store in memory: ids begin at 1");
}

TEST(OpeningLine, CountsTheCounters) {
  const ScratchDir directory;
  const auto count = [&] {
    return line_of(open_store(directory.sqlite_url()).value(), directory.sqlite_url());
  };
  const auto add = [&](std::size_t from, std::size_t to) {
    const auto store = open_store(directory.sqlite_url()).value();
    for (std::size_t i = from; i < to; ++i) {
      store.define("c" + std::to_string(i), {}).value();
    }
  };
  open_store(directory.sqlite_url()).value();
  EXPECT_NE(count().find("ids.db: no counters"), std::string::npos);
  add(0, 1);
  EXPECT_NE(count().find("ids.db: 1 counter"), std::string::npos);
  EXPECT_EQ(count().find("counters"), std::string::npos);
  add(1, 3);
  EXPECT_NE(count().find("ids.db: 3 counters"), std::string::npos);
  add(3, 1000);
  EXPECT_NE(count().find("ids.db: 1000 counters"), std::string::npos);
  add(1000, 1001);
  EXPECT_NE(count().find("ids.db: over 1,000 counters"), std::string::npos);
}

}  // namespace
}  // namespace nextid::server
