#include "server/audit_log.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "nextid/counter.h"

#include "base/cat.h"
#include "base/descriptor.h"
#include "base/file_access.h"

namespace nextid::server {
namespace {

namespace json = boost::json;
using base::cat;
using service::AuditRecord;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

/// For appending; nobody else may read one that is made. No pipe, which could hold up whoever opens
/// it, and no link, which leads where somebody else likes.
Result<base::Descriptor> open_file(const std::string& path) {
  if (const auto why = base::why_others_can_write(path)) {
    return invalid(cat("The audit log ", path, " can't be relied on: ", *why, "."));
  }
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  base::Descriptor file(::open(path.c_str(), kFlags, S_IRUSR | S_IWUSR));
  if (!file.is_open()) {
    return invalid(cat("Can't open the audit log ", path, ": ", std::strerror(errno),
                       "; name a file that this user may write, which is no link."));
  }
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return invalid(cat("The audit log ", path, " is no regular file; name one."));
  }
  return file;
}

std::string time_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  std::array<char, 64> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string ms = std::to_string(1000 + now.tv_nsec / 1'000'000);
  return cat(std::string_view(text.data(), size), ".", ms.substr(1), "Z");
}

std::string_view name_of(AuditRecord::Kind kind) {
  switch (kind) {
    case AuditRecord::Kind::kDefine:
      return "define";
    case AuditRecord::Kind::kDelete:
      return "delete";
    case AuditRecord::Kind::kAdvance:
      return "advance";
    case AuditRecord::Kind::kTakeRange:
      return "take_range";
    case AuditRecord::Kind::kRefuse:
      return "refuse";
  }
  return "refuse";
}

void put(json::object& line, const char* name, std::string_view text) {
  if (!text.empty()) line[name] = json::string(text.data(), text.size());
}

std::string line_of(const AuditRecord& record, std::uint64_t left_out) {
  json::object line;
  put(line, "time", time_now());
  put(line, "audit", name_of(record.kind));
  put(line, "protocol", record.protocol);
  put(line, "client", record.client);
  put(line, "token", record.token);
  put(line, "call", record.call);
  // What is no counter's name may be anything, of any length.
  if (is_counter_name(record.counter)) put(line, "counter", record.counter);
  if (record.to) line["to"] = *record.to;
  if (record.ids) {
    line["start"] = record.ids->start();
    line["count"] = record.ids->count();
    line["increment"] = record.ids->increment();
  }
  put(line, "result", record.code.empty() ? std::string_view("ok") : record.code);
  if (left_out > 0) line["left_out_so_far"] = left_out;
  return json::serialize(line) + "\n";
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& target,
                                                 std::uint64_t least_range, const Logger& logger) {
  if (target == kJournal) {
    return std::unique_ptr<AuditLog>(new AuditLog("", STDERR_FILENO, least_range, logger));
  }
  auto file = open_file(target);
  if (!file) return file.error();
  if (const auto warning = base::exposure_of_shared(target)) logger.warning(*warning);
  return std::unique_ptr<AuditLog>(new AuditLog(target, file->release(), least_range, logger));
}

AuditLog::AuditLog(std::string path, int descriptor, std::uint64_t least_range,
                   const Logger& logger)
    : path_(std::move(path)),
      descriptor_(descriptor),
      least_range_(least_range),
      logger_(logger),
      writer_(descriptor, std::chrono::milliseconds(0)) {}

AuditLog::~AuditLog() { write_left_out(); }

void AuditLog::note(const AuditRecord& record) {
  if (!may_pass(record.kind == AuditRecord::Kind::kRefuse)) return;
  if (const std::uint64_t unwritten = writer_.take_untold(); unwritten > 0) {
    logger_.warning(
        cat(unwritten, " lines of the audit log could not be written; see to its disk."));
  }
  writer_.write(line_of(record, left_out_so_far()));
}

bool AuditLog::may_pass(bool is_refusal) {
  const auto now = base::monotonic_now();
  const base::Lock lock(mutex_);
  Share& share = shares_.at(is_refusal ? 0 : 1);
  if (now - share.second_begin >= std::chrono::seconds(1)) {
    share.second_begin = now;
    share.passed = 0;
  }
  if (share.passed == (is_refusal ? kMostRefusals : kMostOthers)) {
    ++left_out_;
    return false;
  }
  ++share.passed;
  return true;
}

std::uint64_t AuditLog::left_out() const {
  const base::Lock lock(mutex_);
  return left_out_ + writer_.dropped();
}

std::uint64_t AuditLog::left_out_so_far() {
  const base::Lock lock(mutex_);
  return told_ = left_out_ + writer_.dropped();
}

// Where no line followed that could tell.
void AuditLog::write_left_out() {
  {
    const base::Lock lock(mutex_);
    if (told_ == left_out_ + writer_.dropped()) return;
  }
  json::object line;
  put(line, "time", time_now());
  put(line, "audit", "left_out");
  line["left_out_so_far"] = left_out_so_far();
  writer_.write(json::serialize(line) + "\n");
}

Result<void> AuditLog::reopen() {
  if (path_.empty()) return {};
  write_left_out();
  const auto file = open_file(path_);
  if (!file) return file.error();
  // The writer's thread finds the new file under the old number.
  if (::dup3(file->descriptor(), descriptor_, O_CLOEXEC) < 0) {
    return invalid(cat("Can't open the audit log ", path_, " again: ", std::strerror(errno), "."));
  }
  if (const auto warning = base::exposure_of_shared(path_)) logger_.warning(*warning);
  return {};
}

}  // namespace nextid::server
