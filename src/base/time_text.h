// Times as people and protocols read them.
#pragma once

#include <ctime>
#include <string>

namespace nextid::base {

/// As "Sun, 06 Nov 1994 08:49:37 GMT", the form of HTTP (RFC 9110, 5.6.7).
std::string gmt_text(std::time_t time);

}  // namespace nextid::base
