#include "cli/counter_names.h"

#include <chrono>

#include "nextid/store.h"

#include "store/factory.h"

namespace nextid::cli {
namespace {

constexpr std::chrono::milliseconds kCloseLimit{100};

/// A text that all names before those that begin with `start` are at or below, in byte order.
std::string before(std::string_view start) {
  std::string text(start);
  if (text.empty()) return text;
  --text.back();
  return text + '~';  // Beyond each character of a name.
}

}  // namespace

std::vector<std::string> counter_names(const server::ConfigSources& sources,
                                       std::string_view start) {
  std::vector<std::string> names;
  const auto config = server::load_config(sources);
  if (!config) return names;
  const auto traits = store::traits_of(config->store);
  if (traits.forgets || traits.lists_by_reading_all) return names;
  StoreOptions options;
  options.create_store = false;
  auto store = open_store(store::never_making(config->store), options);
  if (!store) return names;
  if (const auto page = store->counters(before(start), kMostNames)) {
    for (const CounterInfo& counter : page->counters) {
      if (counter.name.starts_with(start)) names.push_back(counter.name);
    }
  }
  store->close(kCloseLimit);
  return names;
}

}  // namespace nextid::cli
