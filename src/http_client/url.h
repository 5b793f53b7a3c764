// URLs as libcurl reads them. The check of a URL and its use must agree on the host, so both have
// the same parser.
#pragma once

#include <optional>
#include <string>

namespace nextid::http_client {

struct Url {
  std::string scheme;  ///< "http" or "https".
  std::string host;    ///< An IPv6 address in brackets; IPv4 in four decimal parts.
  std::string path;    ///< "/" at least.
  bool has_query_or_fragment = false;
  std::string whole;  ///< Normalised.
};

/// None if libcurl would not open it as http or https, or it has a user or the port 0.
std::optional<Url> parse_url(const std::string& text);

}  // namespace nextid::http_client
