// The names of the bugs in src/base/canary.h, for command lines and test cases.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/canary.h"

namespace nextid::simulation {

struct NamedCanary {
  base::Canary canary;
  std::string_view name;
};

/// All but kNone.
inline constexpr std::array<NamedCanary, 22> kCanaries{{
    {base::Canary::kNoSlotCondition, "no-slot-condition"},
    {base::Canary::kGiveBackWithoutSeq, "give-back-without-seq"},
    {base::Canary::kReleaseKeepsFloor, "release-keeps-floor"},
    {base::Canary::kPruningKeepsFloor, "pruning-keeps-floor"},
    {base::Canary::kNoRevisionCondition, "no-revision-condition"},
    {base::Canary::kAnswersBeforeDurable, "answers-before-durable"},
    {base::Canary::kComesBackAnew, "comes-back-anew"},
    {base::Canary::kResendsWithAnotherCount, "resends-with-another-count"},
    {base::Canary::kForgetsDoubt, "forgets-doubt"},
    {base::Canary::kSplitsOffByOne, "splits-off-by-one"},
    {base::Canary::kReusesDeadTicketsIds, "reuses-dead-tickets-ids"},
    {base::Canary::kClampsLastBlock, "clamps-last-block"},
    {base::Canary::kMergesAnyBlocks, "merges-any-blocks"},
    {base::Canary::kGivesBackTakenIds, "gives-back-taken-ids"},
    {base::Canary::kAdvanceKeepsStock, "advance-keeps-stock"},
    {base::Canary::kStocksTooMuch, "stocks-too-much"},
    {base::Canary::kReusesWriter, "reuses-writer"},
    {base::Canary::kForgetsAtRest, "forgets-at-rest"},
    {base::Canary::kForgetsCorrupt, "forgets-corrupt"},
    {base::Canary::kStateFileAhead, "state-file-ahead"},
    {base::Canary::kStateFileBehind, "state-file-behind"},
    {base::Canary::kIdentityNotCompared, "identity-not-compared"},
}};

inline std::optional<base::Canary> canary_named(std::string_view name) {
  for (const NamedCanary& one : kCanaries) {
    if (one.name == name) return one.canary;
  }
  return std::nullopt;
}

}  // namespace nextid::simulation
