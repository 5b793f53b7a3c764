// The token of a user, which each call brings. It ends when it was not used for some minutes, when
// its member restarts, or when users and rights are changed: then the next one is had.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "base/mutex.h"

namespace nextid::store {

/// Thread-safe.
class EtcdSession {
 public:
  /// Receives a token, or a clause that says why there is none; kUnavailable for what may pass
  /// soon. A token is empty where etcd asks for none.
  using Done = std::function<void(Result<std::string>)>;
  /// Asks etcd for a token.
  using SignIn = std::function<void(Done)>;

  /// Empty before the first renew().
  std::string token() const;

  /// Gives a token that is not `stale`, one sign-in for all who ask meanwhile.
  void renew(const std::string& stale, const SignIn& sign_in, Done done);

 private:
  void ended(const Result<std::string>& token);

  mutable base::Mutex mutex_;
  std::string token_ NEXTID_GUARDED_BY(mutex_);
  bool renewing_ NEXTID_GUARDED_BY(mutex_) = false;
  std::vector<Done> waiting_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
