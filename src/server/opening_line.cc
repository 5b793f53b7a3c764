#include "server/opening_line.h"

#include <cstddef>

#include "base/cat.h"
#include "store/factory.h"

namespace nextid::server {
namespace {

using base::cat;

/// "3 counters"; "" where the store can't tell, or only by reading a whole table.
std::string count_of_counters(const Store& store) {
  constexpr std::size_t kMostCounted = 1000;
  if (store::traits_of(store.url()).lists_by_reading_all) return "";
  const auto page = store.counters("", kMostCounted);
  if (!page) return "";
  if (page->more) return "over 1,000 counters";
  const std::size_t count = page->counters.size();
  if (count == 1) return "1 counter";
  return count == 0 ? "no counters" : cat(count, " counters");
}

}  // namespace

std::string opening_line(const Store& store) {
  const StoreOpening& opening = store.opening();
  const std::string place = store::shown_url(store.url());
  const std::string identity = opening.identity.empty() ? "" : "identity " + opening.identity;
  if (opening.made) {
    return cat("made a new store ", place, identity.empty() ? "" : ", " + identity,
               ": ids begin at 1");
  }
  const std::string count = count_of_counters(store);
  const std::string known =
      count.empty() || identity.empty() ? count + identity : cat(count, ", ", identity);
  return cat("opened store ", place, known.empty() ? "" : ": " + known);
}

}  // namespace nextid::server
