#include "auth/access.h"

#include <utility>

#include "base/mutex.h"

namespace nextid::auth {

Result<std::unique_ptr<Access>> Access::open(const std::string& path) {
  auto access = std::make_unique<Access>();
  access->path_ = path;
  if (const auto loaded = access->reload(); !loaded) return loaded.error();
  return access;
}

Result<std::vector<std::string>> Access::reload() {
  if (!needs_tokens()) return std::vector<std::string>();
  auto tokens = Tokens::read(path_);
  if (!tokens) return tokens.error();
  const base::Lock lock(mutex_);
  tokens->count_in([this](const Grant& grant) NEXTID_REQUIRES(mutex_) {
    auto& usage = usages_[grant.name];
    if (usage == nullptr) usage = std::make_shared<Usage>();
    usage->set_limits(grant.limits);
    return usage;
  });
  auto gone = tokens_ ? tokens_->names_not_in(*tokens) : std::vector<std::string>();
  tokens_ = std::make_shared<const Tokens>(*std::move(tokens));
  generation_.fetch_add(1, std::memory_order_release);
  return gone;
}

std::shared_ptr<const Tokens> Access::tokens() const {
  const base::Lock lock(mutex_);
  return tokens_;
}

bool Session::sign_in(std::string_view secret) {
  sign_out();
  if (!access_->needs_tokens() || secret.empty()) return false;
  digest_ = digest_of(secret);
  if (const auto generation = access_->generation(); generation != generation_) {
    // The generation is read before the tokens: if the tokens are newer, they are merely looked up
    // once more.
    generation_ = generation;
    tokens_ = access_->tokens();
  }
  grant_ = tokens_->find(digest_);
  return grant_ != nullptr;
}

// Null when nobody signed in, or that token was removed.
const Grant* Session::current_grant() {
  if (grant_ == nullptr) return nullptr;
  if (const auto generation = access_->generation(); generation != generation_) {
    generation_ = generation;
    tokens_ = access_->tokens();
    grant_ = tokens_->find(digest_);
  }
  return grant_;
}

Verdict Session::may(Right right, std::string_view counter) {
  if (!access_->needs_tokens()) return Verdict::kGranted;
  const Grant* grant = current_grant();
  if (grant == nullptr) return Verdict::kUnknown;
  return grant->allows(right, counter) ? Verdict::kGranted : Verdict::kForbidden;
}

Verdict Session::may_all(Right right) {
  if (!access_->needs_tokens()) return Verdict::kGranted;
  const Grant* grant = current_grant();
  if (grant == nullptr) return Verdict::kUnknown;
  return grant->allows_all(right) ? Verdict::kGranted : Verdict::kForbidden;
}

}  // namespace nextid::auth
