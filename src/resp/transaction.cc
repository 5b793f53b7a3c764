#include "resp/transaction.h"

#include <utility>

namespace nextid::resp {

bool Transaction::add(const Command& command) {
  if (is_spoilt()) return true;  // It will not be executed.
  Queued queued{.bytes = {}, .ends = {}, .was_inline = command.was_inline};
  for (const std::string_view argument : command.arguments) {
    queued.bytes += argument;
    queued.ends.push_back(static_cast<std::uint32_t>(queued.bytes.size()));
  }
  // An empty argument takes room, too.
  bytes_ += queued.bytes.size() + queued.ends.size() * sizeof(queued.ends.front());
  if (bytes_ > kMostBytes || commands_.size() == kMostCommands) {
    spoil();
    return false;
  }
  commands_.push_back(std::move(queued));
  return true;
}

std::size_t Transaction::execute() noexcept {
  open_ = false;
  executing_ = !commands_.empty();
  next_ = 0;
  return commands_.size();
}

void Transaction::spoil() {
  discard();
  open_ = true;
  spoilt_ = true;
}

void Transaction::discard() { *this = {}; }

Command Transaction::take_next() {
  const Queued& queued = commands_[next_++];
  arguments_.clear();
  std::size_t begin = 0;
  for (const std::uint32_t end : queued.ends) {
    arguments_.emplace_back(queued.bytes.data() + begin, end - begin);
    begin = end;
  }
  return {arguments_, queued.was_inline};
}

}  // namespace nextid::resp
