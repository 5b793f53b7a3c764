// Counters in etcd: shared by many machines, durable on most members of a cluster.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "nextid/error.h"
#include "nextid/log.h"

#include "base/clock.h"
#include "base/fork.h"
#include "contract/store_driver.h"
#include "store/etcd/opening.h"
#include "store/etcd/url.h"

namespace nextid::store {

/// Each op is one transaction (counters.h, records.h), atomic and linearizable in etcd.
///
/// Each answer shows whether it comes from the store that was opened (identity.h). If not, each op
/// is Damaged from then on, without a call, and health() says why (I8).
///
/// Outcomes come from the store's own thread. Never blocks but in open() and the destructor. Each
/// call of etcd takes at most EtcdSettings::attempt_timeout, and an op at most two of them, from
/// when the earlier ops of its counter have ended; a page of a list takes some.
class EtcdStore final : public contract::StoreDriver {
 public:
  using WallClock = std::function<base::WallMicros()>;

  /// Blocks for some seconds at worst. Errors: as open_etcd().
  static Result<std::shared_ptr<EtcdStore>> open(const EtcdSettings& settings,
                                                 const EtcdOpenOptions& options, Log log,
                                                 WallClock wall_clock = &base::wall_now_us);

  /// Waits for what was submitted, at most for a few time limits. May be called from a `done`. In a
  /// forked child it does nothing.
  ~EtcdStore() override;

  void submit(std::vector<contract::Call> calls) override;
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  std::uint64_t commits() const noexcept override;
  StoreHealth health() const override;

 private:
  class Impl;
  EtcdStore(StoreOpening opening, std::shared_ptr<Impl> impl)
      : opening_(std::move(opening)), impl_(std::move(impl)) {}

  const base::ForkGuard fork_guard_;
  const StoreOpening opening_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace nextid::store
