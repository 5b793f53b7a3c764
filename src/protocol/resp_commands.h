// From a Redis command to what it asks for, or why it is refused. No I/O. A new command is a row of
// the table in resp_commands.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/right.h"
#include "protocol/resp_reply.h"
#include "stats/front_end_stats.h"

namespace nextid::protocol {

/// What a connection said about itself.
struct RespSession {
  std::uint64_t id = 0;  ///< Of this connection.
  RespVersion version = RespVersion::kResp2;
  std::string client_name;
};

/// INCR, INCRBY
struct RespIncrement {
  std::string_view counter;  ///< A counter name.
  std::uint64_t count = 1;   ///< 1 ... max_range.
};

/// GET, MGET, EXISTS, TYPE
struct RespLookup {
  enum class Kind { kGet, kMGet, kExists, kType };
  Kind kind = Kind::kGet;
  std::vector<std::string> counters;  ///< As given: what is no counter name does not exist.
};

/// SCAN
struct RespScan {
  std::uint64_t cursor = 0;
  std::size_t count = 10;  ///< 1 ... kMaxScanCount
  std::string pattern;     ///< A glob, or "" for all.
  bool strings = true;     ///< False for a TYPE that no counter has.
};
inline constexpr std::size_t kMaxScanCount = 1000;

/// DBSIZE
struct RespCountCounters {};

/// INFO
struct RespInfo {};

/// AUTH, and HELLO with or without it. The answer to a HELLO is the server's greeting.
struct RespGreeting {
  bool hello = false;
  std::optional<RespVersion> version;      ///< Unchanged otherwise.
  std::optional<std::string_view> secret;  ///< A token, as AUTH's password.
  std::optional<std::string> client_name;  ///< HELLO ... SETNAME
};

/// RESET: as a new connection; and QUIT.
struct RespReset {};
struct RespQuit {};

/// A client that speaks HTTP to this port, perhaps a browser that was tricked: it gets no answer.
struct RespHttp {};

/// The answer itself.
struct RespAnswer {
  std::string bytes;
};

using RespCall = std::variant<RespIncrement, RespLookup, RespScan, RespCountCounters, RespInfo,
                              RespGreeting, RespReset, RespQuit, RespHttp, RespAnswer>;

struct RespCommand {
  std::span<const std::string_view> arguments;  ///< Its name first; at least that.
  bool was_inline = false;
};

/// Who may have a command, where the server asks for tokens.
struct RespNeeds {
  enum class Who {
    kEveryone,       ///< Also who has not shown a token yet.
    kHolder,         ///< Who has shown one.
    kHolderForKeys,  ///< Whose token gives `right` for each counter among the arguments.
    kHolderForAll,   ///< Whose token gives `right` for all counters.
  };
  Who who;
  auth::Right right = auth::Right::kRead;
  std::string_view to = {};  ///< What for, as "look at", before a counter's name where it has one.
};

struct RespRouted {
  RespCall call;
  RespNeeds needs;
  std::span<const std::string_view> keys = {};  ///< The arguments that are counters.
  stats::Route counted_as = stats::Route::kOtherResp;
};

/// `max_range` is the largest count of one INCRBY. CLIENT commands change `session`. Views in the
/// result are of the arguments.
RespRouted route_of(const RespCommand& command, RespSession& session, std::uint64_t max_range);

}  // namespace nextid::protocol
