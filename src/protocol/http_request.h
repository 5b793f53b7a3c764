// The parts of an HTTP request that calls depend on.
#pragma once

#include <array>
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

/// A field of a request by its name, in any case.
struct HttpFieldName {
  std::string_view name;
  HttpField HttpRequest::*field;
};

/// All that the parser notes; it passes over the others.
inline constexpr std::array kHttpFields{
    HttpFieldName{"Content-Type", &HttpRequest::content_type},
    HttpFieldName{"Idempotency-Key", &HttpRequest::idempotency_key},
    HttpFieldName{"If-None-Match", &HttpRequest::if_none_match},
    HttpFieldName{"Authorization", &HttpRequest::authorization},
    HttpFieldName{"Host", &HttpRequest::host},
    HttpFieldName{"Origin", &HttpRequest::origin},
    HttpFieldName{"Sec-Fetch-Site", &HttpRequest::sec_fetch_site},
    HttpFieldName{"X-Request-Id", &HttpRequest::request_id},
};

}  // namespace nextid::protocol
