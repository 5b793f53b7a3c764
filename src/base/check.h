// What must be true of a class whenever its state has settled, said where a test run can see it.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/canary.h"

/// Ends the process, with the condition and its place, where `condition` does not hold. Only in
/// builds that check (debug, the sanitizers, the simulation): elsewhere it compiles, and is not
/// evaluated. So it is for what this program's own code promises, never for what users, stores or
/// peers say.
///
/// A bug of base/canary.h is for the simulation's judges to find, which look from outside: while
/// one is switched on nothing is checked.
///
/// A class with an invariant has `void verify() const`, made of these; whoever changes its state
/// calls it once the change is whole.
#if !defined(NDEBUG) || defined(NEXTID_CANARIES)
#define NEXTID_CHECKS 1
#define NEXTID_CHECK(condition)                \
  (::nextid::base::any_canary() || (condition) \
       ? void()                                \
       : ::nextid::base::check_failed(#condition, __FILE__, __LINE__))
#else
#define NEXTID_CHECKS 0
#define NEXTID_CHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif

namespace nextid::base {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "nextid: the check (%s) failed at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace nextid::base
