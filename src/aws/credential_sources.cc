#include "aws/credential_sources.h"

#include <exception>
#include <optional>
#include <utility>

#include "aws/container_credentials.h"
#include "aws/credential_document.h"
#include "aws/credential_process.h"
#include "aws/instance_credentials.h"
#include "aws/source_answer.h"
#include "aws/web_identity.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return {ErrorCode::kInvalid, sentence}; }

SourceAnswer ask_environment(const base::Environment& environment) {
  auto key = environment("AWS_ACCESS_KEY_ID");
  auto secret = environment("AWS_SECRET_ACCESS_KEY");
  if (!key && !secret) return SourceAnswer::absent("AWS_ACCESS_KEY_ID is not set");
  if (!key || !secret) {
    const std::string missing = key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID";
    const std::string present = key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY";
    return SourceAnswer::decided(
        invalid(cat(present, " is set, but ", missing, " is not. Set both, or none.")));
  }
  return SourceAnswer::decided(
      check_credentials({.access_key_id = *std::move(key),
                         .secret_access_key = *std::move(secret),
                         .session_token = environment("AWS_SESSION_TOKEN").value_or(""),
                         .expires = std::nullopt,
                         .source = "the environment"},
                        environment("AWS_CREDENTIAL_EXPIRATION")));
}

// The setting that asks for credentials that only other AWS programs can get.
std::optional<std::string> foreign_setting(const Profile& profile) {
  for (const char* setting : {"role_arn", "sso_account_id", "sso_role_name", "login_session"}) {
    if (profile.get(setting)) return setting;
  }
  return std::nullopt;
}

Error not_spoken(const Profile& profile, const std::string& setting) {
  return invalid(cat("The AWS profile '", profile.name, "' has ", setting,
                     ", a way to credentials that nextid does not speak. Let the AWS CLI do it: "
                     "give nextid a profile of its own with the line  credential_process = aws "
                     "configure export-credentials --profile ",
                     profile.name, " --format process  ."));
}

Result<Credentials> keys_of(const Profile& profile) {
  const auto key = profile.get("aws_access_key_id");
  const auto secret = profile.get("aws_secret_access_key");
  if (!key || !secret) {
    return invalid(cat("The AWS profile '", profile.name, "' has ",
                       key ? "aws_access_key_id, but no aws_secret_access_key"
                           : "aws_secret_access_key, but no aws_access_key_id",
                       ". Add it."));
  }
  return check_credentials({.access_key_id = *key,
                            .secret_access_key = *secret,
                            .session_token = profile.get("aws_session_token").value_or(""),
                            .expires = std::nullopt,
                            .source = cat("the AWS profile '", profile.name, "'")},
                           std::nullopt);
}

// A role or a login takes precedence over keys, which are what it starts from, as in every AWS SDK.
SourceAnswer ask_profile(const std::string& region, const base::Environment& environment,
                         const Profile& profile) {
  auto answer = ask_profile_web_identity(region, environment, profile);
  if (answer.decision) return answer;
  const auto process = profile.get("credential_process");
  const auto foreign = foreign_setting(profile);
  if (foreign && !process) return SourceAnswer::decided(not_spoken(profile, *foreign));
  const bool keys = profile.get("aws_access_key_id") || profile.get("aws_secret_access_key");
  if (keys && !foreign) return SourceAnswer::decided(keys_of(profile));
  if (process) return SourceAnswer::decided(run_credential_process(*process, profile.name));
  return SourceAnswer::absent(profile.found ? "it has no settings that give credentials"
                                            : "neither of the shared files has it");
}

/// Asks one source after the other, until one decides.
class Search {
 public:
  /// True when the source decides.
  bool ask(const std::string& name, SourceAnswer answer) {
    decision_ = std::move(answer.decision);
    tried_ += cat(tried_.empty() ? "" : "; ", name, " (", answer.absence, ")");
    return decision_.has_value();
  }
  Result<Credentials> decision() { return *std::move(decision_); }
  Error nothing_found() const {
    return {ErrorCode::kUnavailable,
            cat("No AWS credentials found. Looked at ", tried_,
                ". Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an AWS profile that has "
                "credentials, or give this machine or container a role.")};
  }

 private:
  std::optional<Result<Credentials>> decision_;
  std::string tried_;
};

Result<Credentials> find(const std::string& explicit_profile, const std::string& region,
                         const base::Environment& environment) {
  Search search;
  const bool ask_variables = explicit_profile.empty();
  if (ask_variables && search.ask("the environment", ask_environment(environment))) {
    return search.decision();
  }
  const auto profile = read_profile(explicit_profile, environment);
  if (profile.has_error()) return profile.error();
  if (ask_variables &&
      search.ask("web identity", ask_web_identity(region, environment, profile.value()))) {
    return search.decision();
  }
  if (search.ask(cat("the AWS profile '", profile->name, "'"),
                 ask_profile(region, environment, profile.value()))) {
    return search.decision();
  }
  if (search.ask("the container's endpoint", ask_container(environment))) return search.decision();
  if (search.ask("the instance's metadata service", ask_instance(environment, profile.value()))) {
    return search.decision();
  }
  return search.nothing_found();
}

}  // namespace

Result<Credentials> find_credentials(const std::string& explicit_profile, const std::string& region,
                                     const base::Environment& environment) {
  try {
    return find(explicit_profile, region, environment);
  } catch (const std::exception& failure) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't look for AWS credentials: ", failure.what(), "."));
  }
}

}  // namespace nextid::aws
