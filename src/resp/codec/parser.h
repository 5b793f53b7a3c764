// Finds commands in the bytes of a Redis connection: RESP arrays of bulk strings, and inline
// commands as typed into telnet. No I/O; no allocation for arrays once it has seen a few.
// https://redis.io/docs/reference/protocol-spec/
//
// However the bytes are torn, the same commands and the same error come out.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nextid::resp {

/// Both inclusive.
struct Limits {
  std::size_t max_command_bytes = 64 * 1024;  ///< With its framing.
  std::size_t max_arguments = 1024;           ///< The command's name included.
  std::string_view when = {};                 ///< Follows them in errors: " before AUTH".
};
/// Of who has not signed in where that is needed.
inline constexpr Limits kLimitsBeforeAuth{
    .max_command_bytes = 16 * 1024, .max_arguments = 10, .when = " before AUTH"};

/// Not thread-safe.
class Parser {
 public:
  enum class Status {
    kNeedMore,  ///< Keep what was not consumed, append, feed again.
    kCommand,   ///< arguments() is whole; feed what was not consumed for the next one.
    kError,     ///< No command can be found any more: answer error() and close.
  };
  struct Outcome {
    std::size_t consumed;  ///< Bytes from the front that will not be needed again.
    Status status;
  };

  explicit Parser(Limits limits) noexcept : limits_(limits) {}

  /// For the commands to come.
  void set_limits(Limits limits) noexcept { limits_ = limits; }

  /// Takes at most one command from `bytes`, past any empty ones.
  Outcome feed(std::string_view bytes);

  /// The command found by the last feed(), its name first; at least that. Views into its bytes:
  /// valid while those are, and until the next feed().
  std::span<const std::string_view> arguments() const noexcept { return arguments_; }
  /// True when it was a line, and no array.
  bool was_inline() const noexcept { return inline_; }

  /// Why the last feed() returned kError: a sentence without a full stop.
  const std::string& error() const noexcept { return error_; }

  std::size_t max_unconsumed_bytes() const noexcept { return limits_.max_command_bytes; }
  /// Of its own memory, beside its input.
  std::size_t held_bytes() const noexcept {
    return unquoted_.capacity() + arguments_.capacity() * sizeof(std::string_view);
  }

  /// For times without commands: forgets the last one, and frees the memory that it took.
  void rest() noexcept;

 private:
  enum class Found { kNothing, kWhole, kWrong };

  Found parse_array(std::string_view bytes, std::size_t& size);
  Found parse_inline(std::string_view bytes, std::size_t& size);
  Found parse_length(std::string_view bytes, std::size_t& at, char type, long& length);
  Found fail(std::string sentence);
  Found fail_as_too_long();

  Limits limits_;
  std::vector<std::string_view> arguments_;
  bool inline_ = false;
  std::size_t scanned_ = 0;  // Bytes of an unfinished line in which no end was found.
  std::string unquoted_;     // What arguments_ views of an inline command with quotes.
  std::string error_;
};

}  // namespace nextid::resp
