// The audit log: a line of JSON for each thing that callers did and that someone may ask about.
//
//   {"time":"2026-01-31T12:00:00.123Z","audit":"advance","protocol":"http",
//    "client":"192.0.2.7:51234","token":"admin","counter":"orders","to":1000,"result":"ok"}
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "nextid/error.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "server/line_writer.h"
#include "server/logging.h"
#include "service/audit.h"

namespace nextid::server {

/// Thread-safe. Lines wait in memory for a thread that writes them. Those that find no room there
/// or on the disk, or are too many in a second, are left out; lines after them have the sum of
/// those.
class AuditLog final : public service::Audit {
 public:
  static constexpr std::string_view kJournal = "journal";
  /// A second, of refusals, which strangers can make, and of all else.
  static constexpr std::uint64_t kMostRefusals = 20;
  static constexpr std::uint64_t kMostOthers = 1000;

  /// `target` is a file, which is made with mode 0600 where it is missing, or kJournal for standard
  /// error. The error is kInvalid: not a file of its own, or it can't be opened.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& target,
                                                std::uint64_t least_range, const Logger& logger);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  void note(const service::AuditRecord& record) override;
  std::uint64_t least_range() const noexcept override { return least_range_; }

  /// Goes on in the file that has the name now: the old one was renamed. After an error it goes on
  /// in the old one.
  Result<void> reopen();
  /// "": standard error.
  const std::string& path() const noexcept { return path_; }

  /// Lines that were not written since the start, by the limits or since the file did not take
  /// them.
  std::uint64_t left_out() const NEXTID_EXCLUDES(mutex_);

 private:
  /// Of lines that share a limit.
  struct Share {
    base::MonotonicTime second_begin;
    std::uint64_t passed = 0;  // In this second.
  };

  AuditLog(std::string path, int descriptor, std::uint64_t least_range, const Logger& logger);
  bool may_pass(bool is_refusal) NEXTID_EXCLUDES(mutex_);
  std::uint64_t left_out_so_far() NEXTID_EXCLUDES(mutex_);
  void write_left_out();

  const std::string path_;
  const int descriptor_;  // Stays the same number, whatever file it is of.
  const std::uint64_t least_range_;
  const Logger logger_;
  LineWriter writer_;
  mutable base::Mutex mutex_;
  std::array<Share, 2> shares_ NEXTID_GUARDED_BY(mutex_);
  std::uint64_t left_out_ NEXTID_GUARDED_BY(mutex_) = 0;  // Since the start, by the limits.
  std::uint64_t told_ NEXTID_GUARDED_BY(mutex_) = 0;      // The sum in the last line.
};

}  // namespace nextid::server
