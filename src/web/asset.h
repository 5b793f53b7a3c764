// The files of web/, embedded in the binary: the page at /, /docs, /openapi.json and what they
// load.
#pragma once

#include <string_view>

namespace nextid::web {

/// All text is static.
struct Asset {
  std::string_view path;  ///< Where it is served: "/", "/docs", "/assets/page.js".
  std::string_view content_type;
  std::string_view etag;  ///< A strong one of the content alone, with its quotes (RFC 9110, 8.8.3).
  std::string_view body;
};

/// The one served at exactly `path`, or null. From any thread.
const Asset* find_asset(std::string_view path) noexcept;

}  // namespace nextid::web
