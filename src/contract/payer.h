// Who is charged for what a process keeps and makes at the request of others, as the holders of one
// token are. A process that charges nobody has no payers.
#pragma once

#include <memory>
#include <utility>

#include "nextid/error.h"

namespace nextid::contract {

/// Thread-safe. Called under locks: must not block, nor call back. Its errors are of kLimited.
class Payer {
 public:
  /// Keeps it alive.
  virtual std::shared_ptr<Payer> share() = 0;

  /// For a counter that comes into memory, until give_back_place().
  virtual Result<void> take_place() = 0;
  virtual void give_back_place() noexcept = 0;

  /// A counter that does not exist is about to be made.
  virtual Result<void> make_counter() = 0;
  /// It was there already, after all.
  virtual void take_back_counter() noexcept = 0;

 protected:
  ~Payer() = default;
};

/// The place of a counter in memory, charged to its payer while this lives. Movable.
class Place {
 public:
  /// Of nobody.
  Place() = default;
  /// Refused at the payer's limit. Null: nobody is charged.
  static Result<Place> take(Payer* payer) {
    if (payer == nullptr) return Place();
    if (auto taken = payer->take_place(); !taken) return taken.error();
    return Place(payer->share());
  }
  ~Place() {
    if (payer_ != nullptr) payer_->give_back_place();
  }
  Place(Place&& other) noexcept : payer_(std::exchange(other.payer_, nullptr)) {}
  Place& operator=(Place&& other) noexcept {
    std::swap(payer_, other.payer_);
    return *this;
  }

  /// Null: nobody.
  const std::shared_ptr<Payer>& payer() const noexcept { return payer_; }

 private:
  explicit Place(std::shared_ptr<Payer> payer) noexcept : payer_(std::move(payer)) {}

  std::shared_ptr<Payer> payer_;
};

}  // namespace nextid::contract
