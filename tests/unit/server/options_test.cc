// Where options come from, which source wins, and how wrong values are reported.
#include "server/options.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/option_pages.h"
#include "unit/node/scratch_dir.h"

namespace nextid::server {
namespace {

using std::chrono::milliseconds;

class Options : public ::testing::Test {
 protected:
  std::string write_file(const std::string& text) {
    const auto path = directory_.path() / "nextid.toml";
    std::ofstream(path) << text;
    return path.string();
  }

  static Config load(const ConfigSources& sources) {
    const auto config = load_config(sources);
    EXPECT_TRUE(config) << config.error().what();
    return config ? *config : Config{};
  }

  static std::string failure(const ConfigSources& sources) {
    const auto config = load_config(sources);
    EXPECT_FALSE(config) << "nothing was refused";
    if (config) return "";
    EXPECT_EQ(config.error().code(), ErrorCode::kInvalid);
    return config.error().what();
  }

  nextid::testing::ScratchDir directory_;
};

TEST_F(Options, DefaultsAreTheFieldsOfConfig) {
  const Config defaults;
  Config applied;
  for (const auto& option : options()) {
    EXPECT_TRUE(option.apply(applied, option.default_text)) << option.name;
  }
  std::string sample = sample_config();
  for (const auto& option : options()) {
    const auto at = sample.find("\n#" + default_line(option) + "\n");
    ASSERT_NE(at, std::string::npos) << option.name;
    sample.erase(at + 1, 1);
  }
  for (const Config& config : {applied, load({}), load({.file = write_file(sample)})}) {
    EXPECT_EQ(config.store, defaults.store);
    EXPECT_EQ(config.http.to_string(), "127.0.0.1:8000");
    EXPECT_EQ(config.threads, defaults.threads);
    EXPECT_EQ(config.store_options.max_range, defaults.store_options.max_range);
    EXPECT_EQ(config.store_options.max_waiting_requests,
              defaults.store_options.max_waiting_requests);
    EXPECT_EQ(config.store_options.max_waiting_ids, defaults.store_options.max_waiting_ids);
    EXPECT_EQ(config.store_options.max_reservation, defaults.store_options.max_reservation);
    EXPECT_EQ(config.store_options.max_counters, defaults.store_options.max_counters);
    EXPECT_EQ(config.store_options.idle_counter_timeout,
              defaults.store_options.idle_counter_timeout);
    EXPECT_EQ(config.store_options.request_timeout, defaults.store_options.request_timeout);
    EXPECT_EQ(config.store_options.default_cache, defaults.store_options.default_cache);
    EXPECT_EQ(config.store_options.auto_create, defaults.store_options.auto_create);
    EXPECT_EQ(config.store_options.idempotency_retention,
              defaults.store_options.idempotency_retention);
    EXPECT_EQ(config.clients.max_connections, defaults.clients.max_connections);
    EXPECT_EQ(config.clients.header_timeout, defaults.clients.header_timeout);
    EXPECT_EQ(config.clients.idle_timeout, defaults.clients.idle_timeout);
    EXPECT_EQ(config.clients.write_timeout, defaults.clients.write_timeout);
    EXPECT_EQ(config.http_limits.max_head_bytes, defaults.http_limits.max_head_bytes);
    EXPECT_EQ(config.http_limits.max_body_bytes, defaults.http_limits.max_body_bytes);
    EXPECT_EQ(config.shutdown_timeout, defaults.shutdown_timeout);
    EXPECT_EQ(config.log_level, defaults.log_level);
  }
}

TEST_F(Options, TheMemoryOfClientsFollowsTheirNumber) {
  constexpr std::size_t kMiB = 1024 * 1024;
  const auto bytes = [](const std::map<std::string, std::string>& flags) {
    return load({.flags = flags}).client_bytes();
  };
  EXPECT_EQ(bytes({}), 512 * kMiB);
  EXPECT_EQ(bytes({{"max-client-bytes", "auto"}}), 512 * kMiB);
  EXPECT_EQ(bytes({{"max-connections", "16384"}}), 768 * kMiB);
  EXPECT_EQ(bytes({{"max-connections", "4"}, {"max-client-bytes", "131072"}}), 131'072U);
}

// Whatever --help and docs/options.md call the default can be said.
TEST_F(Options, DefaultsCanBeGivenEverywhere) {
  for (const auto& option : options()) {
    const std::string name(option.name);
    const std::string text(option.default_text);
    const bool is_bare = option.is_switch() || option.value_name == "N";
    const auto file = write_file(name + " = " + (is_bare ? text : "\"" + text + "\"") + "\n");
    for (const ConfigSources& sources :
         {ConfigSources{.flags = {{name, text}}},
          ConfigSources{.environment = {{option.environment_name(), text}}},
          ConfigSources{.file = file}}) {
      const auto config = load_config(sources);
      EXPECT_TRUE(config) << config.error().what();
    }
  }
  const ConfigSources none{.flags = {{"tokens", "none"},
                                     {"tls-cert", "none"},
                                     {"tls-key", "none"},
                                     {"tls-client-ca", "none"},
                                     {"allow-host", "none"},
                                     {"state-dir", "none"}},
                           .environment = {{"NEXTID_TOKENS", "/x"}, {"NEXTID_ALLOW_HOST", "a"}}};
  const auto config = load(none);
  EXPECT_EQ(config.tokens, "");
  EXPECT_EQ(config.tls.certificate + config.tls.key + config.tls.client_ca, "");
  EXPECT_EQ(config.store_options.state_dir, "");
  EXPECT_TRUE(config.allowed_hosts.empty());
  EXPECT_EQ(load({.flags = {{"tokens", "./none"}}}).tokens, "./none");
}

TEST_F(Options, FlagsWinOverEnvironmentOverFileOverDefaults) {
  const auto file = write_file("threads = 2\nmax-range = 20\nmax-counters = 200\n");
  const auto config =
      load({.flags = {{"threads", "4"}},
            .environment = Environment(
                {{"NEXTID_THREADS", "3"}, {"NEXTID_MAX_RANGE", "30"}, {"NEXTID_MAX_COUNTERS", ""}}),
            .file = file});
  EXPECT_EQ(config.threads, 4U);
  EXPECT_EQ(config.store_options.max_range, 30U);
  EXPECT_EQ(config.store_options.max_counters, 200U) << "an empty variable counts as not set";
  EXPECT_EQ(config.store, "sqlite:ids.db");
}

TEST_F(Options, HandOnWhatConnectionsNeed) {
  const auto config = load({.flags = {{"max-range", "7"}, {"request-timeout", "300ms"}}});
  EXPECT_EQ(config.clients.max_range, 7U);
  EXPECT_EQ(config.clients.request_timeout, milliseconds(300));
}

TEST_F(Options, TheFileMayBeNamedByTheEnvironment) {
  const auto file = write_file("threads = 5\n");
  EXPECT_EQ(load({.environment = Environment({{"NEXTID_CONFIG", file}})}).threads, 5U);
}

TEST_F(Options, FilesHaveLinesOfNameAndValue) {
  const auto file = write_file(
      "# all of it\n"
      "\n"
      "store = \"sqlite:/tmp/a #1, b.db\"  # a comment\n"
      "  http='[::1]:0'\r\n"
      "threads=2 # two\n"
      "max-range = 1000\n"
      "insecure = true\n"
      "allow-host = [ \"a.example\", 'b' , ] # a list\n"
      "tokens = \"/etc/\\\"\\u0065\\u00e9\\u20ac\\U0001F600\"\n"
      "idle-timeout = \"2m\"\n");
  const auto config = load({.file = file});
  EXPECT_EQ(config.store, "sqlite:/tmp/a #1, b.db");
  EXPECT_EQ(config.http.to_string(), "[::1]:0");
  EXPECT_EQ(config.threads, 2U);
  EXPECT_EQ(config.store_options.max_range, 1000U);
  EXPECT_TRUE(config.insecure);
  EXPECT_EQ(config.allowed_hosts, (std::vector<std::string>{"a.example", "b"}));
  EXPECT_EQ(config.tokens, "/etc/\"e\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(config.clients.idle_timeout, std::chrono::minutes(2));
}

TEST_F(Options, AByteOrderMarkBeforeTheFileIsNothing) {
  EXPECT_EQ(load({.file = write_file("\xEF\xBB\xBFthreads = 3\n")}).threads, 3U);
}

TEST_F(Options, FileErrorsNameFileAndLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"\nthreds = 2\n", ", line 2: threds is no option; did you mean threads?"},
      {"port = 8080\n", ", line 1: port is no option; did you mean http?"},
      {"database-name = 'x'\n",
       ", line 1: database-name is no option; `nextid serve --help` lists"},
      {"threads = 0\n", ", line 1: threads is '0': it must be a whole number from 1 to 256."},
      {"threads = 2\n\nthreads = 3\n", ", line 3: threads is given more than once in this file."},
      {"\n[server]\nthreads = 2\n", ", line 2: there are no sections here; a line is like"},
      {"threads\n", ", line 1: a line is like  name = \"value\"  , with quotes around text."},
      {"= 2\n", ", line 1: a line is like"},
      {"server.threads = 2\n", ", line 1: a line is like"},
      {"\"threads\" = 2\n", ", line 1: a line is like"},
      {"threads =\n", ", line 1: the value is missing; a line is like"},
      {"\nhttp = 127.0.0.1:8000\n",
       ", line 2: '127.0.0.1:8000' is no whole number, true or false; text needs quotes around "
       "it."},
      {"threads = 1.5\n", "'1.5' is no whole number"},
      {"threads = 02\n", "'02' is no whole number"},
      {"threads = 0x2\n", "'0x2' is no whole number"},
      {"threads = +2\n", "'+2' is no whole number"},
      {"threads = -\n", "'-' is no whole number"},
      {"store = \"x\n", ", line 1: the text has no \" at its end."},
      {"store = 'x\n", ", line 1: the text has no ' at its end."},
      {"store = \"\"\"x\"\"\"\n", "'\"x\"\"\"' stands behind the value; a line is like"},
      {"store = \"a\\qb\"\n",
       ", line 1: a '\\' in text begins an escape, such as \\\\ for itself;"},
      {"store = \"a\\ud800\"\n", "begins an escape"},
      {"store = \"a\\u12\"\n", "begins an escape"},
      {"store = \"a\\U00110000\"\n", "begins an escape"},
      {"store = \"a\\\"\n", "the text has no \" at its end"},
      {"threads = [1, 2]\n", ", line 1: a list is like  [\"value\", \"value\"]  , in one line"},
      {"allow-host = []\n", ", line 1: a list is like"},
      {"allow-host = [\n\"a\"]\n", ", line 1: a list is like"},
      {"allow-host = [\"a\" \"b\"]\n", ", line 1: a list is like"},
      {"max-range = 9\nhttp = [\"a:1\"]\n", ", line 2: http is a list, and this option takes one"},
      {"threads = 2 3\n", ", line 1: '3' stands behind the value; a line is like"},
      {"threads = 0\nhttp = ''\n", ", line 1: threads is '0'"},
      {"store = \"\xff\"\n", ", line 1: it is no UTF-8; save the file in that encoding."},
      {"# \x7f\n", ", line 1: there is a control character in it, \\u{7f}; remove it"},
      {"threads = 2\r", ", line 1: there is a control character in it, \\r; remove it"},
      {std::string(1024 * 1024 + 1, '\n'), "exceeds 1048576 bytes"},
      {"http = \"\"\n", "HOST:PORT"},
  };
  for (const auto& [text, expected] : cases) {
    const auto file = write_file(text);
    const auto sentence = failure({.file = file});
    EXPECT_NE(sentence.find(file), std::string::npos) << sentence;
    EXPECT_NE(sentence.find(expected), std::string::npos) << sentence;
  }
  EXPECT_NE(failure({.file = "/no/such/file"}).find("/no/such/file: No such file"),
            std::string::npos);
  EXPECT_NE(failure({.file = directory_.path().string()}).find("directory"), std::string::npos);
}

TEST_F(Options, OtherErrorsNameTheirSource) {
  EXPECT_EQ(failure({.flags = {{"threads", "many"}}}),
            "--threads is 'many': it must be a whole number from 1 to 256.");
  EXPECT_EQ(failure({.environment = Environment({{"NEXTID_HTTP", "8000"}})}),
            "NEXTID_HTTP is '8000': it must be HOST:PORT, such as 127.0.0.1:8000, localhost:0 or "
            "[::1]:8000.");
}

TEST_F(Options, RefuseWrongValues) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      {"threads", {"", "0", "257", "-1", "+1", " 1", "1 ", "1.5", "0x1"}},
      {"max-range", {"0", "9223372036854775808"}},
      {"max-counters", {"0", "18446744073709551616"}},
      {"max-head-bytes", {"255", "1048577"}},
      {"idle-timeout", {"", "0", "0s", "s", "-1s", "1.5s", "5 s", "2d", "25h", "86400001ms"}},
      {"http",
       {"", "8000", ":8000", "a", "a:", "a:b", "a:65536", "a:-1", "a:1x", "::1:8000", "[]:1"}},
      {"log-level", {"", "debug", "INFO"}},
      {"default-cache", {"0", "9223372036854775808"}},
      {"no-auto-create", {"", "yes", "1", "True"}},
      {"idempotency-retention", {"", "0", "999ms", "1500ms", "31d", "721h", "1w", "-1d"}},
      {"store", {""}},
      {"no-create-store", {"", "yes"}},
      {"accept-copy", {"1"}},
      {"state-dir", {""}},
      {"tokens", {""}},
      {"tls-cert", {""}},
      {"allow-host", {"", ",", "a,", ",a", "a, b", "https://a", "a:80", "*"}},
      {"insecure", {"", "yes"}},
  };
  for (const auto& [name, texts] : cases) {
    for (const auto& text : texts) {
      EXPECT_TRUE(failure({.flags = {{name, text}}}).starts_with("--" + name + " is '" + text))
          << name << " " << text;
    }
  }
}

