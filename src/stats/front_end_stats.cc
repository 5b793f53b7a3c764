#include "stats/front_end_stats.h"

#include <algorithm>

namespace nextid::stats {
namespace {

constexpr std::array<std::string_view, kEndings> kEndingNames{
    "ok",           "invalid",
    "unauthorized", "forbidden",
    "not_found",    "method_not_allowed",
    "conflict",     "precondition_failed",
    "exhausted",    "too_large",
    "corrupt",      "overloaded",
    "unavailable",  "deadline",
    "other",
};

}  // namespace

std::string_view to_string(Ending ending) noexcept {
  return kEndingNames[static_cast<std::size_t>(ending)];
}

std::string_view to_string(TurnedAway reason) noexcept {
  constexpr std::array<std::string_view, kTurnedAway> kNames{"limit", "made_way", "no_sign_in"};
  return kNames[static_cast<std::size_t>(reason)];
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
  for (std::size_t route = 0; route < requests.size(); ++route) {
    for (std::size_t ending = 0; ending < kEndings; ++ending) {
      requests[route][ending] += other.requests[route][ending];
    }
  }
  latencies += other.latencies;
  open_connections += other.open_connections;
  connections += other.connections;
  for (std::size_t i = 0; i < kTurnedAway; ++i) turned_away[i] += other.turned_away[i];
  received_bytes += other.received_bytes;
  sent_bytes += other.sent_bytes;
  return *this;
}

FrontEndCounts FrontEndStats::value() const {
  FrontEndCounts counts{.labels = labels_,
                        .requests = {},
                        .latencies = latencies_.value(),
                        .open_connections = open_connections_.value(),
                        .connections = connections_.value(),
                        .turned_away = {},
                        .received_bytes = received_bytes_.value(),
                        .sent_bytes = sent_bytes_.value()};
  for (std::size_t i = 0; i < kTurnedAway; ++i) {
    counts.turned_away[i] = turned_away_[i].value();
  }
  counts.requests.resize(labels_.routes.size());
  for (std::size_t route = 0; route < counts.requests.size(); ++route) {
    for (std::size_t ending = 0; ending < kEndings; ++ending) {
      counts.requests[route][ending] = requests_[route * kEndings + ending].value();
    }
  }
  return counts;
}

}  // namespace nextid::stats
