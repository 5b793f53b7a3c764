// The parts of an HTTP request that calls depend on.
#pragma once

#include <string_view>

namespace nextid::protocol {

/// A header field that may be there once. Calls that mind it refuse it where it is repeated.
struct HttpField {
  std::string_view value;  ///< The last one's.
  unsigned count = 0;
};

struct HttpRequest {
  std::string_view method;
  std::string_view target;
  HttpField content_type;
  HttpField idempotency_key;
  HttpField if_none_match;
  HttpField authorization;
  HttpField host;  ///< Once, or not at all in HTTP/1.0.
  HttpField origin;
  HttpField sec_fetch_site;
  HttpField request_id;  ///< X-Request-Id
  std::string_view body;
  bool http_1_0 = false;
  bool keep_alive = true;
};

}  // namespace nextid::protocol
