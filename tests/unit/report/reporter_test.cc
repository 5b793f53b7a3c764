// A reporter on a real store.
#include "report/reporter.h"

#include <future>
#include <string>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "nextid/nextid.h"

namespace nextid::report {
namespace {

std::string status_of(Reporter& reporter) {
  std::promise<std::string> page;
  reporter.status(20, [&page](std::string text) { page.set_value(std::move(text)); });
  return page.get_future().get();
}

TEST(Reporter, WritesWhatTheStoreDid) {
  const auto store = open_store("memory:").value();
  Reporter reporter(store, [] { return ServerCounts{}; });
  IdGenerator(store, "orders").next_range(7).value();
  const std::string page = status_of(reporter);
  const auto status = boost::json::parse(page);
  EXPECT_EQ(status.at("ids_returned"), 7);
  EXPECT_EQ(status.at("counters").at(0).at("value"), "7");
}

TEST(Reporter, AnswersAfterItsEndWithNothing) {
  Reporter reporter(open_store("memory:").value(), [] { return ServerCounts{}; });
  reporter.stop();
  EXPECT_EQ(status_of(reporter), "");
}

}  // namespace
}  // namespace nextid::report
