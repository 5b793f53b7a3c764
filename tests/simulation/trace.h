// What happened in a simulated world, in one number: two runs of a seed are compared by it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string_view>

namespace nextid::simulation {

class Trace {
 public:
  /// `prints` has each event written to standard output, too.
  explicit Trace(bool prints) noexcept : prints_(prints) {}

  void note(std::uint64_t time_us, std::string_view what,
            std::initializer_list<std::uint64_t> values) {
    add(time_us);
    for (const char letter : what) add(static_cast<unsigned char>(letter));
    for (const std::uint64_t value : values) add(value);
    if (prints_) print(time_us, what, values);
  }

  std::uint64_t hash() const noexcept { return hash_; }

 private:
  // FNV-1a, by words.
  void add(std::uint64_t value) noexcept { hash_ = (hash_ ^ value) * 0x100000001B3ULL; }

  static void print(std::uint64_t time_us, std::string_view what,
                    std::initializer_list<std::uint64_t> values) {
    std::printf("%10ju us  %.*s", std::uintmax_t{time_us}, static_cast<int>(what.size()),
                what.data());
    for (const std::uint64_t value : values) {
      std::printf(" %jd", static_cast<std::intmax_t>(value));
    }
    std::printf("\n");
  }

  const bool prints_;
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
};

}  // namespace nextid::simulation
