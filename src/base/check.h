// The invariants of classes as code, checked in test builds.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "base/canary.h"

/// Aborts, and prints the condition and its place, if `condition` is false. It is evaluated only in
/// builds that check (debug, the sanitizers, the simulation), and compiled in all. So it is for
/// promises of this program's own code, never for input from users, stores or peers.
///
/// While a bug of base/canary.h is switched on nothing is checked: the simulation's judges, which
/// look from outside, are to find it.
///
/// A class with an invariant has `void verify() const`, made of these checks. Code that changes its
/// state calls verify() once the change is complete.
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
