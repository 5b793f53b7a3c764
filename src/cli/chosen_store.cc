#include "cli/chosen_store.h"

#include <string>
#include <utility>

#include "cli/output.h"
#include "server/opening_line.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

/// Only the options that tell which store it is: the others are a server's.
StoreOptions opening_options(const server::Config& config) {
  StoreOptions options;
  options.create_store = config.store_options.create_store;
  options.accept_copy = config.store_options.accept_copy;
  options.state_dir = config.store_options.state_dir;
  options.log = [](LogLevel, const std::string& line) { tell(line); };
  return options;
}

}  // namespace

Result<Store> open_chosen_store(const server::ConfigSources& sources) {
  const auto config = server::load_config(sources);
  if (!config) return config.error();
  auto store = open_store(config->store, opening_options(*config));
  if (store && store->opening().made) tell(server::opening_line(*store));
  return store;
}

Result<Store> open_existing_store(const server::ConfigSources& sources) {
  const auto config = server::load_config(sources);
  if (!config) return config.error();
  return open_store(store::never_making(config->store), opening_options(*config));
}

}  // namespace nextid::cli
