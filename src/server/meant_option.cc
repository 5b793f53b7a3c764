#include "server/meant_option.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace nextid::server {
namespace {

/// What other programs call an option of ours.
struct ForeignName {
  std::string_view name;
  std::string_view ours;
};
constexpr std::array kForeignNames{
    ForeignName{"port", "http"},      ForeignName{"p", "http"},
    ForeignName{"listen", "http"},    ForeignName{"bind", "http"},
    ForeignName{"host", "http"},      ForeignName{"address", "http"},
    ForeignName{"addr", "http"},      ForeignName{"redis", "resp"},
    ForeignName{"database", "store"}, ForeignName{"db", "store"},
    ForeignName{"url", "store"},      ForeignName{"c", "config"},
    ForeignName{"count", "requests"},
};

}  // namespace

std::string meant_option(std::string_view name, const std::vector<std::string>& known) {
  for (const ForeignName& foreign : kForeignNames) {
    const bool is_known = std::find(known.begin(), known.end(), foreign.ours) != known.end();
    if (foreign.name == name && is_known) return std::string(foreign.ours);
  }
  return base::nearest(name, known);
}

}  // namespace nextid::server
