#include "aws/credential_process.h"

#include <chrono>
#include <cstddef>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "aws/credential_document.h"
#include "aws/subprocess.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr std::chrono::seconds kTimeLimit(60);
constexpr std::size_t kOutputLimitBytes = 64 * 1024;

bool is_version_1(const std::string& text) {
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(text, failure);
  if (failure || !value.is_object()) return false;
  const auto* version = value.get_object().if_contains("Version");
  return version != nullptr && version->is_int64() && version->get_int64() == 1;
}

}  // namespace

Result<Credentials> run_credential_process(const std::string& command,
                                           const std::string& profile_name) {
  const std::string source = cat("the credential_process of the AWS profile '", profile_name, "'");
  const auto words = split_command_line(command);
  if (words.has_error()) {
    return Error(ErrorCode::kInvalid,
                 cat("Can't run ", source, ": ", words.error().what(), ". Correct the setting."));
  }
  const auto output = run_process(words.value(), kTimeLimit, kOutputLimitBytes);
  if (output.has_error()) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't get AWS credentials from ", source, ": ", output.error().what(),
                     ". Run it by hand to see what is wrong."));
  }
  if (!is_version_1(output.value())) {
    return Error(ErrorCode::kUnavailable,
                 cat("Can't get AWS credentials from ", source,
                     ": it does not print a JSON object with \"Version\": 1."));
  }
  return parse_credentials_json(output.value(), "SessionToken", source);
}

}  // namespace nextid::aws
