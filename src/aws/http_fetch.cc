#include "aws/http_fetch.h"

#include <array>
#include <exception>
#include <new>
#include <thread>

#include "base/cat.h"
#include "http_client/handles.h"

namespace nextid::aws {
namespace {

using base::cat;
using http_client::append_header;
using http_client::CurlHandle;
using http_client::CurlHeaders;
using http_client::new_curl_handle;
using http_client::set_option;

constexpr std::chrono::milliseconds kFirstPause(50);

struct Sink {
  std::string body;
  bool too_long = false;
};

// If it returns less than it was given, libcurl ends the transfer.
std::size_t append_to_sink(char* data, std::size_t one, std::size_t size, void* user) noexcept {
  auto& sink = *static_cast<Sink*>(user);
  sink.too_long = sink.body.size() + size > kAnswerLimitBytes;
  if (sink.too_long) return 0;
  try {
    sink.body.append(data, size);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return one * size;
}

void set_request(CURL* curl, const HttpRequest& request) {
  set_option(curl, CURLOPT_URL, request.url.c_str());
  set_option(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set_option(curl, CURLOPT_USERAGENT, "nextid");
  set_option(curl, CURLOPT_NOSIGNAL, 1L);
  set_option(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
  if (request.proxy == Proxy::kNever) set_option(curl, CURLOPT_NOPROXY, "*");
  if (request.method == "GET") return;
  set_option(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set_option(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  set_option(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

Result<HttpAnswer> try_once(const HttpRequest& request) {
  const CurlHandle curl = new_curl_handle();
  CurlHeaders headers;
  for (const auto& line : request.headers) append_header(headers, line);
  Sink sink;
  std::array<char, CURL_ERROR_SIZE> reason{};
  set_request(curl.get(), request);
  set_option(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  set_option(curl.get(), CURLOPT_WRITEFUNCTION, &append_to_sink);
  set_option(curl.get(), CURLOPT_WRITEDATA, static_cast<void*>(&sink));
  set_option(curl.get(), CURLOPT_ERRORBUFFER, reason.data());

  const CURLcode code = curl_easy_perform(curl.get());
  if (sink.too_long) {
    return Error(ErrorCode::kUnavailable,
                 cat("the answer is longer than ", kAnswerLimitBytes, " bytes"));
  }
  if (code != CURLE_OK) {
    return Error(ErrorCode::kUnavailable,
                 reason.front() != '\0' ? reason.data() : curl_easy_strerror(code));
  }
  HttpAnswer answer{.status = 0, .body = std::move(sink.body)};
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

Result<HttpAnswer> try_once_without_exceptions(const HttpRequest& request) {
  try {
    return try_once(request);
  } catch (const std::exception& failure) {
    return Error(ErrorCode::kUnavailable, failure.what());
  }
}

bool is_transient(const HttpAnswer& answer) { return answer.status == 429 || answer.status >= 500; }

}  // namespace

Result<HttpAnswer> http_fetch(const HttpRequest& request,
                              const std::function<bool(const HttpAnswer&)>& again) {
  std::chrono::milliseconds pause = kFirstPause;
  for (int left = request.tries;; --left, pause *= 2) {
    auto answer = try_once_without_exceptions(request);
    const bool good = answer.has_value() && !is_transient(answer.value()) && !again(answer.value());
    if (good || left <= 1) return answer;
    std::this_thread::sleep_for(pause);
  }
}

Result<HttpAnswer> http_fetch(const HttpRequest& request) {
  return http_fetch(request, [](const HttpAnswer&) { return false; });
}

}  // namespace nextid::aws
