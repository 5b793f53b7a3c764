#include "auth/token_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "auth/tokens.h"
#include "base/bom.h"
#include "base/cat.h"
#include "base/descriptor.h"
#include "base/file_access.h"
#include "base/file_reading.h"

namespace nextid::auth {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

Error cannot_read(const std::string& path, std::string_view why) {
  return invalid(cat("Can't read the token file ", path, ": ", why, "."));
}

Error cannot_write(const std::string& path) {
  return Error(ErrorCode::kUnavailable,
               cat("Can't write the token file ", path, ": ", std::strerror(errno),
                   "; give this user its directory, or choose another file."));
}

/// Where links lead, so that they stay links.
std::string end_of_links(const std::string& path) {
  std::error_code error;
  const auto end = std::filesystem::weakly_canonical(path, error);
  return error ? path : end.string();
}

/// A file beside the one that it is to replace.
class Draft {
 public:
  explicit Draft(const std::string& path)
      : path_(path + "-XXXXXX"), file_(::mkostemp(path_.data(), O_CLOEXEC)) {}  // Mode 0600.
  ~Draft() {
    if (file_.is_open() && !is_in_place_) ::unlink(path_.c_str());
  }

  bool write(std::string_view text) {
    if (!file_.is_open()) return false;
    while (!text.empty()) {
      const auto written = ::write(file_.descriptor(), text.data(), text.size());
      if (written < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool take_owner_and_mode(const struct stat& of) {
    struct stat mine {};
    if (::fstat(file_.descriptor(), &mine) != 0) return false;
    const bool is_owned = mine.st_uid == of.st_uid && mine.st_gid == of.st_gid;
    if (!is_owned && ::fchown(file_.descriptor(), of.st_uid, of.st_gid) != 0) return false;
    constexpr mode_t kMode = 07777;
    return ::fchmod(file_.descriptor(), of.st_mode & kMode) == 0;
  }
  bool replace(const std::string& path, int directory) {
    if (::fsync(file_.descriptor()) != 0 || ::rename(path_.c_str(), path.c_str()) != 0)
      return false;
    is_in_place_ = true;
    return ::fsync(directory) == 0;
  }

 private:
  std::string path_;
  base::Descriptor file_;
  bool is_in_place_ = false;
};

/// The text with the line, unless the file is wrong or has the name.
Result<std::string> with_line(const std::string& path, std::string text, std::string_view name,
                              std::string_view line) {
  const auto tokens = Tokens::parse_or_none(text, path);
  if (!tokens) return tokens.error();
  if (tokens->has(name)) {
    return invalid(cat(path, " has a token '", name,
                       "' already; choose another name, or remove its line first."));
  }
  text.append(line).append("\n");
  if (text.size() > kMaxTokenFileBytes) {
    return invalid(cat("The token file ", path, " would exceed ", kMaxTokenFileBytes, " bytes."));
  }
  return text;
}

}  // namespace

Result<std::string> read_token_file(const std::string& path) {
  if (const auto why = base::why_others_can_write(path)) {
    return invalid(cat("The token file ", path, " can't be relied on: ", *why, "."));
  }
  const auto text = base::read_file(path, kMaxTokenFileBytes);
  if (!text) return cannot_read(path, text.error().what());
  if (!*text) return cannot_read(path, std::strerror(ENOENT));
  // Else half of a line would pass as another line, with other rights: "orders" of "orders-test".
  if (!(*text)->empty() && !(*text)->ends_with('\n')) {
    return invalid(cat("The token file ", path,
                       " is not whole: its last line has no line end; write it anew, or end that "
                       "line where it is right."));
  }
  return std::string(base::without_bom(**text));
}

Result<void> append_token(const std::string& given_path, std::string_view name,
                          std::string_view line) {
  const std::string path = end_of_links(given_path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const base::Descriptor directory(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return cannot_write(given_path);
  // Others wait here for their turn. Where a file system has no such lock, they do not.
  [[maybe_unused]] const int locked = ::flock(directory.descriptor(), LOCK_EX);

  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (!is_there && errno != ENOENT) return cannot_write(given_path);
  if (is_there && !S_ISREG(status.st_mode)) {
    return invalid(cat(given_path, " is no regular file; choose another one for --file."));
  }
  auto text = is_there ? read_token_file(path) : Result<std::string>(std::string());
  if (!text) return text.error();
  const auto longer = with_line(given_path, *std::move(text), name, line);
  if (!longer) return longer.error();

  Draft draft(path);
  if (!draft.write(*longer) || (is_there && !draft.take_owner_and_mode(status)) ||
      !draft.replace(path, directory.descriptor())) {
    return cannot_write(given_path);
  }
  return {};
}

}  // namespace nextid::auth
