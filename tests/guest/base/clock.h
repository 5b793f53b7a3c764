// The user's header, of a name that nextid has as well.
#pragma once

#ifdef NEXTID_GUEST
namespace guest {
inline constexpr bool kClockOfTheGuest = true;
}
#else
#error "nextid was given a user's header instead of its own"
#endif
