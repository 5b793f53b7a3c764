// Who may make a call, where the server asks for tokens.
#pragma once

#include <string_view>

#include "auth/right.h"

namespace nextid::service {

struct Needs {
  enum class Who {
    kEveryone,           ///< Also a caller without a token.
    kHolder,             ///< A caller with a token.
    kHolderForCounters,  ///< One whose token gives `right` for each counter of the call.
    kHolderForAll,       ///< One whose token gives `right` for all counters.
  };
  /// Without a default for `caller`: a row that forgets its needs does not compile.
  constexpr explicit Needs(Who caller, auth::Right needed = auth::Right::kRead,
                           std::string_view what_for = {}) noexcept
      : who(caller), right(needed), to(what_for) {}

  Who who;
  auth::Right right;
  std::string_view to;  ///< "look at", for messages; a counter's name follows if there is one.

  constexpr bool takes_ids() const noexcept {
    return who == Who::kHolderForCounters && right == auth::Right::kAllocate;
  }
  /// Whether it takes ids or changes something.
  constexpr bool acts() const noexcept {
    return who >= Who::kHolderForCounters && right != auth::Right::kRead;
  }
};

// Each row of a front end's table names one of these. There is no default: a call that everyone may
// make has to say so.
inline constexpr Needs kEveryone{Needs::Who::kEveryone};
inline constexpr Needs kHolder{Needs::Who::kHolder};
inline constexpr Needs kTakesIds{Needs::Who::kHolderForCounters, auth::Right::kAllocate,
                                 "take ids of"};
inline constexpr Needs kLooksAt{Needs::Who::kHolderForCounters, auth::Right::kRead, "look at"};
inline constexpr Needs kDefines{Needs::Who::kHolderForCounters, auth::Right::kDefine, "change"};
inline constexpr Needs kDeletes{Needs::Who::kHolderForCounters, auth::Right::kDelete, "delete"};
inline constexpr Needs kLists{Needs::Who::kHolderForAll, auth::Right::kRead, "list the counters"};
inline constexpr Needs kCounts{Needs::Who::kHolderForAll, auth::Right::kRead, "count the counters"};
inline constexpr Needs kInspects{Needs::Who::kHolderForAll, auth::Right::kRead,
                                 "see this server's state"};

}  // namespace nextid::service
