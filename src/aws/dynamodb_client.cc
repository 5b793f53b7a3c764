#include "aws/dynamodb_client.h"

#include <chrono>
#include <exception>
#include <filesystem>
#include <utility>

#include <boost/json/serialize.hpp>

#include "aws/credential_health.h"
#include "aws/credential_sources.h"
#include "aws/endpoint.h"
#include "aws/profile_files.h"
#include "base/cat.h"

namespace nextid::aws {
namespace {

using base::cat;

constexpr const char* kApiVersion = "DynamoDB_20120810.";
constexpr const char* kTableName = "TableName";

/// As the AWS SDKs look for it: the store's own parameter, the environment, the profile.
Result<void> resolve_ca_file(DynamodbClientOptions& options, const Profile& profile) {
  const char* origin = "ca_file";
  if (options.ca_file.empty()) {
    origin = "AWS_CA_BUNDLE";
    options.ca_file = options.environment("AWS_CA_BUNDLE").value_or("");
  }
  if (options.ca_file.empty()) {
    origin = "ca_bundle of the AWS profile";
    options.ca_file = profile.get("ca_bundle").value_or("");
  }
  std::error_code error;
  if (!options.ca_file.empty() && !std::filesystem::is_regular_file(options.ca_file, error)) {
    return Error(ErrorCode::kInvalid, cat(origin, " '", options.ca_file, "' is no file"));
  }
  return {};
}

Result<void> resolve(DynamodbClientOptions& options) {
  const auto profile = read_profile(options.profile, options.environment);
  if (!profile) return profile.error();
  auto region = resolve_region(options.region, options.environment, *profile);
  if (!region) return region.error();
  options.region = *std::move(region);
  auto endpoint = resolve_dynamodb_endpoint(options.endpoint, options.region, options.environment,
                                            *profile, options.plain_http);
  if (!endpoint) return endpoint.error();
  options.endpoint = *std::move(endpoint);
  return resolve_ca_file(options, *profile);
}

SignedHttpOptions http_options(const DynamodbClientOptions& options) {
  return {.url = options.endpoint,
          .region = options.region,
          .service = "dynamodb",
          .ca_file = options.ca_file};
}

}  // namespace

Result<std::unique_ptr<DynamodbClient>> DynamodbClient::open(DynamodbClientOptions options) {
  if (auto resolved = resolve(options); !resolved) return resolved.error();
  auto find = [profile = options.profile, region = options.region,
               environment = options.environment] {
    return find_credentials(profile, region, environment);
  };
  auto credentials = CredentialCache::open(std::move(find), options.warn);
  if (!credentials) return credentials.error();
  try {
    auto shared = std::make_shared<Shared>();
    shared->options = std::move(options);
    shared->credentials = *std::move(credentials);
    return std::unique_ptr<DynamodbClient>(new DynamodbClient(std::move(shared)));
  } catch (const std::exception& failure) {
    return Error(ErrorCode::kUnavailable, failure.what());
  }
}

DynamodbClient::DynamodbClient(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), http_(http_options(shared_->options)) {}

DynamodbClient::~DynamodbClient() { stop(); }

void DynamodbClient::stop() { http_.stop(); }

bool DynamodbClient::after(std::chrono::milliseconds delay, std::function<void()> then) {
  return http_.after(delay, std::move(then));
}

void DynamodbClient::observe(std::function<void(const DynamodbReply&)> look) {
  shared_->observer = std::move(look);
}

StoreHealth DynamodbClient::health() const {
  StoreHealth health;
  const auto credentials = shared_->credentials->current();
  health.facts.push_back(
      health_of(*credentials, shared_->credentials->trouble(), std::chrono::system_clock::now()));
  const std::int64_t clock_ahead_ms = shared_->clock_ahead_ms;
  if (clock_ahead_ms != kUnknown) health.clock_ahead = std::chrono::milliseconds(clock_ahead_ms);
  return health;
}

void DynamodbClient::call(std::string operation, boost::json::object request,
                          std::chrono::milliseconds limit,
                          std::function<void(DynamodbReply)> done) {
  if (!request.contains(kTableName)) request[kTableName] = shared_->options.table;
  SignedCall call;
  call.target = kApiVersion + operation;
  call.body = boost::json::serialize(request);
  call.credentials = shared_->credentials->current();
  call.limit = limit;
  call.done = [shared = shared_, operation = std::move(operation),
               table = std::string(request[kTableName].as_string()), credentials = call.credentials,
               done = std::move(done)](SignedAnswer answer) {
    const DynamodbClientOptions& options = shared->options;
    if (answer.date) {
      shared->clock_ahead_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now() - *answer.date)
                                   .count();
    }
    const CallContext context{operation,
                              table,
                              options.region,
                              options.endpoint,
                              credentials->source,
                              shared->credentials->trouble(),
                              std::chrono::system_clock::now()};
    DynamodbReply reply = read_reply(answer, context);
    if (reply.credentials_refused) shared->credentials->refused(*credentials);
    if (shared->observer && table == options.table) shared->observer(reply);
    done(std::move(reply));
  };
  http_.send(std::move(call));
}

}  // namespace nextid::aws
