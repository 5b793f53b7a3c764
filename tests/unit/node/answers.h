// What the tests of asynchronous requests share.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include <gtest/gtest.h>

#include "nextid/nextid.h"

namespace nextid::testing {

/// Collects answers by tag, and waits for them.
class Answers final : public RangeReceiver {
 public:
  void on_range(std::uint64_t tag, Result<IdRange> range) noexcept override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(answers_.emplace(tag, std::move(range)).second) << "answered twice: " << tag;
    changed_.notify_all();
  }

  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return answers_.size() >= count; });
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return answers_.size();
  }

  Result<IdRange> at(std::uint64_t tag) {
    const std::lock_guard lock(mutex_);
    return answers_.at(tag);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Result<IdRange>> answers_;
};

inline IdGenerator::Clock::time_point in(std::chrono::milliseconds time) {
  return IdGenerator::Clock::now() + time;
}

}  // namespace nextid::testing
