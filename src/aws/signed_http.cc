#include "aws/signed_http.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "base/cat.h"
#include "http_client/handles.h"
#include "http_client/secret_travel.h"
#include "http_client/url.h"

namespace nextid::aws {
namespace {

using base::cat;
using http_client::set_option;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

void take_field(SignedAnswer& answer, std::string_view name, std::string_view value) {
  if (curl_strequal(std::string(name).c_str(), "x-amz-crc32") != 0) {
    std::uint32_t crc = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), crc);
    // An unreadable checksum is a wrong one: 0 stands for it.
    answer.crc32 = parsed.ec == std::errc{} ? crc : 0;
  } else if (curl_strequal(std::string(name).c_str(), "date") != 0) {
    const std::time_t time = curl_getdate(std::string(value).c_str(), nullptr);
    if (time >= 0) answer.date = std::chrono::system_clock::from_time_t(time);
  } else if (curl_strequal(std::string(name).c_str(), "x-amzn-requestid") != 0) {
    answer.request_id = value;
  }
}

void take_head(SignedAnswer& answer, std::string_view head) {
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find('\n'));
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      take_field(answer, trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    }
    head.remove_prefix(std::min(line.size() + 1, head.size()));
  }
}

SignedAnswer signed_answer(http_client::Answer plain) {
  SignedAnswer answer;
  answer.failure = std::move(plain.failure);
  answer.certificate_refused = plain.certificate_refused;
  answer.status = plain.status;
  take_head(answer, plain.head);
  answer.body = std::move(plain.body);
  return answer;
}

/// What all calls have in common.
void prepare(CURL* handle, const SignedHttpOptions& options) {
  const std::string signing = cat("aws:amz:", options.region, ":", options.service);
  set_option(handle, CURLOPT_AWS_SIGV4, signing.c_str());
  if (!options.ca_file.empty()) set_option(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  const auto url = http_client::parse_url(options.url);
  if (url && http_client::is_this_machine(*url)) set_option(handle, CURLOPT_NOPROXY, "*");
}

void sign_with(CURL* handle, const Credentials& credentials) {
  set_option(handle, CURLOPT_USERNAME, credentials.access_key_id.c_str());
  set_option(handle, CURLOPT_PASSWORD, credentials.secret_access_key.c_str());
}

}  // namespace

SignedHttp::SignedHttp(SignedHttpOptions options)
    : url_(options.url + "/"),
      calls_({.max_connections = options.max_connections,
              .prepare = [options](CURL* handle) { prepare(handle, options); }}) {}

void SignedHttp::send(SignedCall call) {
  http_client::Call plain;
  plain.url = url_;
  plain.headers = {"Content-Type: application/x-amz-json-1.0", "X-Amz-Target: " + call.target};
  const Credentials& credentials = *call.credentials;
  if (!credentials.session_token.empty()) {
    plain.headers.push_back("X-Amz-Security-Token: " + credentials.session_token);
  }
  plain.body = std::move(call.body);
  plain.limit = call.limit;
  plain.prepare = [credentials = std::move(call.credentials)](CURL* handle) {
    sign_with(handle, *credentials);
  };
  plain.done = [done = std::move(call.done)](http_client::Answer answer) {
    done(signed_answer(std::move(answer)));
  };
  calls_.send(std::move(plain));
}

}  // namespace nextid::aws