TEST_F(Options, Times) {
  const std::vector<std::pair<std::string, milliseconds>> cases{
      {"1ms", milliseconds(1)},        {"500ms", milliseconds(500)},
      {"5", milliseconds(5000)},       {"5s", milliseconds(5000)},
      {"2m", std::chrono::minutes(2)}, {"24h", std::chrono::hours(24)},
      {"1d", std::chrono::hours(24)}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(load({.flags = {{"shutdown-timeout", text}}}).shutdown_timeout, expected) << text;
  }
}

TEST_F(Options, RetentionsAreWholeSecondsUpTo30Days) {
  const std::vector<std::pair<std::string, std::chrono::seconds>> cases{
      {"1s", std::chrono::seconds(1)},
      {"2000ms", std::chrono::seconds(2)},
      {"36h", std::chrono::hours(36)},
      {"30d", std::chrono::hours(720)}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(
        load({.flags = {{"idempotency-retention", text}}}).store_options.idempotency_retention,
        expected)
        << text;
  }
}

TEST_F(Options, SwitchesAreTrueOrFalseEverywhere) {
  const auto auto_create = [](const ConfigSources& sources) {
    return load(sources).store_options.auto_create;
  };
  const auto file = write_file("no-auto-create = true\n");
  EXPECT_TRUE(auto_create({}));
  EXPECT_FALSE(auto_create({.flags = {{"no-auto-create", "true"}}}));
  EXPECT_FALSE(auto_create({.environment = Environment({{"NEXTID_NO_AUTO_CREATE", "true"}})}));
  EXPECT_FALSE(auto_create({.file = file}));
  EXPECT_TRUE(auto_create(
      {.environment = Environment({{"NEXTID_NO_AUTO_CREATE", "false"}}), .file = file}));
}

