#include "aws/web_identity.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "aws/credential_document.h"
#include "aws/endpoint.h"
#include "aws/http_fetch.h"
#include "aws/text_file.h"
#include "base/cat.h"
#include "http_client/service_words.h"

namespace nextid::aws {
namespace {

using base::cat;
using boost::property_tree::ptree;

constexpr std::size_t kTokenLimitBytes = 64 * 1024;
constexpr const char* kDefaultSessionName = "nextid";
// The identity provider did not answer STS in time, which STS asks callers to try again.
constexpr std::string_view kTransientCode = "IDPCommunicationError";

Error unavailable(const WebIdentity& identity, const std::string& why) {
  return {
      ErrorCode::kUnavailable,
      cat("Can't take on ", http_client::service_words(identity.role_arn), " with the token in ",
          identity.token_file, " at ", identity.sts_endpoint, ": ", why, ".")};
}

Result<std::string> read_token(const std::string& path) {
  auto text = read_text_file(path, kTokenLimitBytes);
  if (text.has_error()) return text.error();
  std::string token = std::move(text.value()).value_or("");
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty()) {
    return Error(ErrorCode::kInvalid,
                 cat("The web identity token file ", path, " does not exist or is empty."));
  }
  return token;
}

// None if the text is no XML, or has more tags than a reply: the parser recurses for each nested
// tag.
std::optional<ptree> parse_xml(const std::string& text) {
  constexpr std::ptrdiff_t kTagLimit = 500;
  if (std::count(text.begin(), text.end(), '<') > kTagLimit) return std::nullopt;
  std::istringstream stream(text);
  ptree tree;
  try {
    boost::property_tree::read_xml(stream, tree);
  } catch (const boost::property_tree::xml_parser_error&) {
    return std::nullopt;
  }
  return tree;
}

std::string error_code_of(const HttpAnswer& answer) {
  const auto tree = parse_xml(answer.body);
  return tree ? tree->get("ErrorResponse.Error.Code", "") : "";
}

std::string failure_of(const HttpAnswer& answer) {
  std::string clause = cat("HTTP status ", answer.status);
  if (const auto tree = parse_xml(answer.body)) {
    const auto code = tree->get("ErrorResponse.Error.Code", "");
    const auto message = tree->get("ErrorResponse.Error.Message", "");
    if (!code.empty()) clause = http_client::service_words(cat(code, ": ", message));
  }
  return clause;
}

Result<Credentials> read_reply(const WebIdentity& identity, const HttpAnswer& answer) {
  if (answer.status != 200) return unavailable(identity, failure_of(answer));
  const auto tree = parse_xml(answer.body);
  const auto keys =
      tree ? tree->get_child_optional(
                 "AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.Credentials")
           : boost::none;
  if (!keys) return unavailable(identity, "the answer has no credentials");
  return check_credentials({.access_key_id = keys->get("AccessKeyId", ""),
                            .secret_access_key = keys->get("SecretAccessKey", ""),
                            .session_token = keys->get("SessionToken", ""),
                            .expires = std::nullopt,
                            .source = "STS for " + http_client::service_words(identity.role_arn)},
                           keys->get("Expiration", ""));
}

std::string form(const WebIdentity& identity, const std::string& token) {
  const auto encoded = [](std::string_view text) {
    return boost::urls::encode({text.data(), text.size()}, boost::urls::unreserved_chars);
  };
  return cat(
      "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", encoded(identity.role_arn),
      "&RoleSessionName=", encoded(identity.session_name), "&WebIdentityToken=", encoded(token));
}

SourceAnswer ask(const std::optional<std::string>& token_file,
                 const std::optional<std::string>& role_arn,
                 const std::optional<std::string>& session_name,
                 const Result<std::string>& sts_endpoint) {
  if (sts_endpoint.has_error()) return SourceAnswer::decided(sts_endpoint.error());
  return SourceAnswer::decided(
      assume_role({.token_file = token_file.value(),
                   .role_arn = role_arn.value(),
                   .session_name = session_name.value_or(kDefaultSessionName),
                   .sts_endpoint = sts_endpoint.value()}));
}

}  // namespace

Result<Credentials> assume_role(const WebIdentity& identity) {
  const auto token = read_token(identity.token_file);
  if (token.has_error()) return token.error();
  HttpRequest request;
  request.method = "POST";
  request.url = identity.sts_endpoint + "/";
  request.body = form(identity, token.value());
  request.time_limit = std::chrono::seconds(5);
  request.tries = 3;
  // Else a proxy would read what stays on this machine.
  if (request.url.starts_with("https:")) request.proxy = Proxy::kFromEnvironment;
  const auto answer = http_fetch(
      request, [](const HttpAnswer& got) { return error_code_of(got) == kTransientCode; });
  if (answer.has_error()) return unavailable(identity, answer.error().what());
  return read_reply(identity, answer.value());
}

SourceAnswer ask_web_identity(const std::string& region, const base::Environment& environment,
                              const Profile& profile) {
  const auto token_file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  const auto role_arn = environment("AWS_ROLE_ARN");
  if (!token_file) return SourceAnswer::absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set");
  if (!role_arn) {
    return SourceAnswer::decided(Error(
        ErrorCode::kInvalid,
        "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not. Set it to the role's ARN."));
  }
  return ask(token_file, role_arn, environment("AWS_ROLE_SESSION_NAME"),
             resolve_sts_endpoint(region, environment, profile));
}

SourceAnswer ask_profile_web_identity(const std::string& region,
                                      const base::Environment& environment,
                                      const Profile& profile) {
  const auto token_file = profile.get("web_identity_token_file");
  const auto role_arn = profile.get("role_arn");
  if (!token_file) return SourceAnswer::absent("it has no web_identity_token_file");
  if (!role_arn) {
    return SourceAnswer::decided(
        Error(ErrorCode::kInvalid, cat("The AWS profile '", profile.name,
                                       "' has web_identity_token_file, but no role_arn. Add it.")));
  }
  return ask(token_file, role_arn, profile.get("role_session_name"),
             resolve_sts_endpoint(region, environment, profile));
}

}  // namespace nextid::aws
