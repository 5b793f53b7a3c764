// Descriptors that are kept for what must work when clients use up all others.
#pragma once

#include <cstddef>
#include <vector>

#include "base/descriptor.h"

namespace nextid::base {

/// Not thread-safe.
class SpareDescriptors {
 public:
  explicit SpareDescriptors(std::size_t count) : count_(count) { take(); }

  /// As long as it lives, as many descriptors are free for whoever opens one first.
  class Lent {
   public:
    explicit Lent(SpareDescriptors& of) noexcept : of_(of) { of_.kept_.clear(); }
    ~Lent() { of_.take(); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;

   private:
    SpareDescriptors& of_;
  };

 private:
  void take() noexcept;

  const std::size_t count_;
  std::vector<Descriptor> kept_;  // Fewer where somebody was faster.
};

}  // namespace nextid::base