TEST_F(Options, AStoreIsMadeUnlessThatIsRefused) {
  const auto create = [](const ConfigSources& sources) {
    return load(sources).store_options.create_store;
  };
  const auto file = write_file("no-create-store = true\n");
  EXPECT_TRUE(create({}));
  EXPECT_FALSE(create({.flags = {{"no-create-store", "true"}}}));
  EXPECT_FALSE(create({.environment = Environment({{"NEXTID_NO_CREATE_STORE", "true"}})}));
  EXPECT_FALSE(create({.file = file}));
  EXPECT_TRUE(
      create({.environment = Environment({{"NEXTID_NO_CREATE_STORE", "false"}}), .file = file}));
}

struct Stray {
  std::string character;
  std::string shown;
  std::string name;
};

// Each in every option: whatever it sets, none takes what nobody sees.
TEST_F(Options, RefuseCharactersThatNobodySees) {
  const std::vector<Stray> strays{
      {"\r", "\\r", "a carriage return"},
      {"\n", "\\n", "a line feed"},
      {"\t", "\\t", "a tab"},
      {" ", " ", "a blank"},
      {"\xc2\xa0", "\\u{a0}", "a no-break space"},
      {"\xef\xbb\xbf", "\\u{feff}", "a byte order mark"},
      {"\x1b", "\\u{1b}", "an escape character"},
      {std::string(1, '\0'), "\\u{0}", "a NUL"},
  };
  for (const auto& option : options()) {
    const std::string name(option.name);
    const std::string good(option.default_text);
    for (const auto& [character, shown, called] : strays) {
      EXPECT_EQ(failure({.flags = {{name, good + character}}}),
                "--" + name + " is '" + good + shown + "': it ends in " + called + "; remove it.");
      EXPECT_EQ(failure({.environment = {{option.environment_name(), character + good}}}),
                option.environment_name() + " is '" + shown + good + "': it begins with " + called +
                    "; remove it.");
    }
  }
  EXPECT_EQ(failure({.flags = {{"store", "sqlite:a\tb"}}}),
            "--store is 'sqlite:a\\tb': its character 9 is a tab; remove it.");
}

