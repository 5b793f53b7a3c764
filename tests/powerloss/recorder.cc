// For LD_PRELOAD: writes down what a process does to the files below one directory, so that a test
// can work out what a disk would hold if the power had failed at any moment of it. tests/powerloss
// has the rest: journal.py reads the journal, disk.py is the disk.
//
// POWERLOSS_ROOT     the directory; symbolic links in it are resolved.
// POWERLOSS_JOURNAL  the journal, which must exist, outside the directory. Several processes may
//                    append to one. Without it nothing is recorded, and only POWERLOSS_KEEP works.
// POWERLOSS_KEEP     a directory on the same file system. What is unlinked moves there under its
//                    inode number, so that a file can come back as itself: a disk that loses an
//                    unlink brings the same inode back, and programs may look at that.
// POWERLOSS_BOOT     a file with the number of this boot, in place of the kernel's: after a power
//                    failure it is another one.
//
// Each operation and its record are one step under a lock of all processes (flock on the journal),
// so the records are in the order of the operations. Who holds that lock can kill a process and be
// sure that each operation it did is recorded. Syncs are recorded and left out: what is durable is
// for the model of the disk to say.
//
// Not seen: writes through stdio and system calls that bypass libc. The test compares the files
// with what the journal makes of them, and finds those.

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <climits>

namespace {

// ---- The journal

/// As journal.py has them.
enum class Kind : std::uint8_t {
  kCreate = 1,      // a file: inode, name
  kMakeDir = 2,     // name
  kWrite = 3,       // inode, number = offset, data
  kResize = 4,      // inode, number = size
  kSync = 5,        // inode, number = where the journal ended when the sync began
  kSyncDir = 6,     // name, number as above
  kUnlink = 7,      // name
  kRemoveDir = 8,   // name
  kRename = 9,      // name, data = new name
  kLink = 10,       // name, data = new name
  kMapped = 11,     // inode: from now on its contents change unseen
  kUnmodelled = 12  // name = the call: it changes files in a way that disk.py does not know
};

/// Names are relative to the root; the root itself is "".
struct RecordHeader {
  std::uint32_t magic = 0x4c50784e;  // "NxPL"
  Kind kind{};
  std::array<std::uint8_t, 3> padding{};
  std::uint64_t inode = 0;
  std::uint64_t number = 0;
  std::uint32_t name_size = 0;
  std::uint32_t data_size = 0;
};
static_assert(sizeof(RecordHeader) == 32);

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "powerloss recorder: %s: %s\n", what, std::strerror(errno));
  std::abort();
}

/// What a path stands for.
const char* path_to_open(const char* path) {
  constexpr std::string_view kBootId = "/proc/sys/kernel/random/boot_id";
  const char* boot = path == kBootId ? std::getenv("POWERLOSS_BOOT") : nullptr;
  return boot == nullptr ? path : boot;
}

long raw_open(int dir, const char* path, int flags, mode_t mode = 0) {
  return ::syscall(SYS_openat, dir, path, flags, mode);
}

class Recorder {
 public:
  /// Made at the first call, which may come before this library's own constructors ran.
  static Recorder& instance() {
    static Recorder* recorder = new Recorder;  // Never destroyed: exit handlers write, too.
    return *recorder;
  }

  bool watches() const { return !root_.empty(); }
  const std::string& keep() const { return keep_; }

  /// The name below the root of an absolute path without links.
  std::optional<std::string> name_of(std::string_view path) const {
    if (!watches() || path.substr(0, root_.size()) != root_) return std::nullopt;
    if (path.size() == root_.size()) return "";
    if (path[root_.size()] != '/') return std::nullopt;
    return std::string(path.substr(root_.size() + 1));
  }

  std::uint64_t journal_end() const {
    if (journal_ < 0) return 0;
    struct stat status {};
    if (::fstat(journal_, &status) != 0) give_up("no journal");
    return static_cast<std::uint64_t>(status.st_size);
  }

