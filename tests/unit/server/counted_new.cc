#include "unit/server/counted_new.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count{0};
thread_local bool is_counted = true;

}  // namespace

void* operator new(std::size_t size) {
  if (is_counted) count.fetch_add(1);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace nextid::testing {

std::uint64_t allocations() noexcept { return count.load(); }

NotCounted::NotCounted() noexcept { is_counted = false; }
NotCounted::~NotCounted() { is_counted = true; }

}  // namespace nextid::testing