TEST_F(Options, RefuseCharactersThatNobodySeesInTheFileAndItsName) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"store = \"sqlite:/x/ids.db \"\n", "store is 'sqlite:/x/ids.db ': it ends in a blank"},
      {"store = ' sqlite:/x/ids.db'\n", "store is ' sqlite:/x/ids.db': it begins with a blank"},
      {"store = \"sqlite:/x/ids.db\xc2\xa0\"\n", "ids.db\\u{a0}': it ends in a no-break space"},
      {"store = \"sqlite:/x/ids.db\\r\"\r\n", "ids.db\\r': it ends in a carriage return"},
      {"store = \"sqlite:/x/\tids.db\"\n", "its character 11 is a tab"},
      {std::string("store = \"sqlite:/x\0y\"\n", 22),
       ", line 1: there is a control character in it, \\u{0}; remove it"},
      {"\n\xef\xbb\xbfstore = \"memory:\"\n", ", line 2: a line is like"},
  };
  for (const auto& [text, expected] : cases) {
    const auto sentence = failure({.file = write_file(text)});
    EXPECT_NE(sentence.find(expected), std::string::npos) << sentence;
  }
  EXPECT_EQ(failure({.file = "/x/nextid.toml\r"}),
            "--config is '/x/nextid.toml\\r': it ends in a carriage return; remove it.");
  EXPECT_EQ(failure({.environment = {{"NEXTID_CONFIG", "\n/x"}}}),
            "NEXTID_CONFIG is '\\n/x': it begins with a line feed; remove it.");
  EXPECT_EQ(load({.file = write_file("store = \"memory:\"\r\n")}).store, "memory:")
      << "lines may end as they do elsewhere";
}

