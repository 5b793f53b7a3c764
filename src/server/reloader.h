// Files that are read again while the server runs, whatever its clients do meanwhile: a token that
// was removed must go.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "nextid/error.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "base/spare_descriptors.h"
#include "server/logging.h"

namespace nextid::server {

/// What is read at a time.
struct Reloadable {
  /// Gives the sentence for the log. After an error all is as before.
  std::function<Result<std::string>()> read;
  std::string what_stays;  ///< A sentence: "The tokens from before stay in force."
};

/// Thread-safe. Has some descriptors of its own, so that those of clients can't be in the way, and
/// a thread that tries again what failed, at intervals from `first_retry` to kLastRetry, until it
/// worked. Each error is logged once, and so is each success.
class Reloader {
 public:
  static constexpr std::chrono::milliseconds kFirstRetry{1000};
  static constexpr std::chrono::milliseconds kLastRetry{60'000};

  Reloader(std::vector<Reloadable> parts, const Logger& logger,
           std::chrono::milliseconds first_retry = kFirstRetry);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// Reads all of them once before it returns.
  void reload() NEXTID_EXCLUDES(mutex_);

 private:
  struct Part {
    Reloadable what;
    bool has_failed = false;
    std::string told = {};  // The last error of this reload.
  };
  void read(Part& part) NEXTID_REQUIRES(mutex_);
  void read_failed() NEXTID_REQUIRES(mutex_);
  bool any_failed() const NEXTID_REQUIRES(mutex_);
  void run() NEXTID_EXCLUDES(mutex_);

  const Logger logger_;
  const std::chrono::milliseconds first_retry_;
  base::Mutex mutex_;
  std::condition_variable changed_;
  std::vector<Part> parts_ NEXTID_GUARDED_BY(mutex_);
  base::SpareDescriptors spares_ NEXTID_GUARDED_BY(mutex_);
  std::chrono::milliseconds pause_ NEXTID_GUARDED_BY(mutex_);
  base::MonotonicTime next_try_ NEXTID_GUARDED_BY(mutex_);
  bool ends_ NEXTID_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace nextid::server
