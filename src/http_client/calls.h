// HTTP calls to other services: many at a time on one thread, over pooled connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <curl/curl.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nextid::http_client {

struct CallsOptions {
  std::size_t max_connections = 64;  ///< Calls beyond it wait here, before their time runs.
  /// Sets on a new handle what all calls share, beyond HTTP/1.1 and keep-alive.
  std::function<void(CURL*)> prepare = {};
};

/// What came back from one call.
struct Answer {
  /// Why there is no whole answer; else empty. The request may have arrived or not, unless
  /// `never_sent`.
  std::string failure;
  /// The failure came before any byte of the request had left this machine. libcurl repeats a
  /// request over a fresh connection when a pooled one ends before any answer; then this is false.
  bool never_sent = false;
  bool certificate_refused = false;  ///< The failure: the server is not who it should be.
  long status = 0;
  std::string head;  ///< The lines "Name: value" as they came, with the status line.
  std::string body;
};

struct Call {
  std::string url;                          ///< http or https.
  std::vector<std::string> headers = {};    ///< "Name: value".
  std::optional<std::string> body = {};     ///< Of a POST; without one it is a GET.
  std::chrono::milliseconds limit{0};       ///< For the whole call.
  std::chrono::milliseconds connecting{0};  ///< The part of it for a new connection; 0: all.
  /// Sets on the handle what only this call has, such as credentials; may be empty.
  std::function<void(CURL*)> prepare = {};
  /// Called once, on this object's thread; it may send(). Must not throw.
  std::function<void(Answer)> done;
};

/// Thread-safe.
class Calls {
 public:
  /// Throws std::runtime_error for options that libcurl does not take.
  explicit Calls(CallsOptions options);
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  /// Never blocks. One attempt.
  void send(Call call);

  /// Calls `then` once on this object's thread, after `delay`, or sooner when stop() comes first.
  /// False after stop(): then it is never called. Never blocks; `then` must not throw.
  bool after(std::chrono::milliseconds delay, std::function<void()> then);

  /// Answers the calls that were sent, each within its limit, then ends the thread; calls sent
  /// later fail at once. Waits for the thread, unless called on it. Idempotent.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nextid::http_client