TEST_F(Options, RefuseAnEmptyVariableForTheStoreOnly) {
  const auto file = write_file("store = \"memory:\"\n");
  const std::string sentence =
      "NEXTID_STORE is set, but empty: give it the URL of a store such as "
      "sqlite:/var/lib/nextid/ids.db, or unset it.";
  EXPECT_EQ(failure({.environment = {{"NEXTID_STORE", ""}}}), sentence);
  EXPECT_EQ(failure({.environment = {{"NEXTID_STORE", ""}}, .file = file}), sentence);
  EXPECT_EQ(load({.flags = {{"store", "memory:"}}, .environment = {{"NEXTID_STORE", ""}}}).store,
            "memory:");
  for (const auto& option : options()) {
    if (option.name == "store") continue;
    EXPECT_TRUE(load_config({.environment = {{option.environment_name(), ""}}})) << option.name;
  }
}

TEST_F(Options, RefuseVariablesThatLookLikeOne) {
  EXPECT_EQ(failure({.environment = {{"NEXTID_STROE", "sqlite:/x/ids.db"}}}),
            "NEXTID_STROE is no option; did you mean NEXTID_STORE?");
}

TEST_F(Options, BoundsMustFitOneAnother) {
  EXPECT_EQ(failure({.flags = {{"max-range", "100"}, {"max-reservation", "99"}}}),
            "max-reservation is 99, but must be at least max-range, which is 100.");
  EXPECT_EQ(failure({.flags = {{"max-range", "100"}, {"max-waiting-ids", "99"}}}),
            "max-waiting-ids is 99, but must be at least max-range, which is 100.");
}

