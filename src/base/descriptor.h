// The owner of a file descriptor: of a file, a pipe or a socket.
#pragma once

#include <utility>

namespace nextid::base {

/// Closes it at the end of its life. Movable, and not copyable.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  /// Owns it from now on; -1: none.
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      descriptor_ = other.release();
    }
    return *this;
  }
  ~Descriptor() { close(); }

  bool is_open() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  /// The caller owns it from now on.
  int release() noexcept { return std::exchange(descriptor_, -1); }
  /// Keeps errno, so that a failure before it can still be told.
  void close() noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace nextid::base
