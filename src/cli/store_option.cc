#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace nextid::cli {

void add_store_option(CLI::App& command, std::string& store) {
  store = "sqlite:ids.db";
  command.add_option("--store", store, "The store: sqlite:PATH or dynamodb://TABLE")
      ->envname("NEXTID_STORE")
      ->type_name("URL")
      ->capture_default_str();
}

Result<Store> open_chosen_store(const std::string& store) {
  StoreOptions options;
  const char* state_dir = std::getenv("NEXTID_STATE_DIR");
  if (state_dir != nullptr && std::string_view(state_dir) != "none") options.state_dir = state_dir;
  options.log = [](LogLevel, const std::string& line) {
    std::fprintf(stderr, "nextid: %s\n", line.c_str());
  };
  return open_store(store, std::move(options));
}

}  // namespace nextid::cli
