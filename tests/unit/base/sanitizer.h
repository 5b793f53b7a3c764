// Which sanitizer a test is built with.
#pragma once

namespace nextid::testing {

#if defined(__has_feature)  // clang's.
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#elif defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

}  // namespace nextid::testing
