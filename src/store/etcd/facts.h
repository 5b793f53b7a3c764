// What the store rests on, as the member that is asked shows it: its version, its cluster, alarms,
// space and compaction. Looked at when the store is opened and every half a minute, never by an op.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nextid/error.h"
#include "nextid/statistics.h"

#include "base/mutex.h"
#include "store/etcd/client.h"

namespace nextid::store {

/// One look. Members without a value could not be had.
struct EtcdLook {
  std::string version;  ///< "3.4.23"; empty if etcd did not answer.
  std::uint64_t leader = 0;
  std::int64_t size_bytes = 0;    ///< Of the database file, which the quota limits.
  std::int64_t in_use_bytes = 0;  ///< The part that a defragmentation would leave.
  EtcdRevision revision = 0;
  std::vector<std::string> alarms = {};  ///< "NOSPACE", "CORRUPT"
  int members = 0;                       ///< Without learners.
  std::optional<std::int64_t> quota_bytes = {};
  std::optional<EtcdRevision> compacted_at = {};  ///< -1: never.
  std::string command_line = {};                  ///< Of the member; empty where it tells none.
};

/// Why the version is refused, as a clause; nothing if it is not.
std::optional<std::string> problem_with_etcd(const std::string& version);

std::vector<HealthFact> facts_of(const EtcdLook& look);

/// What is wrong now, in one line for the log; empty if nothing is.
std::string warning_of(const std::vector<HealthFact>& facts);

/// Thread-safe.
class EtcdFacts : public std::enable_shared_from_this<EtcdFacts> {
 public:
  static constexpr std::chrono::seconds kInterval{30};
  /// Before what is wrong is first told: a command line, which ends sooner, is not to tell it.
  static constexpr std::chrono::seconds kQuiet{1};

  /// `warn` gets what is wrong, once until something else is.
  EtcdFacts(std::shared_ptr<EtcdClient> client, std::function<void(const std::string&)> warn)
      : client_(std::move(client)), warn_(std::move(warn)) {}

  /// Looks once, calls `done` on the client's thread, and looks again and again from then on.
  void watch(std::function<void(EtcdLook)> done);

  /// Looks no more: to be called before the client stops.
  void stop() noexcept { stopped_ = true; }

  std::vector<HealthFact> facts() const;

 private:
  struct Gathering;
  void look(std::function<void(EtcdLook)> done);
  void look_in(std::chrono::seconds time);
  void keep(const EtcdLook& look);
  void tell();

  const std::shared_ptr<EtcdClient> client_;
  const std::function<void(const std::string&)> warn_;
  std::atomic<bool> stopped_{false};
  mutable base::Mutex mutex_;
  std::vector<HealthFact> facts_ NEXTID_GUARDED_BY(mutex_);
  std::string told_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::store