  void lock() {
    threads_.lock();
    while (journal_ >= 0 && ::flock(journal_, LOCK_EX) != 0) {
      if (errno != EINTR) give_up("can't lock the journal");
    }
  }

  void unlock() {
    if (journal_ >= 0) ::flock(journal_, LOCK_UN);
    threads_.unlock();
  }

  /// Requires the lock. Keeps errno.
  void record(RecordHeader header, std::string_view name, std::string_view data = {}) {
    if (journal_ < 0) return;
    const int before = errno;
    header.name_size = static_cast<std::uint32_t>(name.size());
    header.data_size = static_cast<std::uint32_t>(data.size());
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(name).append(data);
    const long written = ::syscall(SYS_write, journal_, bytes.data(), bytes.size());
    if (written != static_cast<long>(bytes.size())) give_up("can't append to the journal");
    errno = before;
  }

 private:
  Recorder() {
    const char* root = std::getenv("POWERLOSS_ROOT");
    if (root == nullptr) return;
    std::array<char, PATH_MAX> resolved{};
    if (::realpath(root, resolved.data()) == nullptr) give_up("POWERLOSS_ROOT");
    root_ = resolved.data();
    if (const char* keep = std::getenv("POWERLOSS_KEEP")) keep_ = keep;
    const char* journal = std::getenv("POWERLOSS_JOURNAL");
    if (journal == nullptr) return;
    journal_ = static_cast<int>(raw_open(AT_FDCWD, journal, O_RDWR | O_APPEND | O_CLOEXEC));
    if (journal_ < 0) give_up("POWERLOSS_JOURNAL");
  }

  std::string root_;
  std::string keep_;
  int journal_ = -1;
  std::mutex threads_;
};

Recorder& recorder() { return Recorder::instance(); }

/// One operation and its record.
class Step {
 public:
  Step() { recorder().lock(); }
  ~Step() {
    const int before = errno;
    recorder().unlock();
    errno = before;
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  void record(Kind kind, std::uint64_t inode, std::uint64_t number, std::string_view name,
              std::string_view data = {}) const {
    RecordHeader header;
    header.kind = kind;
    header.inode = inode;
    header.number = number;
    recorder().record(header, name, data);
  }
};

// ---- Descriptors and names

/// The inode behind each descriptor that was opened below the root; 0: none.
std::array<std::atomic<std::uint64_t>, 65536> tracked_inodes;

std::atomic<std::uint64_t>* slot(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= tracked_inodes.size()) return nullptr;
  return &tracked_inodes[static_cast<std::size_t>(fd)];
}

std::string path_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return size < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(size));
}

/// What a descriptor leads to, where that is below the root.
struct Target {
  std::uint64_t inode = 0;
  bool is_directory = false;
  std::uint64_t size = 0;
};

