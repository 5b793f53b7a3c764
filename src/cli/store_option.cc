#include <string>

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

}  // namespace nextid::cli
