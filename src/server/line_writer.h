// Lines to a file descriptor that may be a pipe which nobody reads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace nextid::server {

/// Has a thread of its own, which alone waits for the reader. Thread-safe.
class LineWriter {
 public:
  /// What may wait to be written; further lines are dropped.
  static constexpr std::size_t kMostWaitingBytes = 1024 * 1024;
  /// How long the destructor waits for a reader.
  static constexpr std::chrono::milliseconds kLastWait{500};

  /// `descriptor` stays open as long as the process.
  explicit LineWriter(int descriptor, std::chrono::milliseconds courtesy = kCourtesy);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// Takes the line, with its end, or drops it. Waits for a reader that keeps up, for the courtesy
  /// at most, so that the last words of a process that dies are read; for one that lags behind not
  /// at all.
  void write(std::string line);
  static constexpr std::chrono::milliseconds kCourtesy{5};
  /// False where some of it still waits after `limit`.
  bool flush(std::chrono::milliseconds limit);

  /// Lines that were dropped since the start, here or by the descriptor.
  std::uint64_t dropped() const;
  /// Those that nobody was told of yet, once there is room again for the telling; else 0.
  std::uint64_t take_untold();

 private:
  struct State;
  static void run(const std::shared_ptr<State>& state);
  static bool write_whole(const State& state, const std::string& line);

  // The thread's, too: where nobody reads, it outlives this object for a moment.
  const std::shared_ptr<State> state_;
  const std::chrono::milliseconds courtesy_;
  std::thread thread_;
};

}  // namespace nextid::server
