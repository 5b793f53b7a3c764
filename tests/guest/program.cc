// A user's program, as tests/e2e/test_guests.py builds it in each way that docs/library.md shows:
// prints an id of the store that it is given.
#include <cstdio>

#include "nextid/nextid.h"

#include "base/clock.h"

#if __has_include("engine/engine.h") || __has_include("contract/op.h")
#error "nextid's own headers are on its users' include path"
#endif

int main(int argc, char** argv) {
  static_assert(guest::kClockOfTheGuest);
  const auto store = nextid::open_store(argc > 1 ? argv[1] : "sqlite:ids.db");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().what());
    return 1;
  }
  const nextid::IdGenerator orders(store, "orders");
  std::printf("%llu\n", static_cast<unsigned long long>(orders.next_id().value()));
}
