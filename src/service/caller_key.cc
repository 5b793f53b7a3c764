#include "service/caller_key.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/cat.h"
#include "base/clock.h"

namespace nextid::service {
namespace {

using base::cat;
using std::chrono::seconds;

class TokenKeys final : public node::KeyQuota {
 public:
  TokenKeys(const auth::Session& caller, std::shared_ptr<auth::Usage> usage)
      : token_(caller.name()), retention_(caller.key_retention()), usage_(std::move(usage)) {}

  Result<void> take() override {
    const auto refused = usage_->take_key(retention_, base::monotonic_now());
    if (!refused) return {};
    const auto next_in = std::max(seconds(1), std::chrono::ceil<seconds>(refused->next_in));
    return Error(
        ErrorCode::kLimited,
        cat("the token '", token_, "' has its limit of ", refused->limit,
            " new idempotency keys in ", retention_.count(), " s; send the key again in ",
            next_in.count(),
            " s, or raise keys= in the token's line of the token file. Keys that are known "
            "get their ids meanwhile."),
        next_in);
  }
  void give_back() noexcept override { usage_->give_key_back(); }

 private:
  const std::string token_;
  const seconds retention_;
  const std::shared_ptr<auth::Usage> usage_;
};

}  // namespace

node::RequestKey key_of(const auth::Session& caller, std::string text) {
  node::RequestKey key{.text = std::move(text), .scope = std::string(caller.key_scope())};
  if (auto usage = caller.usage()) {
    key.quota = std::make_shared<TokenKeys>(caller, std::move(usage));
  }
  return key;
}

}  // namespace nextid::service
