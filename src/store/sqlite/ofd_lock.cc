#include "store/sqlite/ofd_lock.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace nextid::store {
namespace {

struct flock one_byte(short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

LockResult set(int fd, short type, off_t byte) noexcept {
  struct flock lock = one_byte(type, byte);
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return LockResult::kDone;
  return errno == EAGAIN || errno == EACCES ? LockResult::kHeld : LockResult::kUnsupported;
}

}  // namespace

LockResult try_lock_shared(int fd, off_t byte) noexcept { return set(fd, F_RDLCK, byte); }

LockResult try_lock_exclusive(int fd, off_t byte) noexcept { return set(fd, F_WRLCK, byte); }

void unlock(int fd, off_t byte) noexcept { set(fd, F_UNLCK, byte); }

bool is_held_elsewhere(int fd, off_t byte) noexcept {
  struct flock lock = one_byte(F_WRLCK, byte);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace nextid::store
