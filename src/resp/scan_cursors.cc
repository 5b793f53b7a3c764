#include "resp/scan_cursors.h"

#include <utility>

#include "base/mutex.h"

namespace nextid::resp {

std::uint64_t ScanCursors::add(std::string name) {
  const base::Lock lock(mutex_);
  if (names_.size() == kMost) {
    names_.pop_front();
    ++first_;
  }
  names_.push_back(std::move(name));
  return first_ + names_.size() - 1;
}

std::optional<std::string> ScanCursors::find(std::uint64_t cursor) const {
  if (cursor == 0) return "";
  const base::Lock lock(mutex_);
  if (cursor < first_ || cursor - first_ >= names_.size()) return std::nullopt;
  return names_[cursor - first_];
}

}  // namespace nextid::resp
