// What a client queues between MULTI and EXEC.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "resp/codec/commands.h"

namespace nextid::resp {

/// Commands wait in it until EXEC, and from then on until each has had its turn. Of one connection;
/// not thread-safe.
class Transaction {
 public:
  static constexpr std::size_t kMostCommands = 16 * 1024;
  /// Of all their arguments, with four for the end of each.
  static constexpr std::size_t kMostBytes = 1024 * 1024;

  /// Of the memory that the commands take.
  std::size_t held_bytes() const noexcept {
    return bytes_ + commands_.capacity() * sizeof(Queued) + commands_.size() * kBlockBytes +
           arguments_.capacity() * sizeof(std::string_view);
  }

  /// Between MULTI and EXEC or DISCARD.
  bool is_open() const noexcept { return open_; }
  /// Whether a command was wrong: then none of them is executed.
  bool is_spoilt() const noexcept { return spoilt_; }

  void open() noexcept { open_ = true; }
  void spoil();
  /// False, and spoilt, where there is no room. What is spoilt keeps no commands.
  bool add(const Command& command);
  /// Those that were added are to be taken; how many these are.
  std::size_t execute() noexcept;
  void discard();

  /// From execute() until the last command has been taken and discard() was called.
  bool is_executing() const noexcept { return executing_; }
  /// After execute().
  bool has_next() const noexcept { return executing_ && next_ < commands_.size(); }
  /// Valid until the next call.
  Command take_next();

 private:
  /// What the allocator adds to the two blocks of a command, about.
  static constexpr std::size_t kBlockBytes = 32;

  struct Queued {
    std::string bytes;                // Of all arguments.
    std::vector<std::uint32_t> ends;  // Of each, in `bytes`.
    bool was_inline;
  };

  bool open_ = false;
  bool spoilt_ = false;
  bool executing_ = false;
  std::vector<Queued> commands_;
  std::size_t bytes_ = 0;
  std::size_t next_ = 0;
  std::vector<std::string_view> arguments_;  // Of the command that was taken last.
};

}  // namespace nextid::resp
