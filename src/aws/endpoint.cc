#include "aws/endpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/cat.h"
#include "http_client/secret_travel.h"
#include "http_client/url.h"

namespace nextid::aws {
namespace {

using base::cat;

// Source: the partitions' data that the AWS SDKs share, with what they resolve from it:
// https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
struct Partition {
  std::string_view region_prefix;
  std::string_view dns_suffix;
  std::string_view dual_stack_dns_suffix;
  bool all_hosts_are_fips = false;  ///< Those without dual stack.
};

constexpr std::array<Partition, 7> kPartitions{{
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-gov-", "amazonaws.com", "api.aws", true},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
}};
constexpr Partition kCommercial{"", "amazonaws.com", "api.aws"};

const Partition& partition_of(std::string_view region) {
  const auto* found = std::find_if(
      kPartitions.begin(), kPartitions.end(),
      [&](const Partition& partition) { return region.starts_with(partition.region_prefix); });
  return found == kPartitions.end() ? kCommercial : *found;
}

struct Named {
  std::string value;
  std::string origin;  ///< For sentences: "AWS_REGION".
};

std::optional<Named> from_variable(const base::Environment& environment, const char* name) {
  if (auto value = environment(name)) return Named{*std::move(value), name};
  return std::nullopt;
}

std::optional<Named> from_setting(const Profile& profile, const std::string& setting) {
  auto value = profile.get(setting);
  if (!value) return std::nullopt;
  return Named{*std::move(value), cat(setting, " of the AWS profile '", profile.name, "'")};
}

Result<bool> read_switch(const base::Environment& environment, const char* variable,
                         const Profile& profile, const std::string& setting) {
  auto given = from_variable(environment, variable);
  if (!given) given = from_setting(profile, setting);
  if (!given) return false;
  const std::string lower = base::to_lower(given->value);
  if (lower != "true" && lower != "false") {
    return Error(ErrorCode::kInvalid,
                 cat(given->origin, " is '", given->value, "'; it must be true or false."));
  }
  return lower == "true";
}

bool is_region(std::string_view text) {
  constexpr std::size_t kHostLabelLimit = 63;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kHostLabelLimit && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), fits);
}

struct Service {
  const char* name;
  const char* variable;
  const char* setting;
  const char* secrets;  ///< What calls carry.
  const char* way_out;  ///< Where there is one.
};

constexpr Service kDynamodb{"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB",
                            "services.dynamodb.endpoint_url", "session tokens and all data",
                            ", or with plain_http=true in the store's URL where the network keeps "
                            "others out"};
constexpr Service kSts{"sts", "AWS_ENDPOINT_URL_STS", "services.sts.endpoint_url",
                       "the web identity token and the keys for it",
                       "; AWS_ENDPOINT_URL_STS is for STS alone"};

// None if it is not just scheme, host and port.
std::optional<http_client::Url> plain_url(const std::string& text) {
  auto url = http_client::parse_url(text);
  if (!url || url->path != "/" || url->has_query_or_fragment) return std::nullopt;
  return url;
}

std::string whole_of(const http_client::Url& url) {
  return url.whole.substr(0, url.whole.size() - 1);
}

Result<std::string> check_endpoint(const Named& given, const Service& service, bool may_be_plain) {
  if (const auto url = plain_url(given.value)) {
    if (may_be_plain || http_client::may_carry_secrets(*url)) return whole_of(*url);
    return Error(
        ErrorCode::kInvalid,
        cat("The endpoint '", given.value, "' of ", given.origin, " would have ", service.secrets,
            " sent over the network in the clear. Use https://; http:// is "
            "for this machine (localhost, 127.0.0.1, [::1])",
            service.way_out, "."));
  }
  // What stands before an @ may be a password.
  const bool shown = given.value.find('@') == std::string::npos;
  return Error(ErrorCode::kInvalid,
               cat("The endpoint ", shown ? cat("'", given.value, "' ") : "", "of ", given.origin,
                   " must be http:// or https://, a host and perhaps a port, such as "
                   "http://localhost:8000, without path, query or user."));
}

std::optional<Named> configured_endpoint(const Service& service,
                                         const base::Environment& environment,
                                         const Profile& profile) {
  if (auto given = from_variable(environment, service.variable)) return given;
  if (auto given = from_variable(environment, "AWS_ENDPOINT_URL")) return given;
  if (auto given = from_setting(profile, service.setting)) return given;
  return from_setting(profile, "endpoint_url");
}

Result<std::string> regional_endpoint(const Service& service, const std::string& region,
                                      const base::Environment& environment,
                                      const Profile& profile) {
  const auto fips = read_switch(environment, "AWS_USE_FIPS_ENDPOINT", profile, "use_fips_endpoint");
  if (fips.has_error()) return fips.error();
  const auto dual_stack =
      read_switch(environment, "AWS_USE_DUALSTACK_ENDPOINT", profile, "use_dualstack_endpoint");
  if (dual_stack.has_error()) return dual_stack.error();

  const Partition& partition = partition_of(region);
  const bool named_fips = fips.value() && (dual_stack.value() || !partition.all_hosts_are_fips);
  const std::string_view suffix =
      dual_stack.value() ? partition.dual_stack_dns_suffix : partition.dns_suffix;
  return cat("https://", service.name, named_fips ? "-fips." : ".", region, ".", suffix);
}

Result<std::string> resolve_endpoint(const Service& service, const std::string& region,
                                     const base::Environment& environment, const Profile& profile,
                                     bool may_be_plain) {
  const auto ignore = read_switch(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", profile,
                                  "ignore_configured_endpoint_urls");
  if (ignore.has_error()) return ignore.error();
  if (!ignore.value()) {
    const auto given = configured_endpoint(service, environment, profile);
    if (given) return check_endpoint(*given, service, may_be_plain);
  }
  return regional_endpoint(service, region, environment, profile);
}

}  // namespace

Result<std::string> resolve_region(const std::string& explicit_region,
                                   const base::Environment& environment, const Profile& profile) {
  std::optional<Named> given;
  if (!explicit_region.empty()) given = Named{explicit_region, "the store's settings"};
  if (!given) given = from_variable(environment, "AWS_REGION");
  if (!given) given = from_variable(environment, "AWS_DEFAULT_REGION");
  if (!given) given = from_setting(profile, "region");
  if (!given) {
    return Error(ErrorCode::kInvalid,
                 cat("No AWS region is given. Name it in the store's settings, in AWS_REGION or "
                     "AWS_DEFAULT_REGION, or as region of the AWS profile '",
                     profile.name, "', such as eu-west-1."));
  }
  if (!is_region(given->value)) {
    return Error(ErrorCode::kInvalid, cat("'", given->value, "' of ", given->origin,
                                          " is no AWS region; one is like eu-west-1, of lower-case "
                                          "letters, digits and hyphens."));
  }
  return given->value;
}

Result<std::string> resolve_dynamodb_endpoint(const std::string& explicit_endpoint,
                                              const std::string& region,
                                              const base::Environment& environment,
                                              const Profile& profile, bool may_be_plain) {
  if (!explicit_endpoint.empty()) {
    return check_endpoint({explicit_endpoint, "the store's settings"}, kDynamodb, may_be_plain);
  }
  return resolve_endpoint(kDynamodb, region, environment, profile, may_be_plain);
}

Result<std::string> resolve_sts_endpoint(const std::string& region,
                                         const base::Environment& environment,
                                         const Profile& profile) {
  return resolve_endpoint(kSts, region, environment, profile, false);
}

}  // namespace nextid::aws
