#include "http_client/url.h"

#include <curl/curl.h>
#include <memory>
#include <new>

namespace nextid::http_client {
namespace {

struct Cleanup {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
  void operator()(char* text) const noexcept { curl_free(text); }
};

std::optional<std::string> part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return std::nullopt;
  const std::unique_ptr<char, Cleanup> owner(text);
  return std::string(text);
}

}  // namespace

std::optional<Url> parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, Cleanup> url(curl_url());
  if (!url) throw std::bad_alloc();
  // Its C string would end at a NUL.
  if (text.find('\0') != std::string::npos) return std::nullopt;
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
    return std::nullopt;
  }
  Url result{.scheme = part(url.get(), CURLUPART_SCHEME).value_or(""),
             .host = part(url.get(), CURLUPART_HOST).value_or(""),
             .path = part(url.get(), CURLUPART_PATH).value_or("/"),
             .has_query_or_fragment = part(url.get(), CURLUPART_QUERY).has_value() ||
                                      part(url.get(), CURLUPART_FRAGMENT).has_value(),
             .whole = part(url.get(), CURLUPART_URL).value_or("")};
  const bool http = result.scheme == "http" || result.scheme == "https";
  const bool port_fits = part(url.get(), CURLUPART_PORT).value_or("80") != "0";
  if (!http || !port_fits || result.host.empty() || result.whole.empty()) return std::nullopt;
  return result;
}

}  // namespace nextid::http_client
