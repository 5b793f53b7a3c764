// A wall clock that is wrong, for the processes that preload this: TORTURE_CLOCK names a file with
// one 64-bit integer, the nanoseconds by which the clock is ahead, read at each look. Monotonic
// clocks stay as they are, as on a machine whose time somebody sets.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Null where there is no such file: the clock is right then.
const std::atomic<std::int64_t>* offset_ns() {
  static const auto* const mapped = []() -> const std::atomic<std::int64_t>* {
    const char* path = std::getenv("TORTURE_CLOCK");
    const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* page = ::mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    return page == MAP_FAILED ? nullptr : static_cast<const std::atomic<std::int64_t>*>(page);
  }();
  return mapped;
}

bool is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int look(clockid_t clock, timespec* now) {
  if (::syscall(SYS_clock_gettime, clock, now) != 0) return -1;
  const auto* offset = is_wall_clock(clock) ? offset_ns() : nullptr;
  if (offset == nullptr) return 0;
  const std::int64_t shifted = now->tv_sec * kSecond + now->tv_nsec + offset->load();
  now->tv_sec = shifted / kSecond;
  now->tv_nsec = shifted % kSecond;
  return 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept { return look(clock, now); }

int gettimeofday(timeval* now, void*) noexcept {
  timespec precise{};
  if (look(CLOCK_REALTIME, &precise) != 0) return -1;
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return 0;
}

std::time_t time(std::time_t* result) noexcept {
  timespec precise{};
  if (look(CLOCK_REALTIME, &precise) != 0) return -1;
  if (result != nullptr) *result = precise.tv_sec;
  return precise.tv_sec;
}
}
