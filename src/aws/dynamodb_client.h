// A small DynamoDB client: one attempt a call, many calls at once, credentials kept fresh.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include <boost/json/object.hpp>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "aws/credential_cache.h"
#include "aws/dynamodb_reply.h"
#include "aws/signed_http.h"
#include "base/process_environment.h"

namespace nextid::aws {

struct DynamodbClientOptions {
  std::string table;        ///< Of the requests that name no other.
  std::string region;       ///< Empty: as the environment or the profile says.
  std::string endpoint;     ///< The same.
  bool plain_http = false;  ///< Whether the endpoint may be http:// on another machine.
  std::string profile;      ///< Empty: AWS_PROFILE, and the environment's keys first.
  std::string ca_file;      ///< PEM; empty for the system's authorities.
  base::Environment environment = &base::process_environment;
  CredentialCache::Warn warn;
};

/// Thread-safe.
class DynamodbClient {
 public:
  /// Resolves region and endpoint and looks for credentials, blocking for some seconds at most;
  /// does not call DynamoDB. Errors say what is missing and how to give it.
  static Result<std::unique_ptr<DynamodbClient>> open(DynamodbClientOptions options);
  /// Calls stop().
  ~DynamodbClient();

  /// Sends `request` once, to the table that its TableName names, or else to that of the options.
  /// `done` is called once: on the client's thread, or, after stop(), before call() returns. It may
  /// call again, and must not throw. `limit` is for the whole call.
  void call(std::string operation, boost::json::object request, std::chrono::milliseconds limit,
            std::function<void(DynamodbReply)> done);

  /// See SignedHttp::after().
  bool after(std::chrono::milliseconds delay, std::function<void()> then);

  /// Shows each answer about the options' table to `look`, on the client's thread, before it is
  /// delivered. To be set once, while no call is under way; `look` must not throw.
  void observe(std::function<void(const DynamodbReply&)> look);

  /// Of the credentials in use, and of the clock as the service's last answer showed it.
  StoreHealth health() const;

  /// See SignedHttp::stop().
  void stop();

  /// As given, and as resolved.
  const DynamodbClientOptions& options() const noexcept { return shared_->options; }

 private:
  /// What answers need. They may come after the client is gone, when one of them destroyed it.
  struct Shared {
    DynamodbClientOptions options;
    std::unique_ptr<CredentialCache> credentials;
    /// Milliseconds that this machine's clock is ahead of the service's; kUnknown before an answer.
    std::atomic<std::int64_t> clock_ahead_ms{kUnknown};
    std::function<void(const DynamodbReply&)> observer;
  };
  static constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();

  explicit DynamodbClient(std::shared_ptr<Shared> shared);

  const std::shared_ptr<Shared> shared_;
  SignedHttp http_;
};

}  // namespace nextid::aws
