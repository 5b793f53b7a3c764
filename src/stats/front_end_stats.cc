#include "stats/front_end_stats.h"

#include <algorithm>

namespace nextid::stats {
namespace {

constexpr std::array<std::string_view, kEndings> kEndingNames{
    "ok",       "invalid",   "unauthorized", "forbidden", "not_found",  "method_not_allowed",
    "conflict", "exhausted", "too_large",    "corrupt",   "overloaded", "unavailable",
    "deadline", "other",
};

}  // namespace

std::string_view to_string(Protocol protocol) noexcept {
  return protocol == Protocol::kHttp ? "http" : "resp";
}

std::string_view to_string(Ending ending) noexcept {
  return kEndingNames[static_cast<std::size_t>(ending)];
}

Ending ending_of(std::string_view code) noexcept {
  const auto name = std::find(kEndingNames.begin(), kEndingNames.end(), code);
  if (name == kEndingNames.end()) return Ending::kOther;
  return static_cast<Ending>(name - kEndingNames.begin());
}

Ending ending_of(ErrorCode code) noexcept { return ending_of(to_string(code)); }

std::uint64_t FrontEndCounts::requests_in_all() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& endings : requests) {
    for (const std::uint64_t count : endings) sum += count;
  }
  return sum;
}

FrontEndCounts& FrontEndCounts::operator+=(const FrontEndCounts& other) noexcept {
  for (std::size_t route = 0; route < kRouteCount; ++route) {
    for (std::size_t ending = 0; ending < kEndings; ++ending) {
      requests[route][ending] += other.requests[route][ending];
    }
  }
  for (std::size_t protocol = 0; protocol < kProtocols; ++protocol) {
    latencies[protocol] += other.latencies[protocol];
    protocols[protocol].open_connections += other.protocols[protocol].open_connections;
    protocols[protocol].connections += other.protocols[protocol].connections;
    protocols[protocol].received_bytes += other.protocols[protocol].received_bytes;
    protocols[protocol].sent_bytes += other.protocols[protocol].sent_bytes;
  }
  return *this;
}

FrontEndCounts FrontEndStats::value() const noexcept {
  FrontEndCounts counts;
  for (std::size_t route = 0; route < kRouteCount; ++route) {
    for (std::size_t ending = 0; ending < kEndings; ++ending) {
      counts.requests[route][ending] = requests_[route][ending].value();
    }
  }
  for (std::size_t protocol = 0; protocol < kProtocols; ++protocol) {
    counts.latencies[protocol] = latencies_[protocol].value();
    const OfProtocol& own = protocols_[protocol];
    counts.protocols[protocol] = {own.open_connections.value(), own.connections.value(),
                                  own.received_bytes.value(), own.sent_bytes.value()};
  }
  return counts;
}

}  // namespace nextid::stats
