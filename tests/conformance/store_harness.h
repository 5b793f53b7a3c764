// What the tests of stores share: a directory, a clock to turn, and ops with their outcomes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "contract/store_driver.h"

namespace nextid::test {

/// A directory of its own, removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::filesystem::path path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A wall clock that stands still until it is turned. Copies share the time.
class TurnedClock {
 public:
  void set_us(base::WallMicros now) { *now_ = now; }
  void advance(std::chrono::microseconds by) { *now_ += static_cast<base::WallMicros>(by.count()); }
  base::WallMicros now_us() const { return *now_; }
  std::function<base::WallMicros()> reader() const {
    return [now = now_] { return now->load(); };
  }

 private:
  std::shared_ptr<std::atomic<base::WallMicros>> now_ =
      std::make_shared<std::atomic<base::WallMicros>>(1'800'000'000'000'000);
};

/// Submits the ops together and waits for all outcomes, which are in the order of the ops.
std::vector<contract::Outcome> run_all(contract::StoreDriver& store, std::vector<contract::Op> ops);
contract::Outcome run(contract::StoreDriver& store, contract::Op op);
Result<CounterPage> list(contract::StoreDriver& store, const contract::PageWanted& wanted);
inline Result<CounterPage> list(contract::StoreDriver& store, const std::string& after,
                                std::size_t limit) {
  return list(store, {.after = after, .limit = limit});
}

/// One line that holds all of an outcome; equal lines mean equal outcomes, but for the sentences.
std::string describe(const contract::Outcome& outcome);
std::string describe(const contract::Op& op);

/// The state that a Found or Refused shows; a failed expectation and an empty state otherwise.
contract::CounterState found(const contract::Outcome& outcome);
contract::CounterState refused(const contract::Outcome& outcome);
/// The end that a Committed tells; a failed expectation and a number no counter has otherwise.
std::int64_t committed(const contract::Outcome& outcome);
/// The record that a Remembered tells; a failed expectation and nothing otherwise.
std::optional<contract::IdempotencyRecord> remembered(const contract::Outcome& outcome);

/// A Reserve of `step` ids on a counter with the default definition.
contract::Reserve reserve(const std::string& counter, contract::WriterId writer, contract::Seq seq,
                          contract::Seq prev, std::uint64_t step = 1);

}  // namespace nextid::test
