// A store in memory: the contract in its plainest form. For tests, and as the model of the others.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "contract/store_driver.h"

namespace nextid::store {

/// Outcomes come before submit() returns, from the calling thread, unless another thread is busy:
/// then from that one. There is no InDoubt here.
class MemoryStore final : public contract::StoreDriver {
 public:
  using WallClock = std::function<base::WallMicros()>;

  /// `wall_clock` decides which slots are old enough to prune, and which records have expired.
  explicit MemoryStore(WallClock wall_clock = &base::wall_now_us);

  void submit(std::vector<contract::Call> calls) override;
  void list(const contract::PageWanted& wanted,
            std::function<void(Result<CounterPage>)> done) override;
  const StoreOpening& opening() const noexcept override { return opening_; }
  base::WallMicros clock_us() const override { return wall_clock_(); }
  std::uint64_t commits() const noexcept override { return commits_; }

 private:
  struct Counter {
    contract::CounterState state;  // Without a slot.
    std::map<contract::WriterId, contract::Slot> slots;
  };
  using RecordName = std::pair<std::string, std::string>;  // A key_space() and a key.

  contract::Outcome attempt(const contract::Op& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Load& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Define& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Redefine& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Reserve& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::GiveBack& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Advance& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Release& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Recall& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::Remember& op) NEXTID_REQUIRES(mutex_);
  contract::Outcome apply(const contract::TryWrite& op) const;
  Counter* find(const std::string& name) NEXTID_REQUIRES(mutex_);
  void prune(Counter& counter, contract::WriterId asking) const;
  std::optional<contract::IdempotencyRecord> recall(const RecordName& name,
                                                    base::WallMicros now) const
      NEXTID_REQUIRES(mutex_);

  const WallClock wall_clock_;
  const StoreOpening opening_{.identity = {}, .made = true, .remark = {}};
  std::atomic<std::uint64_t> commits_{0};
  base::Mutex mutex_;
  std::map<std::string, Counter, std::less<>> counters_ NEXTID_GUARDED_BY(mutex_);
  // An expired one stays until its key is used again.
  std::map<RecordName, contract::IdempotencyRecord> records_ NEXTID_GUARDED_BY(mutex_);
  std::vector<contract::Call> waiting_ NEXTID_GUARDED_BY(mutex_);
  bool busy_ NEXTID_GUARDED_BY(mutex_) = false;  // Some thread is answering the calls that wait.
};

}  // namespace nextid::store