TEST_F(Options, FilesOfTlsGoTogether) {
  const std::string together = "tls-cert and tls-key go together, and one of them is missing.";
  EXPECT_EQ(failure({.flags = {{"tls-cert", "a"}}}), together);
  EXPECT_EQ(failure({.flags = {{"tls-key", "a"}}}), together);
  EXPECT_EQ(failure({.flags = {{"tls-client-ca", "a"}}}),
            "tls-client-ca needs tls-cert and tls-key.");
  EXPECT_EQ(load({.flags = {{"tls-cert", "a"}, {"tls-key", "b"}}}).tls.key, "b");
}

TEST_F(Options, HostNamesAreAList) {
  EXPECT_EQ(load({.flags = {{"allow-host", "a.example,b"}}}).allowed_hosts,
            (std::vector<std::string>{"a.example", "b"}));
}

TEST_F(Options, EnvironmentNames) {
  EXPECT_EQ(options().front().environment_name(), "NEXTID_STORE");
  for (const auto& option : options()) {
    if (option.name == "max-head-bytes") {
      EXPECT_EQ(option.environment_name(), "NEXTID_MAX_HEAD_BYTES");
    }
  }
}

TEST_F(Options, TheManualPageIsTheTable) {
  std::ifstream file(std::string(NEXTID_SOURCE_DIR) + "/docs/options.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), options_markdown())
      << "run: build/release/nextid manual options.md > docs/options.md";
}

TEST_F(Options, WordsThatAreOfferedAreValues) {
  for (const auto& option : options()) {
    std::istringstream words{std::string(option.words)};
    for (std::string word; words >> word;) {
      Config config;
      EXPECT_TRUE(option.apply(config, word)) << option.name << " " << word;
    }
  }
}

}  // namespace
}  // namespace nextid::server
