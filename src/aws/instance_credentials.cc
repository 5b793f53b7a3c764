#include "aws/instance_credentials.h"

#include <optional>
#include <string>
#include <utility>

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "aws/credential_document.h"
#include "aws/http_fetch.h"
#include "base/ascii.h"
#include "base/cat.h"
#include "http_client/secret_travel.h"
#include "http_client/service_words.h"
#include "http_client/url.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr const char* kRolesPath = "/latest/meta-data/iam/security-credentials/";
constexpr const char* kSource = "the instance's metadata service";

Error unavailable(const std::string& why) {
  return {ErrorCode::kUnavailable, cat("Can't get AWS credentials from ", kSource, ": ", why, ".")};
}

/// A session with the service. Its errors are clauses.
class Metadata {
 public:
  explicit Metadata(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  /// An error, or none.
  std::optional<Error> renew_token() {
    HttpRequest request = request_for("/latest/api/token");
    request.method = "PUT";
    request.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 21600"};
    auto answer = http_fetch(request);
    if (answer.has_error()) return answer.error();
    token_ = std::move(answer->body);
    const bool fits = token_.find_first_of("\r\n") == std::string::npos && !token_.empty();
    if (answer->status == 200 && fits) return std::nullopt;
    return Error(ErrorCode::kUnavailable,
                 cat("HTTP status ", answer->status, " to the request for a token"));
  }

  /// Renews the token once if the service no longer takes it.
  Result<HttpAnswer> get(const std::string& path) {
    auto answer = get_once(path);
    if (answer.has_error() || answer->status != 401) return answer;
    if (const auto error = renew_token()) return *error;
    return get_once(path);
  }

 private:
  Result<HttpAnswer> get_once(const std::string& path) const {
    HttpRequest request = request_for(path);
    request.headers = {"X-aws-ec2-metadata-token: " + token_};
    return http_fetch(request);
  }

  HttpRequest request_for(const std::string& path) const {
    HttpRequest request;
    request.url = endpoint_ + path;
    request.time_limit = std::chrono::seconds(1);
    request.tries = 2;
    return request;
  }

  const std::string endpoint_;
  std::string token_;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

std::string status_clause(const HttpAnswer& answer) {
  const std::string reason = parse_failure_json(answer.body);
  return cat("it answers with HTTP status ", answer.status, reason.empty() ? "" : ", " + reason);
}

Result<Credentials> get_credentials(Metadata& metadata, const std::string& role) {
  const auto answer =
      metadata.get(kRolesPath + boost::urls::encode(role, boost::urls::unreserved_chars));
  if (answer.has_error()) return unavailable(answer.error().what());
  if (answer->status != 200) return unavailable(status_clause(answer.value()));
  const std::string failure = parse_failure_json(answer->body);
  if (!failure.empty()) {
    return unavailable(cat("the role ", http_client::service_words(role), " gives ", failure));
  }
  return parse_credentials_json(
      answer->body, "Token", cat("the instance's role '", http_client::service_words(role), "'"));
}

}  // namespace

Result<std::string> instance_metadata_url(const base::Environment& environment,
                                          const Profile& profile) {
  auto endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (!endpoint) endpoint = profile.get("ec2_metadata_service_endpoint");
  if (endpoint) {
    const auto url = http_client::parse_url(*endpoint);
    if (!url || !http_client::may_carry_secrets(*url, {"169.254.169.254", "[fd00:ec2::254]"})) {
      return Error(
          ErrorCode::kInvalid,
          "The endpoint of the instance's metadata (AWS_EC2_METADATA_SERVICE_ENDPOINT, or "
          "ec2_metadata_service_endpoint of the AWS profile) must be a URL from which keys "
          "do not travel in the clear: https://, or http:// of this machine, of "
          "169.254.169.254 or of [fd00:ec2::254].");
    }
    if (endpoint->ends_with('/')) endpoint->pop_back();
    return *std::move(endpoint);
  }
  auto mode = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  if (!mode) mode = profile.get("ec2_metadata_service_endpoint_mode");
  const std::string lower = base::to_lower(mode.value_or("IPv4"));
  if (lower == "ipv4") return std::string("http://169.254.169.254");
  if (lower == "ipv6") return std::string("http://[fd00:ec2::254]");
  return Error(ErrorCode::kInvalid, cat("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is '", *mode,
                                        "'; it must be IPv4 or IPv6."));
}

SourceAnswer ask_instance(const base::Environment& environment, const Profile& profile) {
  if (base::to_lower(environment("AWS_EC2_METADATA_DISABLED").value_or("")) == "true") {
    return SourceAnswer::absent("AWS_EC2_METADATA_DISABLED is true");
  }
  const auto endpoint = instance_metadata_url(environment, profile);
  if (endpoint.has_error()) return SourceAnswer::decided(endpoint.error());
  Metadata metadata(endpoint.value());
  if (const auto error = metadata.renew_token()) {
    return SourceAnswer::absent(cat(endpoint.value(), ": ", error->what()));
  }
  const auto roles = metadata.get(kRolesPath);
  if (roles.has_error()) return SourceAnswer::decided(unavailable(roles.error().what()));
  const bool none =
      roles->status == 404 || (roles->status == 200 && first_line(roles->body).empty());
  if (none) return SourceAnswer::absent("the instance has no role");
  if (roles->status != 200) {
    return SourceAnswer::decided(unavailable(status_clause(roles.value())));
  }
  return SourceAnswer::decided(get_credentials(metadata, first_line(roles->body)));
}

}  // namespace nextid::aws
