#include "store/sqlite/boot.h"

#include <cstdlib>
#include <ctime>
#include <fstream>

namespace nextid::store {

const std::string& this_boot() {
  static const std::string boot = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    file >> text;
    return text.size() == 36 ? text : std::string("-");
  }();
  return boot;
}

std::uint64_t boot_number() noexcept {
  std::string digits;
  for (const char c : this_boot()) {
    if (c != '-' && digits.size() < 16) digits += c;
  }
  return std::strtoull(digits.c_str(), nullptr, 16);
}

std::uint64_t boot_now_us() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace nextid::store
