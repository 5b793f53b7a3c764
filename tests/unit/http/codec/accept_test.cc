// Which of its two formats /metrics is answered in.
#include "http/codec/accept.h"

#include <gtest/gtest.h>

namespace nextid::http {
namespace {

constexpr std::string_view kAsksForIt = "application/openmetrics-text; version=1.0.0";

TEST(Accept, GivesOpenMetricsToThoseWhoNameIt) {
  for (const std::string_view accept : {
           kAsksForIt,
           std::string_view("application/openmetrics-text"),
           std::string_view("Application/OpenMetrics-Text;VERSION=1.0.0;charset=utf-8"),
           std::string_view("application/openmetrics-text ;\tversion=\"1.0.0\" ; q=1.000"),
           std::string_view("text/html, application/openmetrics-text;q=0.001"),
           std::string_view("*/*, application/openmetrics-text"),
           std::string_view("text/plain, application/openmetrics-text"),
           std::string_view("text/plain;q=0, */*;q=0.1"),
           std::string_view("application/*"),
           // Prometheus 2.42 and 3.
           std::string_view("application/openmetrics-text;version=1.0.0,"
                            "application/openmetrics-text;version=0.0.1;q=0.75,"
                            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
           std::string_view("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                            "application/openmetrics-text;version=0.0.1;q=0.5,"
                            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
       }) {
    EXPECT_TRUE(prefers_openmetrics(accept)) << accept;
  }
}

TEST(Accept, GivesTheTextFormatToAllOthers) {
  for (const std::string_view accept : {
           "",
           "*/*",
           "text/*, */*;q=0.5",
           "text/plain",
           "application/json",
           "application/openmetrics-text;version=0.0.1",
           "application/openmetrics-text;version=2.0.0, text/plain;q=0.1",
           "application/openmetrics-text;q=0",
           "application/openmetrics-text;q=0.4, text/plain;q=0.5",
           "application/openmetrics-text;q=0.4, */*",
           "text/*;q=0.9, application/openmetrics-text;q=0.8",
           "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
       }) {
    EXPECT_FALSE(prefers_openmetrics(accept)) << accept;
  }
}

TEST(Accept, TakesNothingFromWhatIsNotWellFormed) {
  for (const std::string_view accept : {
           ",",
           ";",
           "/",
           ";;=,/;q",
           "application/openmetrics-text;q=",
           "application/openmetrics-text;q=2",
           "application/openmetrics-text;q=1.5",
           "application/openmetrics-text;q=0.5000",
           "application/openmetrics-text;q=-1",
           "application/openmetrics-text;q=x",
           "\"application/openmetrics-text",
           "x;a=\", application/openmetrics-text",
           "application",
           "application/openmetrics-text/x",
           "application/openmetrics-text;version=\"1.0.0",
       }) {
    EXPECT_FALSE(prefers_openmetrics(accept)) << accept;
  }
}

TEST(Accept, ASeparatorInsideQuotesIsText) {
  EXPECT_TRUE(prefers_openmetrics("x/y;a=\",;\", application/openmetrics-text"));
}

}  // namespace
}  // namespace nextid::http
