#include "load/workload.h"

#include <utility>

namespace nextid::testing {
namespace {

// However long a run is told to go on.
constexpr std::uint64_t kMostIds = 50'000'000;

}  // namespace

std::uint64_t pick_count(std::mt19937_64& random) {
  const auto pick = [&random](std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
  };
  const std::uint64_t kind = pick(1, 1000);
  if (kind == 1) return 1000;
  return kind <= 200 ? pick(2, 50) : 1;
}

Progress::Progress(Limits limits) : limits_(std::move(limits)) {}

bool Progress::done(std::chrono::steady_clock::duration elapsed) const {
  if (ids_ >= kMostIds) return true;
  if (ids_ < limits_.ids || elapsed < limits_.at_least) return false;
  return limits_.until_file.empty() || std::filesystem::exists(limits_.until_file);
}

bool Progress::stopped() {
  const auto elapsed = std::chrono::steady_clock::now() - started_;
  if (failed_ || done(elapsed)) return true;
  if (elapsed < limits_.at_most) return false;
  fail("not done after " + std::to_string(limits_.at_most.count()) + " s");
  return true;
}

void Progress::fail(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = sentence;
  failed_ = true;
}

std::string Progress::failure() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace nextid::testing
