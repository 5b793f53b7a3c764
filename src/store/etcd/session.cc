#include "store/etcd/session.h"

#include <utility>

namespace nextid::store {

std::string EtcdSession::token() const {
  const base::Lock lock(mutex_);
  return token_;
}

void EtcdSession::renew(const std::string& stale, const SignIn& sign_in, Done done) {
  {
    base::Lock lock(mutex_);
    if (!token_.empty() && token_ != stale) {
      std::string token = token_;
      lock.unlock();
      return done(std::move(token));
    }
    waiting_.push_back(std::move(done));
    if (std::exchange(renewing_, true)) return;
  }
  sign_in([this](const Result<std::string>& token) { ended(token); });
}

void EtcdSession::ended(const Result<std::string>& token) {
  std::vector<Done> waiting;
  {
    const base::Lock lock(mutex_);
    renewing_ = false;
    if (token) token_ = *token;
    waiting = std::exchange(waiting_, {});
  }
  for (const Done& done : waiting) done(token);
}

}  // namespace nextid::store
