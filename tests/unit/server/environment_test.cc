// Which NEXTID_* variables are refused, and which are none of ours.
#include "server/environment.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::server {
namespace {

std::string complaint(const std::string& name, const std::string& value = "x") {
  const auto checked = check_environment({{name, value}});
  return checked ? "none" : checked.error().what();
}

TEST(EnvironmentNames, OfOptionsPass) {
  Environment all{{"NEXTID_CONFIG", "x"}, {"NEXTID_TOKEN", "x"}};
  for (const Option& option : options()) all[option.environment_name()] = "x";
  EXPECT_TRUE(check_environment(all));
}

TEST(EnvironmentNames, ThatAreMisspeltAreRefusedWithTheNearest) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"NEXTID_STROE", "NEXTID_STORE"},
      {"NEXTID_STOR", "NEXTID_STORE"},
      {"NEXTID_STORES", "NEXTID_STORE"},
      {"NEXTID_store", "NEXTID_STORE"},
      {"NEXTID_TREADS", "NEXTID_THREADS"},
      {"NEXTID_CONFIGS", "NEXTID_CONFIG"},
      {"NEXTID_NO_CREATESTORE", "NEXTID_NO_CREATE_STORE"},
      {"NEXTID_PORT", "NEXTID_HTTP"},
      {"NEXTID_LISTEN", "NEXTID_HTTP"},
      {"NEXTID_HTTP_PORT", ""},
      {"NEXTID_DATABASE_URL", ""},
      {"NEXTID_", ""},
  };
  for (const auto& [name, meant] : cases) {
    EXPECT_EQ(complaint(name),
              name + " is no option" +
                  (meant.empty() ? "; unset it: `nextid serve --help` lists those that there are."
                                 : "; did you mean " + meant + "?"));
  }
  EXPECT_TRUE(complaint("NEXTID_STORE\r").starts_with("NEXTID_STORE\\r is no option"));
}

TEST(EnvironmentNames, OfKubernetesPass) {
  const std::vector<std::pair<std::string, std::string>> made{
      {"NEXTID_SERVICE_HOST", "10.0.0.11"},
      {"NEXTID_SERVICE_PORT", "8000"},
      {"NEXTID_SERVICE_PORT_HTTP", "8000"},
      {"NEXTID_PORT", "tcp://10.0.0.11:8000"},
      {"NEXTID_PORT_8000_TCP", "tcp://10.0.0.11:8000"},
      {"NEXTID_PORT_8000_TCP_PROTO", "tcp"},
      {"NEXTID_PORT_8000_TCP_PORT", "8000"},
      {"NEXTID_PORT_8000_TCP_ADDR", "10.0.0.11"},
      {"NEXTID_RESP_SERVICE_HOST", "10.0.0.12"},
      {"NEXTID_RESP_SERVICE_PORT", "6380"},
      {"NEXTID_RESP_SERVICE_PORT_RESP", "6380"},
      {"NEXTID_RESP_PORT", "tcp://10.0.0.12:6380"},
      {"NEXTID_RESP_PORT_6380_TCP", "tcp://10.0.0.12:6380"},
      {"NEXTID_RESP_PORT_6380_TCP_ADDR", "10.0.0.12"},
      {"NEXTID_EU_WEST_1_PORT_53_UDP_PROTO", "udp"},
  };
  for (const auto& [name, value] : made) EXPECT_EQ(complaint(name, value), "none") << name;
}

TEST(EnvironmentNames, ThatOnlyResembleThoseOfKubernetesDoNotPass) {
  for (const char* name :
       {"NEXTID_PORT", "NEXTID_RESP_PORT", "NEXTID_PORT_TCP", "NEXTID_PORT_80", "NEXTID_PORT_X_TCP",
        "NEXTID_PORT_8000_TCP_X", "NEXTID_8000_TCP", "NEXTID_SERVICE", "NEXTID_SERVICE_PORTS"}) {
    EXPECT_NE(complaint(name, "8000"), "none") << name;
  }
}

// Or a service beside the server could set it.
TEST(EnvironmentNames, OfNoOptionAreMadeByKubernetes) {
  for (const Option& option : options()) {
    EXPECT_FALSE(is_made_by_kubernetes(option.environment_name(), "tcp://10.0.0.11:8000"))
        << option.name;
  }
  EXPECT_FALSE(is_made_by_kubernetes(kConfigEnvironmentName, "tcp://10.0.0.11:8000"));
  EXPECT_FALSE(is_made_by_kubernetes(kTokenEnvironmentName, "tcp://10.0.0.11:8000"));
}

}  // namespace
}  // namespace nextid::server
