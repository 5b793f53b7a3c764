#include "aws/container_credentials.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "aws/credential_document.h"
#include "aws/http_fetch.h"
#include "aws/text_file.h"
#include "base/cat.h"
#include "http_client/secret_travel.h"
#include "http_client/service_words.h"
#include "http_client/url.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr const char* kRelativeUri = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFullUri = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr const char* kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr const char* kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr const char* kSource = "the container's credentials endpoint";
constexpr std::size_t kTokenLimitBytes = 64 * 1024;

Error invalid(const std::string& sentence) { return {ErrorCode::kInvalid, sentence}; }

// ECS, and EKS Pod Identity by IPv4 and IPv6.
bool is_allowed(const http_client::Url& url) {
  return http_client::may_carry_secrets(url, {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"});
}

Result<std::optional<std::string>> check_full_uri(const std::string& text) {
  const auto url = http_client::parse_url(text);
  if (!url) {
    return invalid(
        cat(kFullUri, " must be an http:// or https:// URL with a host and without a user."));
  }
  if (!is_allowed(*url)) {
    return invalid(cat(kFullUri, " names the host ", http_client::service_words(url->host),
                       " with http://, which would send keys over the network in the clear. Use "
                       "https://; http:// is for this machine (localhost, 127.0.0.1, [::1]) and "
                       "for 169.254.170.2, 169.254.170.23 and [fd00:ec2::23]."));
  }
  return std::optional(url->whole);
}

// The header's value; none when no token is set.
Result<std::optional<std::string>> read_token(const base::Environment& environment) {
  std::optional<std::string> token = environment(kToken);
  std::string origin = kToken;
  if (const auto path = environment(kTokenFile)) {
    auto text = read_text_file(*path, kTokenLimitBytes);
    if (text.has_error()) return text.error();
    if (!text.value()) {
      return invalid(cat(kTokenFile, " names ", *path, ", which does not exist."));
    }
    token = std::move(text.value());
    origin = *path;
  }
  const auto ends_header = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (token && std::any_of(token->begin(), token->end(), ends_header)) {
    return invalid(cat("The authorization token in ", origin,
                       " has a line break, which no header can carry. Remove it."));
  }
  return token;
}

Result<Credentials> fetch(const std::string& url, const std::optional<std::string>& token) {
  HttpRequest request;
  request.url = url;
  if (token) request.headers.push_back("Authorization: " + *token);
  request.time_limit = std::chrono::seconds(2);
  request.tries = 3;
  if (url.starts_with("https:")) request.proxy = Proxy::kFromEnvironment;
  const auto answer = http_fetch(request);
  if (answer.has_error()) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't get AWS credentials from ", kSource, ": ", answer.error().what(), "."));
  }
  if (answer->status != 200) {
    const std::string reason = parse_failure_json(answer->body);
    return Error(ErrorCode::kUnavailable,
                 cat("Can't get AWS credentials from ", kSource, ": it answers with HTTP status ",
                     answer->status, reason.empty() ? "" : ", " + reason, "."));
  }
  return parse_credentials_json(answer->body, "Token", kSource);
}

}  // namespace

Result<std::optional<std::string>> container_credentials_url(const base::Environment& environment) {
  if (const auto relative = environment(kRelativeUri)) {
    if (relative->front() != '/') {
      return invalid(cat(kRelativeUri, " must be a path that begins with a slash."));
    }
    return std::optional("http://169.254.170.2" + *relative);
  }
  if (const auto full = environment(kFullUri)) return check_full_uri(*full);
  return std::optional<std::string>();
}

SourceAnswer ask_container(const base::Environment& environment) {
  const auto url = container_credentials_url(environment);
  if (url.has_error()) return SourceAnswer::decided(url.error());
  if (!url.value()) {
    return SourceAnswer::absent(cat("neither ", kRelativeUri, " nor ", kFullUri, " is set"));
  }
  const auto token = read_token(environment);
  if (token.has_error()) return SourceAnswer::decided(token.error());
  return SourceAnswer::decided(fetch(*url.value(), token.value()));
}

}  // namespace nextid::aws
