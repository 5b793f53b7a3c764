// Who may ask for something, where the server asks for tokens.
#pragma once

#include <string_view>

#include "auth/right.h"

namespace nextid::service {

struct Needs {
  enum class Who {
    kEveryone,           ///< Also a caller that has shown no token.
    kHolder,             ///< Who has shown a token.
    kHolderForCounters,  ///< Whose token gives `right` for each counter that the call names.
    kHolderForAll,       ///< Whose token gives `right` for all counters.
  };
  /// Not without saying who: a row that forgets its needs does not compile.
  constexpr explicit Needs(Who caller, auth::Right needed = auth::Right::kRead,
                           std::string_view what_for = {}) noexcept
      : who(caller), right(needed), to(what_for) {}

  Who who;
  auth::Right right;
  std::string_view to;  ///< What for, as "look at", before a counter's name where it has one.

  constexpr bool takes_ids() const noexcept {
    return who == Who::kHolderForCounters && right == auth::Right::kAllocate;
  }
  /// Whether it takes ids or changes something.
  constexpr bool acts() const noexcept {
    return who >= Who::kHolderForCounters && right != auth::Right::kRead;
  }
};

// A row of a front end's table names one of these. There is no other way to say it, and no row
// without: a call that everyone may do has to say so.
inline constexpr Needs kEveryone{Needs::Who::kEveryone};
inline constexpr Needs kHolder{Needs::Who::kHolder};
inline constexpr Needs kTakesIds{Needs::Who::kHolderForCounters, auth::Right::kAllocate,
                                 "take ids of"};
inline constexpr Needs kLooksAt{Needs::Who::kHolderForCounters, auth::Right::kRead, "look at"};
inline constexpr Needs kDefines{Needs::Who::kHolderForCounters, auth::Right::kDefine, "change"};
inline constexpr Needs kLists{Needs::Who::kHolderForAll, auth::Right::kRead, "list the counters"};
inline constexpr Needs kCounts{Needs::Who::kHolderForAll, auth::Right::kRead, "count the counters"};
inline constexpr Needs kInspects{Needs::Who::kHolderForAll, auth::Right::kRead,
                                 "see this server's state"};

}  // namespace nextid::service
