// libcurl's handles with owners, and what every use of it here shares.
#pragma once

#include <curl/curl.h>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/cat.h"

namespace nextid::http_client {

// CURL and CURLM are both void to the compiler, so each handle names its own deleter.
template <auto Delete>
struct CurlDelete {
  template <typename Handle>
  void operator()(Handle* handle) const noexcept {
    Delete(handle);
  }
};

using CurlHandle = std::unique_ptr<CURL, CurlDelete<&curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, CurlDelete<&curl_multi_cleanup>>;
using CurlHeaders = std::unique_ptr<curl_slist, CurlDelete<&curl_slist_free_all>>;

/// A new easy handle; initialises libcurl before the first. Throws std::bad_alloc. Thread-safe.
CurlHandle new_curl_handle();
CurlMulti new_curl_multi();

/// Appends a "Name: value" line. Throws std::bad_alloc.
void append_header(CurlHeaders& headers, const std::string& line);

/// Sets an option that cannot fail for a reason of the user's: throws std::runtime_error if it
/// does.
template <typename Value>
void set_option(CURL* handle, CURLoption option, Value value) {
  if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK) {
    throw std::runtime_error(base::cat("libcurl: ", curl_easy_strerror(code)));
  }
}

}  // namespace nextid::http_client
