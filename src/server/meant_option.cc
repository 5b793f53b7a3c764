#include "server/meant_option.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace nextid::server {
namespace {

using base::ForeignName;

// What other programs call an option of ours.
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
  const std::string_view ours = base::our_name_for(name, kForeignNames);
  if (std::find(known.begin(), known.end(), ours) != known.end()) return std::string(ours);
  return base::nearest(name, known);
}

}  // namespace nextid::server
