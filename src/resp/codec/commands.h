// From a Redis command to what it asks for, or why it is refused. No I/O. A new command is a row of
// the table in commands.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "resp/codec/reply.h"
#include "service/call.h"
#include "stats/route_labels.h"

namespace nextid::resp {

/// What a connection said about itself.
struct Session {
  std::uint64_t id = 0;  ///< Of this connection.
  Version version = Version::kResp2;
  std::string client_name;
};

/// INCR, INCRBY
struct Increment {
  std::string_view counter;  ///< A counter name.
  std::uint64_t count = 1;   ///< 1 ... max_range.
};

/// GET, MGET, EXISTS, TYPE, TTL and PTTL
struct Lookup {
  enum class Kind { kGet, kMGet, kExists, kType, kTimeToLive };
  Kind kind = Kind::kGet;
  service::FindCounters call;  ///< With the names as given: what is no counter name does not exist.
};

/// SET name 0 NX and SETNX name 0: makes a counter that gives 1 first, where there is none.
struct Make {
  service::DefineCounter call;
  bool as_number = false;  ///< SETNX answers 1 or 0, and SET OK or null.
};

/// SCAN
struct Scan {
  std::uint64_t cursor = 0;
  std::size_t count = 10;  ///< 1 ... kMaxScanCount
  std::string pattern;     ///< A glob, or "" for all.
  bool strings = true;     ///< False for a TYPE that no counter has.
};
inline constexpr std::size_t kMaxScanCount = 1000;
/// Twice the longest name of a counter.
inline constexpr std::size_t kMaxScanPattern = 256;
/// Bytes of pattern that one SCAN holds against names: of a long pattern it looks at fewer names
/// than COUNT, so that it is soon done. A call of the longest one takes some 10 ms.
inline constexpr std::size_t kMaxScanWork = 8 * 1024;

/// DBSIZE
struct CountCounters {
  service::CountCounters call;
};

/// INFO
struct Info {
  std::vector<std::string_view> sections;  ///< As given; none for all.
};

/// AUTH, and HELLO with or without it. The answer to a HELLO is the server's greeting.
struct Greeting {
  bool hello = false;
  std::optional<Version> version;          ///< Unchanged otherwise.
  std::optional<std::string_view> secret;  ///< A token, as AUTH's password.
  std::optional<std::string> client_name;  ///< HELLO ... SETNAME
};

/// CLIENT SETNAME
struct Rename {
  std::string_view client_name;
};
inline constexpr std::size_t kMaxClientName = 128;

/// RESET: as a new connection; and QUIT.
struct Reset {};
struct Quit {};

/// MULTI, EXEC and DISCARD.
struct Multi {};
struct Exec {};
struct Discard {};

/// A client that speaks HTTP to this port, perhaps a browser that was tricked: it gets no answer.
struct SpokeHttp {};

/// The answer itself.
struct Answer {
  std::string bytes;
};

using Call = std::variant<Increment, Lookup, Make, Scan, CountCounters, Info, Greeting, Rename,
                          Multi, Exec, Discard, Reset, Quit, SpokeHttp, Answer>;

/// A command that the service answers: an answer_to() in answers.h makes bytes of it.
template <typename Asked>
concept AsksService = requires(Asked asked) {
  asked.call;
};

struct Command {
  std::span<const std::string_view> arguments;  ///< Its name first; at least that.
  bool was_inline = false;
};

struct Routed {
  Call call;
  service::Needs needs;
  std::span<const std::string_view> keys = {};  ///< The arguments that are counters.
  stats::Route counted_as = stats::kOtherRoute;
};

/// The commands that metrics tell apart.
extern const stats::FrontEndLabels kLabels;

/// Changes nothing, so that whoever sends it can be judged first. `max_range` is the largest count
/// of one INCRBY. Views in the result are of the arguments.
Routed route_of(const Command& command, const Session& session, std::uint64_t max_range);

}  // namespace nextid::resp
