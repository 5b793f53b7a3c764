#include "net/shared_generator.h"

#include "node/charged.h"

namespace nextid::net {

GeneratorHold SharedGenerators::get(std::string_view counter, base::MonotonicTime now,
                                    contract::Payer* payer) {
  if (last_ == nullptr || last_->first != counter) {
    auto found = generators_.find(counter);
    if (found == generators_.end()) {
      IdGenerator generator = node::Charged::generator(store_, counter, payer);
      if (!generator.usable()) return refused(std::move(generator));
      found = generators_.emplace(counter, SharedGenerator{std::move(generator)}).first;
      found->second.owner = this;
      found->second.name = found->first;
    }
    last_ = &*found;
  }
  SharedGenerator& shared = last_->second;
  if (payer != nullptr) node::Charged::join(shared.generator, *payer);
  shared.last_use = now;
  return GeneratorHold(shared);
}

/// For this request alone: another's may be accepted.
GeneratorHold SharedGenerators::refused(IdGenerator generator) {
  auto* const shared = new SharedGenerator{std::move(generator)};  // end() destroys it.
  shared->ends_with_last_hold = true;
  return GeneratorHold(*shared);
}

void SharedGenerators::forget_unused(base::MonotonicTime since) {
  last_ = nullptr;
  std::erase_if(generators_, [since](const Map::value_type& entry) {
    return entry.second.holds == 0 && entry.second.last_use < since;
  });
}

void SharedGenerators::forget(std::string_view counter) noexcept {
  last_ = nullptr;
  generators_.erase(generators_.find(counter));
}

void GeneratorHold::end(const SharedGenerator& shared) noexcept {
  if (shared.owner != nullptr) return shared.owner->forget(shared.name);
  delete &shared;
}

}  // namespace nextid::net
