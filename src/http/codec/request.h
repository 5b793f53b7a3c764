// The parts of an HTTP request that calls depend on.
#pragma once

#include <array>
#include <string_view>

namespace nextid::http {

/// A header field that may appear once. Calls that use it refuse a repeated one.
struct Field {
  std::string_view value;  ///< The first one's.
  unsigned count = 0;
};

struct Request {
  std::string_view method;
  std::string_view target;
  Field accept;
  Field content_type;
  Field idempotency_key;
  Field if_match;
  Field if_none_match;
  Field authorization;
  Field host;  ///< Once, or not at all in HTTP/1.0.
  Field origin;
  Field sec_fetch_site;
  Field sec_purpose;
  Field purpose;     ///< The same, of older browsers.
  Field request_id;  ///< X-Request-Id
  Field forwarded_proto;
  /// The name of a field that proxies add, where there is one.
  std::string_view proxy_field;
  bool of_browser = false;  ///< Its User-Agent says so, as that of all browsers does.
  std::string_view body;
  bool http_1_0 = false;
  bool keep_alive = true;
};

/// A field of a request by its name, in any case.
struct HttpFieldName {
  std::string_view name;
  Field Request::*field;
};

/// The fields that the parser notes; it skips all others.
inline constexpr std::array kHttpFields{
    HttpFieldName{"Accept", &Request::accept},
    HttpFieldName{"Content-Type", &Request::content_type},
    HttpFieldName{"Idempotency-Key", &Request::idempotency_key},
    HttpFieldName{"If-Match", &Request::if_match},
    HttpFieldName{"If-None-Match", &Request::if_none_match},
    HttpFieldName{"Authorization", &Request::authorization},
    HttpFieldName{"Host", &Request::host},
    HttpFieldName{"Origin", &Request::origin},
    HttpFieldName{"Sec-Fetch-Site", &Request::sec_fetch_site},
    HttpFieldName{"Sec-Purpose", &Request::sec_purpose},
    HttpFieldName{"Purpose", &Request::purpose},
    HttpFieldName{"X-Request-Id", &Request::request_id},
    HttpFieldName{"X-Forwarded-Proto", &Request::forwarded_proto},
};

/// Those that proxies add; of a name that ends with '*', all that begin so.
inline constexpr std::array<std::string_view, 4> kProxyFields{"Forwarded", "Via", "X-Real-IP",
                                                              "X-Forwarded-*"};

}  // namespace nextid::http
