#include "contract/tombstone.h"

#include "base/cat.h"

namespace nextid::contract {

using base::cat;

bool has_moved(const Definition& definition) { return definition.comment == kMovedComment; }

std::string way_back(const std::string& counter, const Definition& definition) {
  if (!has_moved(definition)) {
    return cat("`nextid define ", counter, "` brings it back where it was.");
  }
  return cat(
      "`nextid copy` moved it to another store, which gives its ids now: use that one. Only if "
      "that is lost, `nextid define ",
      counter, " --revision ", definition.revision,
      "` brings it back here; then advance it past all ids that the other one gave.");
}

}  // namespace nextid::contract
