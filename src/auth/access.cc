#include "auth/access.h"

#include <utility>

#include "base/mutex.h"

namespace nextid::auth {

Result<std::unique_ptr<Access>> Access::open(const std::string& path, const Bounds& bounds,
                                             Log log) {
  auto access = std::make_unique<Access>();
  access->path_ = path;
  access->bounds_ = bounds;
  access->log_ = std::move(log);
  if (const auto loaded = access->reload(); !loaded) return loaded.error();
  return access;
}

Result<std::vector<std::string>> Access::reload() {
  if (!needs_tokens()) return std::vector<std::string>();
  auto tokens = Tokens::read(path_);
  if (!tokens) return tokens.error();
  const Shares shares(tokens->limits(), bounds_);
  if (log_) {
    for (const std::string& warning : shares.warnings()) log_(LogLevel::kWarning, warning);
  }
  const base::Lock lock(mutex_);
  tokens->count_in([&](const Grant& grant) NEXTID_REQUIRES(mutex_) {
    auto& usage = usages_[grant.name];
    if (usage == nullptr) usage = std::make_shared<Usage>(grant.name, log_);
    usage->set_limits(shares.in_force(grant.limits), shares.waiting_ids());
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

std::map<std::string, std::array<Usage::Figures, kLimits>> Access::usage_figures() const {
  const base::Lock lock(mutex_);
  std::map<std::string, std::array<Usage::Figures, kLimits>> figures;
  for (const auto& [name, usage] : usages_) figures.emplace(name, usage->figures());
  return figures;
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
