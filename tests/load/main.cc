// load_client: asks for ids as fast as it can and records every answer for check_history.
// Exit code: 0 done, 1 something unexpected happened, 2 the options are wrong.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "nextid/error.h"

#include "load/http_load.h"
#include "load/library_load.h"

namespace {

using nextid::testing::HttpLoad;
using nextid::testing::LibraryLoad;

// The options that both loads have.
template <typename Load>
void add_options(CLI::App& command, Load& load) {
  command.add_option("--counter", load.counter, "Counter to take ids of")->required();
  command.add_option("--history", load.history_path, "File to append records to")->required();
  command.add_option("--ids", load.limits.ids, "Ids to take, at least")->capture_default_str();
  command.add_option("--seed", load.seed, "Of the mix of requests")->capture_default_str();
  command.add_option("--keep-going-until-file", load.limits.until_file,
                     "Then go on until this file exists");
  const auto seconds = [&command](const char* name, auto& value, const char* description) {
    command.add_option_function<std::uint32_t>(
        name, [&value](std::uint32_t count) { value = std::chrono::seconds(count); }, description);
  };
  seconds("--request-timeout", load.request_timeout, "For the answer to one request");
  seconds("--seconds", load.limits.at_least, "Then go on until so much time has passed");
  seconds("--time-limit", load.limits.at_most, "Fail after this time (120)");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Takes ids as fast as it can, and records every answer for check_history.");
  app.require_subcommand(1);

  LibraryLoad library;
  CLI::App* by_library = app.add_subcommand("library", "Through the library, in this process");
  by_library->add_option("--store", library.store_url, "Store URL")->required();
  by_library->add_option("--threads", library.threads, "Threads")->capture_default_str();
  by_library->add_flag("--endure", library.endure,
                       "Survive a store that goes away and comes back; use idempotency keys, too");
  by_library->add_option("--node", library.node, "This process's name in the records");
  by_library->add_option("--state-dir", library.state_dir, "Where it remembers its store");
  by_library->add_option_function<std::uint32_t>(
      "--timeout-ms",
      [&library](std::uint32_t ms) { library.request_timeout = std::chrono::milliseconds(ms); },
      "As --request-timeout, in milliseconds");
  add_options(*by_library, library);

  HttpLoad http;
  CLI::App* by_http = app.add_subcommand("http", "From a server of this machine");
  by_http->add_option("--url", http.url, "http://ADDRESS:PORT, loopback only")->required();
  by_http->add_option("--clients", http.clients, "Connections")->capture_default_str();
  by_http->add_flag("--reconnect", http.reconnect,
                    "Survive a server, or its store, that goes away and comes back");
  add_options(*by_http, http);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    if (by_library->parsed()) {
      run(library);
    } else {
      run(http);
    }
    return 0;
  } catch (const nextid::Error& error) {
    const std::string code(to_string(error.code()));
    std::fprintf(stderr, "load_client: %s: %s\n", code.c_str(), error.what());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load_client: %s\n", error.what());
    return 1;
  }
}
