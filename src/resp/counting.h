// Maps RESP answers to the statistics that they count under.
#pragma once

#include <string_view>

#include "stats/front_end_stats.h"

namespace nextid::resp {

/// The ending that an answer in RESP tells: for an error, by its code.
stats::Ending ending_of_resp(std::string_view answer) noexcept;

}  // namespace nextid::resp
