#include "server/capacity.h"

#include <algorithm>

#include "net/listener.h"
#include "report/process_figures.h"

namespace nextid::server {
namespace {

// Most clients over the limit that get an answer, of each front end.
constexpr std::size_t kMostRefusals = 256;
// An epoll and an eventfd each, and as many for what a store may still open.
constexpr std::uint64_t kPerThread = 4;

}  // namespace

Capacity capacity_for(std::size_t wanted, std::uint64_t free_descriptors, std::size_t front_ends) {
  const std::uint64_t least = front_ends;  // One refusal for each.
  const std::uint64_t for_places = free_descriptors > least ? free_descriptors - least : 1;
  const std::size_t connections = std::min<std::uint64_t>(wanted, for_places);
  const std::uint64_t left =
      free_descriptors - std::min<std::uint64_t>(free_descriptors, connections);
  const auto refusals = std::clamp<std::uint64_t>(left / front_ends, 1, kMostRefusals);
  return {.connections = connections, .refusals = refusals};
}

std::uint64_t free_descriptors(std::size_t threads) {
  const report::ProcessFigures figures = report::process_figures();
  const std::uint64_t most = figures.max_open_files.value_or(~std::uint64_t{0});
  const std::uint64_t taken =
      figures.open_files.value_or(0) + net::Listener::kSpareDescriptors + kPerThread * threads;
  return most - std::min(most, taken);
}

}  // namespace nextid::server
