#include "net/places.h"

#include <algorithm>

namespace nextid::net {

void Place::give_back() noexcept {
  if (Places* const places = std::exchange(places_, nullptr)) places->give_back(front_end_);
}

Places::Places(std::size_t most, const std::vector<bool>& are_served)
    : most_(most), shares_(are_served.size()) {
  if (std::count(are_served.begin(), are_served.end(), true) < 2) return;
  const std::size_t kept = std::min(most / 16, kMostKept);
  for (std::size_t i = 0; i < are_served.size(); ++i) shares_[i].kept = are_served[i] ? kept : 0;
}

std::optional<Place> Places::take(std::size_t front_end) {
  const base::Lock lock(mutex_);
  Share& own = shares_[front_end];
  std::size_t spoken_for = 0;
  for (const Share& share : shares_) spoken_for += std::max(share.taken, share.kept);
  if (own.taken >= own.kept && spoken_for >= most_) return std::nullopt;
  ++own.taken;
  return Place(*this, front_end);
}

bool Places::would_serve(std::size_t from, std::size_t to) const {
  const base::Lock lock(mutex_);
  return from == to || shares_[from].taken > shares_[from].kept;
}

void Places::give_back(std::size_t front_end) noexcept {
  const base::Lock lock(mutex_);
  --shares_[front_end].taken;
}

}  // namespace nextid::net
