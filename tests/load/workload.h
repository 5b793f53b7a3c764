// What all load clients share: the mix of requests, and when to stop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <random>
#include <string>

namespace nextid::testing {

/// How many ids the next request asks for: 1 mostly, 2 ... 50 often, now and then 1,000.
std::uint64_t pick_count(std::mt19937_64& random);

/// One run of a load client. Bounded always, in ids and in time.
struct Limits {
  std::uint64_t ids = 100'000;  ///< At least so many ids in all.
  /// Go on after that until this file exists; empty: do not.
  std::filesystem::path until_file;
  /// Go on after that until this time has passed.
  std::chrono::seconds at_least{0};
  /// A run that takes longer has failed.
  std::chrono::seconds at_most{120};
};

/// The progress that the threads of one run share.
class Progress {
 public:
  explicit Progress(Limits limits);

  /// True once the work is done, time is up, or fail() was called. Thread-safe, as are the others.
  bool stopped();
  void add_ids(std::uint64_t count) { ids_ += count; }
  /// The first failure is kept.
  void fail(const std::string& sentence);

  std::uint64_t ids() const { return ids_; }
  /// Empty when the run succeeded.
  std::string failure();

 private:
  bool done(std::chrono::steady_clock::duration elapsed) const;

  const Limits limits_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> ids_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::string failure_;
};

}  // namespace nextid::testing
