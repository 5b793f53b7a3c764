// The places for connections, of which each front end keeps a few for itself: however many clients
// one of them has, health is still told on another.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace nextid::net {

class Places;

/// The place of one connection, until it is destroyed or given back.
class Place {
 public:
  Place() = default;
  Place(Places& places, std::size_t front_end) noexcept : places_(&places), front_end_(front_end) {}
  ~Place() { give_back(); }
  Place(Place&& other) noexcept
      : places_(std::exchange(other.places_, nullptr)), front_end_(other.front_end_) {}
  Place& operator=(Place&& other) noexcept {
    give_back();
    places_ = std::exchange(other.places_, nullptr);
    front_end_ = other.front_end_;
    return *this;
  }

  void give_back() noexcept;

 private:
  Places* places_ = nullptr;
  std::size_t front_end_ = 0;
};

/// Front ends are numbers here, from 0. Thread-safe. Outlives its places.
class Places {
 public:
  /// How many each front end keeps for itself: a sixteenth of all, and not more than this.
  static constexpr std::size_t kMostKept = 64;

  /// `are_served` says of each front end whether it is served; one alone keeps none.
  Places(std::size_t most, const std::vector<bool>& are_served);

  /// Nothing where all places that the front end may have are taken.
  std::optional<Place> take(std::size_t front_end);
  /// Whether a connection of `from` that ended would leave its place to one of `to`.
  bool would_serve(std::size_t from, std::size_t to) const;

  std::size_t most() const noexcept { return most_; }

 private:
  friend class Place;
  struct Share {
    std::size_t kept = 0;
    std::size_t taken = 0;
  };

  void give_back(std::size_t front_end) noexcept;

  const std::size_t most_;
  mutable base::Mutex mutex_;
  std::vector<Share> shares_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::net
