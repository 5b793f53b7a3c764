#include "store/sqlite/doubt.h"

#include <array>
#include <cstddef>
#include <ctime>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;

// Of a path that a file names.
constexpr std::size_t kMaxPathBytes = 160;

/// "2026-01-31 12:00:00 UTC"
std::string time_text(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "at an unknown time";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

std::string recover_command(const std::string& path) {
  return cat("`nextid recover --all --store sqlite:", path, " --skip N`");
}

Doubt log_missing(const Evidence& evidence, const std::string& what) {
  return {Doubt::Kind::kLogMissing,
          cat(evidence.path, " is not whole: ", what, ", with ids that were given out up to ",
              time_text(evidence.alone.seal->used_s),
              " or later. Where it was copied from a running server, take a backup with `nextid "
              "backup` instead; where it was moved, bring its log too. If that is gone, ",
              recover_command(evidence.path), " moves its counters on, past what was lost")};
}

Doubt foreign_log(const Evidence& evidence) {
  return {Doubt::Kind::kForeignLog,
          cat(evidence.path, " and its log ", evidence.path,
              "-wal do not belong together: one of them was copied, restored or left behind by "
              "another. Put back the two that do; or have the log set aside, and the counters "
              "moved on past what it may hold: ",
              recover_command(evidence.path))};
}

Doubt exchanged(const Evidence& evidence) {
  return {Doubt::Kind::kExchanged,
          cat(evidence.path,
              " is not the file that was closed last under this name: an older or another copy was "
              "put in its place, last used ",
              time_text(evidence.alone.seal->used_s),
              ". If ids were given out since, they would be given again; ",
              recover_command(evidence.path),
              " moves its counters on, and --exact instead of --skip N takes it as it is")};
}

Doubt copy(const Evidence& evidence) {
  const Seal& seal = *evidence.alone.seal;
  return {Doubt::Kind::kCopy,
          cat(evidence.path, " is a copy of ", base::printable(seal.path, kMaxPathBytes),
              ", last used ", time_text(seal.used_s),
              ": if the original was used since, its ids would be given again. ",
              recover_command(evidence.path),
              " moves its counters on; for a move, after which nobody uses the original, --exact "
              "instead of --skip N takes it as it is, and so does `nextid serve --accept-copy`")};
}

Doubt past(const Evidence& evidence) {
  return {Doubt::Kind::kPast,
          cat(evidence.path,
              " is a backup, or its recovery did not end, and the ids that were given out after ",
              time_text(evidence.alone.seal->used_s), " would be given again; ",
              recover_command(evidence.path),
              " moves its counters on, and --exact instead of --skip N takes it as it is")};
}

/// The log is of the same generation as the note, and shorter than it was.
bool was_cut(const Evidence& evidence) {
  return evidence.committed && evidence.committed->salts == evidence.log.salts &&
         evidence.committed->frames > evidence.log.frames;
}

/// A log that begins anew, once all of it is in the main file, has a new header first, whose first
/// salt is one higher, and for a moment no transaction.
bool just_begins(const Evidence& evidence) {
  if (!evidence.log.just_begins) return false;
  return !evidence.committed || evidence.log.salts.first == evidence.committed->salts.first + 1;
}

}  // namespace

std::optional<Doubt> doubt_of(const Evidence& evidence) {
  const auto& seal = evidence.alone.seal;
  if (!seal) return std::nullopt;  // A file of an older version: accepted once, as it is.
  if (was_cut(evidence)) {
    return log_missing(evidence, cat("the end of its log ", evidence.path, "-wal is missing"));
  }
  if (seal->needs_log && !evidence.log.has_commits && !just_begins(evidence)) {
    return log_missing(evidence, cat("its log ", evidence.path, "-wal is missing or empty"));
  }
  if (evidence.log.has_commits && !evidence.log.has_page) return foreign_log(evidence);
  const bool was_closed = evidence.closed && !evidence.log.has_commits;
  if (was_closed &&
      (evidence.closed->mark != seal->mark || evidence.closed->identity != seal->identity)) {
    return exchanged(evidence);
  }
  if (!evidence.copy_is_accepted && seal->place.differs_from(evidence.place)) return copy(evidence);
  if (seal->is_past) return past(evidence);
  return std::nullopt;
}

std::optional<Doubt> doubt_of_log(const Evidence& evidence, const std::optional<Seal>& shown) {
  const auto& alone = evidence.alone.seal;
  if (!shown) return alone ? std::optional(foreign_log(evidence)) : std::nullopt;
  if (!alone) {
    // An older file that was being brought up to date.
    if (shown->follows == 0 && shown->earlier == 0) return std::nullopt;
    return foreign_log(evidence);
  }
  if (!shown->fits(*alone) || shown->identity != alone->identity) return foreign_log(evidence);
  return std::nullopt;
}

}  // namespace nextid::store