/// Looks at the inode again: a descriptor may have been closed unseen, and its number used anew.
std::optional<Target> target_of(int fd) {
  auto* known = slot(fd);
  if (known == nullptr || known->load() == 0) return std::nullopt;
  struct stat status {};
  const int before = errno;
  const bool same = ::fstat(fd, &status) == 0 && status.st_ino == known->load();
  errno = before;
  if (!same || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return std::nullopt;
  return Target{status.st_ino, S_ISDIR(status.st_mode), static_cast<std::uint64_t>(status.st_size)};
}

std::optional<Target> file_of(int fd) {
  auto target = target_of(fd);
  if (target && target->is_directory) return std::nullopt;
  return target;
}

/// Begins to follow a new descriptor. Returns its name if it is below the root.
std::optional<std::string> track(int fd) {
  auto* known = slot(fd);
  if (known == nullptr) return std::nullopt;
  const int before = errno;
  const auto name = recorder().name_of(path_of(fd));
  struct stat status {};
  known->store(name && ::fstat(fd, &status) == 0 ? status.st_ino : 0);
  errno = before;
  return name;
}

void copy_tracking(int from, int to) {
  auto* source = slot(from);
  auto* target = slot(to);
  if (source != nullptr && target != nullptr) target->store(source->load());
}

/// The name below the root that an operation on directory entries is about. The last component is
/// not followed.
std::optional<std::string> entry_name(int dir, const char* path) {
  if (!recorder().watches()) return std::nullopt;
  const int before = errno;
  std::string whole = path;
  if (whole.empty() || whole.front() != '/') {
    whole = (dir == AT_FDCWD ? std::string(".") : path_of(dir)) + "/" + whole;
  }
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  const auto slash = whole.rfind('/');
  const std::string parent = slash == 0 ? "/" : whole.substr(0, slash);
  std::array<char, PATH_MAX> resolved{};
  const bool found = ::realpath(parent.c_str(), resolved.data()) != nullptr;
  errno = before;
  if (!found) return std::nullopt;
  return recorder().name_of(std::string(resolved.data()) + "/" + whole.substr(slash + 1));
}

// ---- The operations

int open_file(int dir, const char* path, int flags, mode_t mode) {
  path = path_to_open(path);
  if (!recorder().watches() || (flags & (O_CREAT | O_TRUNC)) == 0) {
    const int fd = static_cast<int>(raw_open(dir, path, flags, mode));
    if (fd >= 0 && recorder().watches()) track(fd);
    return fd;
  }
  const Step step;
  struct stat status {};
  const bool existed = ::fstatat(dir, path, &status, 0) == 0;
  const int fd = static_cast<int>(raw_open(dir, path, flags, mode));
  if (fd < 0) return fd;
  const auto name = track(fd);
  const auto file = file_of(fd);
  if (!name || !file) return fd;
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    step.record(Kind::kUnmodelled, 0, 0, "open with O_TMPFILE");
  } else if (!existed) {
    step.record(Kind::kCreate, file->inode, 0, *name);
  } else if ((flags & O_TRUNC) != 0) {
    step.record(Kind::kResize, file->inode, 0, {});
  }
  return fd;
}

/// `offset`: none for that of the descriptor.
ssize_t write_file(int fd, const void* bytes, std::size_t size, std::optional<off_t> offset) {
  const auto write_it = [&] {
    return offset ? ::syscall(SYS_pwrite64, fd, bytes, size, *offset)
                  : ::syscall(SYS_write, fd, bytes, size);
  };
  if (!file_of(fd)) return write_it();
  const Step step;
  const auto file = file_of(fd);
  if (!file) return write_it();
  const bool appends = (::syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) != 0;
  const std::uint64_t at =
      appends ? file->size
              : static_cast<std::uint64_t>(offset ? *offset : ::lseek(fd, 0, SEEK_CUR));
  const long written = write_it();
  if (written > 0) {
    step.record(Kind::kWrite, file->inode, at, {},
                {static_cast<const char*>(bytes), static_cast<std::size_t>(written)});
  }
  return written;
}

ssize_t write_pieces(int fd, const iovec* pieces, int count, std::optional<off_t> offset) {
  if (!file_of(fd)) {
    return offset ? ::syscall(SYS_pwritev, fd, pieces, count, *offset, 0L)
                  : ::syscall(SYS_writev, fd, pieces, count);
  }
  std::string whole;
  for (int i = 0; i < count; ++i) {
    whole.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return write_file(fd, whole.data(), whole.size(), offset);
}

int resize(int fd, off_t size) {
  const auto resize_it = [&] { return static_cast<int>(::syscall(SYS_ftruncate, fd, size)); };
  if (!file_of(fd)) return resize_it();
  const Step step;
  const int result = resize_it();
  if (const auto file = file_of(fd); result == 0 && file) {
    step.record(Kind::kResize, file->inode, static_cast<std::uint64_t>(size), {});
  }
  return result;
}

int resize_named(const char* path, off_t size) {
  if (!recorder().watches()) return static_cast<int>(::syscall(SYS_truncate, path, size));
  const long fd = raw_open(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  track(static_cast<int>(fd));
  const int result = resize(static_cast<int>(fd), size);
  const int before = errno;
  slot(static_cast<int>(fd))->store(0);
  ::syscall(SYS_close, fd);
  errno = before;
  return result;
}

int allocate(int fd, int mode, off_t offset, off_t size) {
  const auto allocate_it = [&] {
    return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, size));
  };
  if (!file_of(fd)) return allocate_it();
  const Step step;
  const auto file = file_of(fd);
  const int result = allocate_it();
  if (result != 0 || !file) return result;
  const auto end = static_cast<std::uint64_t>(offset + size);
  if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE) {
    step.record(Kind::kUnmodelled, 0, 0, "fallocate with this mode");
  } else if (mode == 0 && end > file->size) {
    step.record(Kind::kResize, file->inode, end, {});
  }
  return result;
}

