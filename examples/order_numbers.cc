// Order numbers for a program with several threads, from an SQLite file that others may share.
//
// In a CMake project of your own:
//   add_subdirectory(nextid)
//   target_link_libraries(your_program PRIVATE nextid::nextid)
#include <cstdio>
#include <thread>
#include <vector>

#include "nextid/nextid.h"

int main() {
  auto store = nextid::open_store("sqlite:orders.db");
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().what());
    return 1;
  }
  const nextid::IdGenerator orders(store, "orders");

  std::vector<std::thread> clerks;
  for (int clerk = 1; clerk <= 4; ++clerk) {
    clerks.emplace_back([&orders, clerk] {
      if (const auto id = orders.next_id()) {
        std::printf("clerk %d: order %llu\n", clerk, static_cast<unsigned long long>(*id));
      } else {
        std::printf("clerk %d: %s\n", clerk, id.error().what());
      }
    });
  }
  for (auto& clerk : clerks) clerk.join();

  const nextid::IdRange box = orders.next_range(100).value();  // value() throws nextid::Error
  std::printf("a box of forms: %llu to %llu\n", static_cast<unsigned long long>(box.start()),
              static_cast<unsigned long long>(box.end()));
}
