#include "store/etcd/leases.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/cat.h"
#include "store/etcd/txn.h"

namespace nextid::store {
namespace {

using base::cat;

/// What clocks may be apart.
constexpr std::int64_t kMarginSeconds = 120;
/// What is left to a key at most, here: over two hundred years, so that no lease is longer than the
/// 9,000,000,000 seconds that etcd grants.
constexpr std::int64_t kLongestSeconds = 7'000'000'000;

}  // namespace

void EtcdLeases::find(std::int64_t expires_s, std::int64_t now_s, Done done) {
  const std::int64_t left_s = std::clamp<std::int64_t>(expires_s - now_s, 1, kLongestSeconds);
  const std::int64_t needed_until_s = now_s + left_s + kMarginSeconds;
  const std::int64_t time_to_live_s = left_s + left_s / 4 + kMarginSeconds;
  const int group = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(left_s)));
  {
    base::Lock lock(mutex_);
    Group& mine = groups_[group];
    if (mine.lease.id != 0 && mine.lease.ends_s >= needed_until_s) {
      const std::int64_t id = mine.lease.id;
      lock.unlock();
      return done(id);
    }
    mine.waiting.push_back(std::move(done));
    if (std::exchange(mine.asking, true)) return;
  }
  EtcdRequest request{.path = "/v3/lease/grant",
                      .body = cat("{\"TTL\":\"", time_to_live_s, "\"}"),
                      .effect = EtcdRequest::Effect::kLocal,
                      .limit = client_->settings().attempt_timeout};
  client_->call(std::move(request),
                [self = shared_from_this(), group, ends_s = now_s + time_to_live_s](
                    const EtcdReply& reply) { self->granted(group, ends_s, reply); });
}

void EtcdLeases::granted(int group, std::int64_t ends_s, const EtcdReply& reply) {
  const std::int64_t id = reply.kind == EtcdReply::Kind::kDone ? etcd_integer(reply.body, "ID") : 0;
  std::vector<Done> waiting;
  {
    const base::Lock lock(mutex_);
    Group& mine = groups_[group];
    mine.asking = false;
    if (id != 0) mine.lease = {id, ends_s};
    waiting = std::exchange(mine.waiting, {});
  }
  for (const Done& done : waiting) {
    if (id != 0) {
      done(id);
    } else {
      done(Error(ErrorCode::kUnavailable, reply.why.empty() ? "etcd gave no lease" : reply.why));
    }
  }
}

void EtcdLeases::forget(std::int64_t id) {
  const base::Lock lock(mutex_);
  for (auto& [group, each] : groups_) {
    if (each.lease.id == id) each.lease = {};
  }
}

}  // namespace nextid::store
