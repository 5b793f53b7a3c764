#include "net/shared_generator.h"

namespace nextid::net {

GeneratorHold SharedGenerators::get(std::string_view counter, base::MonotonicTime now) {
  if (last_ == nullptr || last_->first != counter) {
    auto found = generators_.find(counter);
    // A counter that was refused at the bound on counters may be accepted by now.
    if (found != generators_.end() && !found->second.generator.usable() &&
        found->second.holds == 0) {
      generators_.erase(found);
      found = generators_.end();
    }
    if (found == generators_.end()) {
      found =
          generators_.emplace(counter, SharedGenerator{IdGenerator(store_, counter), 0, now}).first;
    }
    last_ = found->second.generator.usable() ? &*found : nullptr;
    found->second.last_use = now;
    return GeneratorHold(found->second);
  }
  last_->second.last_use = now;
  return GeneratorHold(last_->second);
}

void SharedGenerators::forget_unused(base::MonotonicTime since) {
  last_ = nullptr;
  std::erase_if(generators_, [since](const Map::value_type& entry) {
    return entry.second.holds == 0 && entry.second.last_use < since;
  });
}

}  // namespace nextid::net
