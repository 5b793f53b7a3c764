// Whether a caller may do something, for every protocol: Access is the server's, with the tokens in
// force; a Session is one caller's.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"

#include "auth/right.h"
#include "auth/tokens.h"
#include "auth/usage.h"
#include "base/mutex.h"

namespace nextid::auth {

/// Thread-safe.
class Access {
 public:
  /// Open: everyone may do everything.
  Access() noexcept = default;
  /// With the tokens of that file. The error is Tokens::read()'s.
  static Result<std::unique_ptr<Access>> open(const std::string& path);

  /// Whether callers need a token. Never changes.
  bool needs_tokens() const noexcept { return !path_.empty(); }
  /// "" when open.
  const std::string& path() const noexcept { return path_; }
  std::size_t size() const { return needs_tokens() ? tokens()->size() : 0; }

  /// Reads the file again; what it says is in force for all sessions' next calls. The names of
  /// tokens that it has no more. After an error the tokens from before stay. Does nothing when
  /// open.
  Result<std::vector<std::string>> reload();

 private:
  friend class Session;
  std::shared_ptr<const Tokens> tokens() const;
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

  std::string path_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const Tokens> tokens_ NEXTID_GUARDED_BY(mutex_);
  // Of each name that ever had a token: who comes back under it has used what they used.
  std::map<std::string, std::shared_ptr<Usage>> usages_ NEXTID_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> generation_{0};  // Of tokens_; changes after it.
};

enum class Verdict {
  kGranted,
  kUnknown,    ///< Nobody signed in, or the token was removed.
  kForbidden,  ///< The token lacks the right, or the counter.
};

/// The signed-in caller of a connection, or of one request. Follows reloads: a token that was
/// removed from the file allows nothing from then on. Keeps the token's digest and not the token.
/// Not thread-safe.
class Session {
 public:
  /// `access` must outlive the session.
  explicit Session(const Access& access) noexcept : access_(&access) {}

  bool needs_token() const noexcept { return access_->needs_tokens(); }

  /// False, and signed out, when no token is `secret`. Takes no allocation.
  bool sign_in(std::string_view secret);
  void sign_out() noexcept { grant_ = nullptr; }
  /// Whether the caller's token is one that is in force.
  bool is_signed_in() { return current_grant() != nullptr; }

  /// For a call that concerns one counter.
  Verdict may(Right right, std::string_view counter);
  /// For one that concerns all of them, such as a list.
  Verdict may_all(Right right);

  /// The token's name, for logs and CLIENT LIST; "" when nobody signed in. Valid until the next
  /// call of this session.
  std::string_view name() const noexcept { return grant_ ? grant_->name : std::string_view(); }
  /// What the token's holders use; null when nobody signed in.
  std::shared_ptr<Usage> usage() const noexcept { return grant_ ? grant_->usage : nullptr; }

 private:
  const Grant* current_grant();

  const Access* access_;
  std::shared_ptr<const Tokens> tokens_;  // Of grant_.
  const Grant* grant_ = nullptr;
  Digest digest_{};
  std::uint64_t generation_ = 0;
};

}  // namespace nextid::auth