/// The sync itself is left out.
int sync_file(int fd, long call) {
  const auto target = target_of(fd);
  if (!target) return static_cast<int>(::syscall(call, fd));
  const std::uint64_t begin = recorder().journal_end();
  const auto name = target->is_directory ? recorder().name_of(path_of(fd)) : std::nullopt;
  const Step step;
  if (!target->is_directory) {
    step.record(Kind::kSync, target->inode, begin, {});
  } else if (name) {
    step.record(Kind::kSyncDir, 0, begin, *name);
  }
  return 0;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// Unlinks, or keeps the file for later. A lock file goes at once: its users look whether it has a
/// name left.
int remove_or_keep(int dir, const char* path, std::string_view name) {
  struct stat status {};
  const bool keep = !recorder().keep().empty() && !ends_with(name, "-lock") &&
                    ::fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(status.st_mode) && status.st_nlink == 1;
  if (!keep) return static_cast<int>(::syscall(SYS_unlinkat, dir, path, 0));
  const std::string kept = recorder().keep() + "/" + std::to_string(status.st_ino);
  return static_cast<int>(::syscall(SYS_renameat2, dir, path, AT_FDCWD, kept.c_str(), 0));
}

int remove_entry(int dir, const char* path, int flags) {
  const auto name = entry_name(dir, path);
  if (!name) return static_cast<int>(::syscall(SYS_unlinkat, dir, path, flags));
  const Step step;
  const bool is_directory = (flags & AT_REMOVEDIR) != 0;
  const int result = is_directory ? static_cast<int>(::syscall(SYS_unlinkat, dir, path, flags))
                                  : remove_or_keep(dir, path, *name);
  if (result == 0) step.record(is_directory ? Kind::kRemoveDir : Kind::kUnlink, 0, 0, *name);
  return result;
}

/// A file that another one replaces gets a second name first, for the same reason.
void keep_replaced(int dir, const char* path) {
  struct stat status {};
  if (recorder().keep().empty() || ::fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  const std::string kept = recorder().keep() + "/" + std::to_string(status.st_ino);
  ::syscall(SYS_linkat, dir, path, AT_FDCWD, kept.c_str(), 0);
}

int rename_entry(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  const auto rename_it = [&] {
    return static_cast<int>(::syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
  };
  const auto old_name = entry_name(from_dir, from);
  const auto new_name = entry_name(to_dir, to);
  if (!old_name && !new_name) return rename_it();
  const Step step;
  if (new_name && flags == 0) keep_replaced(to_dir, to);
  const int result = rename_it();
  if (result != 0) return result;
  const bool plain = (flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) == 0;
  if (old_name && new_name && plain) {
    step.record(Kind::kRename, 0, 0, *old_name, *new_name);
  } else {
    step.record(Kind::kUnmodelled, 0, 0, "rename into or out of the directory, or an exchange");
  }
  return result;
}

int link_entry(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  const auto old_name = entry_name(from_dir, from);
  const auto new_name = entry_name(to_dir, to);
  const Step step;
  const int result = static_cast<int>(::syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
  if (result != 0 || (!old_name && !new_name)) return result;
  if (old_name && new_name) {
    step.record(Kind::kLink, 0, 0, *old_name, *new_name);
  } else {
    step.record(Kind::kUnmodelled, 0, 0, "link into or out of the directory");
  }
  return result;
}

int make_directory(int dir, const char* path, mode_t mode) {
  const auto name = entry_name(dir, path);
  const Step step;
  const int result = static_cast<int>(::syscall(SYS_mkdirat, dir, path, mode));
  if (result == 0 && name) step.record(Kind::kMakeDir, 0, 0, *name);
  return result;
}

void* map_file(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  const long result = ::syscall(SYS_mmap, address, size, protection, flags, fd, offset);
  const bool writes = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;
  if (result != -1 && writes && (flags & MAP_ANONYMOUS) == 0) {
    if (const auto file = file_of(fd)) {
      const Step step;
      step.record(Kind::kMapped, file->inode, 0, {});
    }
  }
  return reinterpret_cast<void*>(result);
}

void note_unmodelled(bool is_ours, const char* call) {
  if (!is_ours) return;
  const Step step;
  step.record(Kind::kUnmodelled, 0, 0, call);
}

/// The mode of open() is there only with these flags.
mode_t mode_argument(int flags, va_list arguments) {
  if ((flags & O_CREAT) == 0 && (flags & O_TMPFILE) != O_TMPFILE) return 0;
  return va_arg(arguments, mode_t);
}

}  // namespace

// ---- What the processes call instead of libc

#define NEXTID_OPEN(NAME)                                \
  int NAME(const char* path, int flags, ...) {           \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    const mode_t mode = mode_argument(flags, arguments); \
    va_end(arguments);                                   \
    return open_file(AT_FDCWD, path, flags, mode);       \
  }
#define NEXTID_OPENAT(NAME)                              \
  int NAME(int dir, const char* path, int flags, ...) {  \
    va_list arguments;                                   \
    va_start(arguments, flags);                          \
    const mode_t mode = mode_argument(flags, arguments); \
    va_end(arguments);                                   \
    return open_file(dir, path, flags, mode);            \
  }
#define NEXTID_FCNTL(NAME)                           \
  int NAME(int fd, int command, ...) {               \
    va_list arguments;                               \
    va_start(arguments, command);                    \
    void* const argument = va_arg(arguments, void*); \
    va_end(arguments);                               \
    return control(fd, command, argument);           \
  }

static int control(int fd, int command, void* argument) {
  const int result = static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
  const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  if (copies && result >= 0) copy_tracking(fd, result);
  return result;
}

extern "C" {

NEXTID_OPEN(open)
NEXTID_OPEN(open64)
NEXTID_OPENAT(openat)
NEXTID_OPENAT(openat64)
NEXTID_FCNTL(fcntl)
NEXTID_FCNTL(fcntl64)

int __open_2(const char* path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
int creat(const char* path, mode_t mode) {
  return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

std::FILE* fopen64(const char* path, const char* mode) {
  static const auto real =
      reinterpret_cast<std::FILE* (*)(const char*, const char*)>(::dlsym(RTLD_NEXT, "fopen64"));
  return real(path_to_open(path), mode);
}
std::FILE* fopen(const char* path, const char* mode) { return fopen64(path, mode); }

int close(int fd) {
  if (auto* known = slot(fd)) known->store(0);
  return static_cast<int>(::syscall(SYS_close, fd));
}
int dup(int fd) noexcept {
  const int copy = static_cast<int>(::syscall(SYS_dup, fd));
  if (copy >= 0) copy_tracking(fd, copy);
  return copy;
}
int dup3(int fd, int copy, int flags) noexcept {
  const int result = static_cast<int>(::syscall(SYS_dup3, fd, copy, flags));
  if (result >= 0) copy_tracking(fd, copy);
  return result;
}
int dup2(int fd, int copy) noexcept {
  if (fd == copy) return static_cast<int>(::syscall(SYS_fcntl, fd, F_GETFD)) < 0 ? -1 : fd;
  return dup3(fd, copy, 0);
}

ssize_t write(int fd, const void* bytes, std::size_t size) {
  return write_file(fd, bytes, size, std::nullopt);
}
ssize_t pwrite(int fd, const void* bytes, std::size_t size, off_t offset) {
  return write_file(fd, bytes, size, offset);
}
ssize_t pwrite64(int fd, const void* bytes, std::size_t size, off64_t offset) {
  return write_file(fd, bytes, size, offset);
}
ssize_t writev(int fd, const iovec* pieces, int count) {
  return write_pieces(fd, pieces, count, std::nullopt);
}
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  return write_pieces(fd, pieces, count, offset);
}
ssize_t pwritev64(int fd, const iovec* pieces, int count, off64_t offset) {
  return write_pieces(fd, pieces, count, offset);
}

int ftruncate(int fd, off_t size) noexcept { return resize(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return resize(fd, size); }
int truncate(const char* path, off_t size) noexcept { return resize_named(path, size); }
int truncate64(const char* path, off64_t size) noexcept { return resize_named(path, size); }
int fallocate(int fd, int mode, off_t offset, off_t size) {
  return allocate(fd, mode, offset, size);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return allocate(fd, mode, offset, size);
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return allocate(fd, 0, offset, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  return allocate(fd, 0, offset, size) == 0 ? 0 : errno;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int unlink(const char* path) noexcept { return remove_entry(AT_FDCWD, path, 0); }
int unlinkat(int dir, const char* path, int flags) noexcept {
  return remove_entry(dir, path, flags);
}
int rmdir(const char* path) noexcept { return remove_entry(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char* path) noexcept {
  const int result = remove_entry(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? remove_entry(AT_FDCWD, path, AT_REMOVEDIR) : result;
}
int rename(const char* from, const char* to) noexcept {
  return rename_entry(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept {
  return rename_entry(from_dir, from, to_dir, to, 0);
}
int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept {
  return rename_entry(from_dir, from, to_dir, to, flags);
}
int link(const char* from, const char* to) noexcept {
  return link_entry(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) noexcept {
  return link_entry(from_dir, from, to_dir, to, flags);
}
int mkdir(const char* path, mode_t mode) noexcept { return make_directory(AT_FDCWD, path, mode); }
int mkdirat(int dir, const char* path, mode_t mode) noexcept {
  return make_directory(dir, path, mode);
}

void* mmap(void* address, std::size_t size, int protection, int flags, int fd,
           off_t offset) noexcept {
  return map_file(address, size, protection, flags, fd, offset);
}
void* mmap64(void* address, std::size_t size, int protection, int flags, int fd,
             off64_t offset) noexcept {
  return map_file(address, size, protection, flags, fd, offset);
}

int symlinkat(const char* target, int dir, const char* path) noexcept {
  note_unmodelled(entry_name(dir, path).has_value(), "symlink");
  return static_cast<int>(::syscall(SYS_symlinkat, target, dir, path));
}
int symlink(const char* target, const char* path) noexcept {
  return symlinkat(target, AT_FDCWD, path);
}
ssize_t sendfile(int to, int from, off_t* offset, std::size_t size) noexcept {
  note_unmodelled(file_of(to).has_value(), "sendfile");
  return ::syscall(SYS_sendfile, to, from, offset, size);
}
ssize_t sendfile64(int to, int from, off64_t* offset, std::size_t size) noexcept {
  return sendfile(to, from, offset, size);
}
ssize_t copy_file_range(int from, off64_t* from_offset, int to, off64_t* to_offset,
                        std::size_t size, unsigned flags) {
  note_unmodelled(file_of(to).has_value(), "copy_file_range");
  return ::syscall(SYS_copy_file_range, from, from_offset, to, to_offset, size, flags);
}
int fsetxattr(int fd, const char* name, const void* value, std::size_t size, int flags) noexcept {
  note_unmodelled(target_of(fd).has_value(), "fsetxattr");
  return static_cast<int>(::syscall(SYS_fsetxattr, fd, name, value, size, flags));
}
int setxattr(const char* path, const char* name, const void* value, std::size_t size,
             int flags) noexcept {
  note_unmodelled(entry_name(AT_FDCWD, path).has_value(), "setxattr");
  return static_cast<int>(::syscall(SYS_setxattr, path, name, value, size, flags));
}

}  // extern "C"
