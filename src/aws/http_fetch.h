// One HTTP call that blocks, for the small answers of credential services.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "base/wipe.h"

namespace nextid::aws {

inline constexpr std::size_t kAnswerLimitBytes = 64 * 1024;

enum class Proxy {
  kNever,            ///< For addresses that mean this machine, and nothing to a proxy.
  kFromEnvironment,  ///< As http_proxy, https_proxy and no_proxy say.
};

struct HttpRequest {
  std::string method = "GET";                  ///< GET, PUT or POST.
  std::string url;                             ///< http or https.
  std::vector<std::string> headers;            ///< "Name: value".
  std::string body;                            ///< Of a POST; sent as a form.
  std::chrono::milliseconds time_limit{1000};  ///< Of one try, from the connect to the last byte.
  int tries = 1;
  Proxy proxy = Proxy::kNever;
};

struct HttpAnswer {
  ~HttpAnswer() { base::wipe(body); }

  long status = 0;
  std::string body;  ///< Up to kAnswerLimitBytes; may be a secret.
};

/// Blocks for `tries` times `time_limit` and short pauses between at most. Follows no redirect.
/// Tries again after no answer, a 429 or a 5xx. kUnavailable is the last try's failure, as a clause
/// without URL or bodies: "Connection refused". Any status is an answer. Thread-safe.
Result<HttpAnswer> http_fetch(const HttpRequest& request);

/// The same; also tries again after an answer for which `again` returns true.
Result<HttpAnswer> http_fetch(const HttpRequest& request,
                              const std::function<bool(const HttpAnswer&)>& again);

}  // namespace nextid::aws
