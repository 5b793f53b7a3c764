// One line of the configuration file:
//
//   http = "0.0.0.0:8000"           # text: \" \\ \b \t \n \f \r \uXXXX \UXXXXXXXX are escapes
//   tokens = '/etc/nextid/tokens'   # text without escapes
//   threads = 2                     # a whole number
//   insecure = true                 # or false
//   allow-host = ["a", "b"]         # texts, as a list
//
// Each such line is TOML (toml.io), and means the same there. What else TOML has, no option needs,
// and it is refused: sections, dates, fractions, other numbers than decimal ones, quoted or dotted
// names, and what is longer than a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::server {

struct NameAndValue {
  std::string name;
  std::string value;     ///< Of a list: its texts with commas between them.
  bool is_list = false;  ///< Only for options whose value is a list.
};

/// Nothing for a line that is blank or a comment. `line` is without what ends it. The errors are of
/// kInvalid, and continue "..., line 7: ".
Result<std::optional<NameAndValue>> parse_config_line(std::string_view line);

}  // namespace nextid::server
