#include "store/inherited_file.h"

#include <mutex>
#include <pthread.h>

namespace nextid::store {

/// The marks of this process. Its mutex is held across fork(), so that the child finds it whole.
struct MarkList {
  std::mutex mutex;
  OpenFileMark* first = nullptr;

  static MarkList& get() {
    static MarkList list;
    static const int installed = pthread_atfork(
        [] { list.mutex.lock(); }, [] { list.mutex.unlock(); }, [] { list.mutex.unlock(); });
    static_cast<void>(installed);
    return list;
  }

  void add(OpenFileMark* mark) {
    const std::lock_guard lock(mutex);
    mark->next_ = first;
    first = mark;
  }

  void remove(OpenFileMark* mark) {
    const std::lock_guard lock(mutex);
    OpenFileMark** it = &first;
    while (*it != nullptr && *it != mark) it = &(*it)->next_;
    if (*it == mark) *it = mark->next_;
  }

  bool has_inherited(dev_t device, ino_t inode) {
    const std::lock_guard lock(mutex);
    for (const OpenFileMark* it = first; it != nullptr; it = it->next_) {
      if (it->device_ == device && it->inode_ == inode && it->fork_guard_.in_child()) return true;
    }
    return false;
  }
};

OpenFileMark::OpenFileMark(dev_t device, ino_t inode) : device_(device), inode_(inode) {
  MarkList::get().add(this);
}

OpenFileMark::~OpenFileMark() { MarkList::get().remove(this); }

bool OpenFileMark::is_inherited(dev_t device, ino_t inode) {
  return MarkList::get().has_inherited(device, inode);
}

}  // namespace nextid::store
