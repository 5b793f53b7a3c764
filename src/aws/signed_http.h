// Signed HTTP calls to one service: many at a time on one thread, over pooled connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "aws/credentials.h"
#include "http_client/calls.h"

namespace nextid::aws {

struct SignedHttpOptions {
  std::string url;      ///< Of the service; every call is a POST to its root.
  std::string region;   ///< For the signature, as is `service`.
  std::string service;  ///< "dynamodb"
  std::string ca_file;  ///< PEM file to trust instead of the system's; empty for the system's.
  std::size_t max_connections = 64;  ///< Calls beyond it wait here, before their time runs.
};

/// What came back from one call.
struct SignedAnswer {
  /// Why there is no whole answer, and the request may have arrived or not; else empty. No error of
  /// libcurl proves that a request never arrived: it repeats some by itself.
  std::string failure;
  bool certificate_refused = false;  ///< The failure: the server is not who it should be.
  long status = 0;
  std::string body;
  std::optional<std::uint32_t> crc32;  ///< Of the body as sent: x-amz-crc32.
  std::optional<std::chrono::system_clock::time_point> date;
  std::string request_id;
};

struct SignedCall {
  std::string target;  ///< "DynamoDB_20120810.GetItem"
  std::string body;    ///< JSON.
  std::shared_ptr<const Credentials> credentials;
  std::chrono::milliseconds limit{0};
  /// Called once, on this object's thread; it may send(). Must not throw.
  std::function<void(SignedAnswer)> done;
};

/// Thread-safe. Signs with CURLOPT_AWS_SIGV4 (https://curl.se/libcurl/c/CURLOPT_AWS_SIGV4.html).
class SignedHttp {
 public:
  /// Throws std::runtime_error for options that libcurl does not take.
  explicit SignedHttp(SignedHttpOptions options);

  /// Never blocks. One attempt.
  void send(SignedCall call);

  /// See http_client::Calls.
  bool after(std::chrono::milliseconds delay, std::function<void()> then) {
    return calls_.after(delay, std::move(then));
  }
  void stop() { calls_.stop(); }

 private:
  const std::string url_;
  http_client::Calls calls_;
};

}  // namespace nextid::aws
