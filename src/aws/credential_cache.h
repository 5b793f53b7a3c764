// The credentials in use, renewed in the background before they expire: no call ever waits for a
// renewal.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "nextid/error.h"

#include "aws/credentials.h"
#include "base/mutex.h"

namespace nextid::aws {

/// Thread-safe. Has a thread of its own, which alone looks for credentials after open().
class CredentialCache {
 public:
  /// Looks once; may block for some seconds, and must end by itself.
  using Find = std::function<Result<Credentials>()>;
  /// Receives a line when a renewal fails, and one when it works again; from any thread. May be
  /// empty.
  using Warn = std::function<void(const std::string&)>;

  /// Looks for credentials, blocking; the error is that of `find`.
  static Result<std::unique_ptr<CredentialCache>> open(Find find, Warn warn);
  /// Waits for a look that is under way.
  ~CredentialCache();
  CredentialCache(const CredentialCache&) = delete;
  CredentialCache& operator=(const CredentialCache&) = delete;

  /// The newest credentials; never blocks on a look, never null. When a renewal fails the old ones
  /// are kept, expired or not: the service decides whether they still do.
  std::shared_ptr<const Credentials> current() const;

  /// The service refused these. Looks for others soon, at most once a second, unless current() has
  /// moved on already: keys in files and from processes change without notice.
  void refused(const Credentials& credentials);

  /// Why the last renewal failed; empty when it did not.
  std::string trouble() const;

 private:
  using Shared = std::shared_ptr<const Credentials>;

  CredentialCache(Find find, Warn warn, Credentials first);
  void run();
  void look() NEXTID_EXCLUDES(mutex_);
  /// Both return a line for `warn`, or nothing.
  std::string renewed(Credentials found) NEXTID_REQUIRES(mutex_);
  std::string failed(const Error& error) NEXTID_REQUIRES(mutex_);
  bool is_due() const NEXTID_REQUIRES(mutex_);

  const Find find_;
  const Warn warn_;

  mutable base::Mutex mutex_;
  std::condition_variable changed_;
  Shared current_ NEXTID_GUARDED_BY(mutex_);
  std::string trouble_ NEXTID_GUARDED_BY(mutex_);
  int failures_ NEXTID_GUARDED_BY(mutex_) = 0;      ///< In a row.
  bool refused_ NEXTID_GUARDED_BY(mutex_) = false;  ///< The service refused current_.
  int refusals_ NEXTID_GUARDED_BY(mutex_) =
      0;  ///< Looks in a row that found again what was refused.
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  /// The next renewal; none when nothing expires. By the wall clock, as an expiry is.
  std::optional<std::chrono::system_clock::time_point> due_ NEXTID_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point not_before_
      NEXTID_GUARDED_BY(mutex_);  ///< Keeps looks apart.

  std::thread thread_;
};

}  // namespace nextid::aws
