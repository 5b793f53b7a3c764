#include "resp/codec/commands.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>

#include "nextid/counter.h"

#include "base/ascii.h"
#include "base/cat.h"
#include "base/nearest.h"
#include "base/quoting.h"
#include "base/whole_number.h"
#include "resp/codec/command_docs.h"
#include "resp/codec/command_row.h"

namespace nextid::resp {
namespace {

using base::cat;

// --- Words

Answer error(std::string_view sentence, std::string_view code = "ERR") {
  Answer answer;
  append_error(answer.bytes, code, sentence);
  return answer;
}

Answer ok() { return {"+OK\r\n"}; }

Answer syntax_error(const Context& context) {
  return error(cat("The arguments of ", base::to_upper(context.arguments[0]),
                   " are wrong; COMMAND DOCS ", base::to_upper(context.arguments[0]),
                   " describes it."));
}

// --- Ids

Answer no_counter_name(std::string_view text) {
  return error(base::in_quotes(text) +
               " is no counter name: 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a letter, a "
               "digit or '_'.");
}

Call increment(std::string_view counter, std::uint64_t count) {
  if (!is_counter_name(counter)) return no_counter_name(counter);
  return Increment{counter, count};
}

Call take_incr(Context& context) { return increment(context.arguments[1], 1); }

Call take_incrby(Context& context) {
  const auto count = base::whole_number(context.arguments[2], 1, context.max_range);
  if (!count) {
    return error(cat("INCRBY takes a whole number from 1 to ", context.max_range, ", not ",
                     base::in_quotes(context.arguments[2]),
                     ": ids only grow, and each is handed out once."));
  }
  return increment(context.arguments[1], *count);
}

// --- What the store has

Call look_up(Context& context, Lookup::Kind kind) {
  if (context.arguments.size() - 1 > service::kMostFound) {
    return error(cat(base::to_upper(context.arguments[0]), " takes at most ", service::kMostFound,
                     " names, not ", context.arguments.size() - 1,
                     ", since each may be a call of the store: ask for them in parts."));
  }
  Lookup lookup{.kind = kind, .call = {}};
  for (const auto name : context.arguments.subspan(1)) lookup.call.counters.emplace_back(name);
  return lookup;
}

Call take_get(Context& context) { return look_up(context, Lookup::Kind::kGet); }
Call take_mget(Context& context) { return look_up(context, Lookup::Kind::kMGet); }
Call take_exists(Context& context) { return look_up(context, Lookup::Kind::kExists); }
Call take_type(Context& context) { return look_up(context, Lookup::Kind::kType); }
Call take_ttl(Context& context) { return look_up(context, Lookup::Kind::kTimeToLive); }

// What clients make a counter with, before its first INCR. A value other than 0 would be one that
// was given out.
Call make_counter(Context& context, bool as_number) {
  const std::string_view name = context.arguments[1];
  if (!is_counter_name(name)) return no_counter_name(name);
  if (context.arguments[2] != "0") {
    return error(base::to_upper(context.arguments[0]) + " takes the value 0 here, not " +
                 base::in_quotes(context.arguments[2]) +
                 ": it makes a counter, whose first id is 1. To begin with another, use `nextid "
                 "define NAME --start N`.");
  }
  // Of several at a time, one is told that it made it.
  const auto is_missing = [](const Definition* now) { return now == nullptr; };
  return Make{.call = {.counter = std::string(name), .change = {}, .condition = is_missing},
              .as_number = as_number};
}

Call take_setnx(Context& context) { return make_counter(context, true); }

Call take_set(Context& context) {
  if (context.arguments.size() == 4 && base::equal_words(context.arguments[3], "nx")) {
    return make_counter(context, false);
  }
  return error(
      "SET is refused but for SET NAME 0 NX, which makes a counter: one that is set can hand out "
      "an "
      "id twice. To raise one, use `nextid advance NAME --to N` or POST "
      "/v1/counters/NAME/advance.");
}

Call take_scan(Context& context) {
  const Arguments arguments = context.arguments;
  Scan scan;
  const auto cursor = base::whole_number(arguments[1], 0, ~std::uint64_t{0});
  if (!cursor)
    return error(cat("SCAN takes a cursor, 0 at first, not ", base::in_quotes(arguments[1]), "."));
  scan.cursor = *cursor;
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return syntax_error(context);
    const std::string_view value = arguments[i + 1];
    if (base::equal_words(arguments[i], "match")) {
      if (value.size() > kMaxScanPattern) {
        return error(cat("A pattern has at most ", kMaxScanPattern, " bytes, not ", value.size(),
                         ": no counter's name is longer than 128."));
      }
      scan.pattern = value;
    } else if (base::equal_words(arguments[i], "count")) {
      const auto count = base::whole_number(value, 1, ~std::uint64_t{0});
      if (!count)
        return error(cat("COUNT must be a whole number from 1, not ", base::in_quotes(value), "."));
      scan.count = std::min<std::uint64_t>(*count, kMaxScanCount);
    } else if (base::equal_words(arguments[i], "type")) {
      scan.strings = base::equal_words(value, "string");
    } else {
      return syntax_error(context);
    }
  }
  if (!scan.pattern.empty()) {
    scan.count = std::min(scan.count, kMaxScanWork / scan.pattern.size());
  }
  return scan;
}

Call take_dbsize(Context&) { return CountCounters{}; }

// --- The connection

Call take_ping(Context& context) {
  if (context.arguments.size() > 2) return error("PING takes one argument at most.");
  Answer answer;
  if (context.arguments.size() == 1) {
    append_simple(answer.bytes, "PONG");
  } else {
    append_bulk(answer.bytes, context.arguments[1]);
  }
  return answer;
}

// Of this machine's clock.
Call take_time(Context&) {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  Answer answer;
  append_array_head(answer.bytes, 2);
  append_bulk(answer.bytes, std::to_string(now / 1'000'000));
  append_bulk(answer.bytes, std::to_string(now % 1'000'000));
  return answer;
}

// A master without replicas.
Call take_role(Context&) {
  Answer answer;
  append_array_head(answer.bytes, 3);
  append_bulk(answer.bytes, "master");
  append_integer(answer.bytes, 0);
  append_array_head(answer.bytes, 0);
  return answer;
}

Call take_echo(Context& context) {
  Answer answer;
  append_bulk(answer.bytes, context.arguments[1]);
  return answer;
}

Call take_select(Context& context) {
  if (context.arguments[1] == "0") return ok();
  return error(cat("There is one database, 0, and no ", base::in_quotes(context.arguments[1]),
                   "; give counters names with a prefix instead, such as shop:orders."));
}

Call take_auth(Context& context) {
  if (context.arguments.size() > 3) return syntax_error(context);
  return Greeting{
      .hello = false, .version = {}, .secret = context.arguments.back(), .client_name = {}};
}

bool is_client_name(std::string_view name) {
  return name.size() <= kMaxClientName &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Answer bad_client_name() {
  return error(cat("A client's name has at most ", kMaxClientName,
                   " letters, and no blanks, line ends or other special characters."));
}

Call take_hello(Context& context) {
  const Arguments arguments = context.arguments;
  Greeting greeting{.hello = true, .version = {}, .secret = {}, .client_name = {}};
  if (arguments.size() == 1) return greeting;
  if (arguments[1] != "2" && arguments[1] != "3") {
    return error(cat("This server speaks RESP 2 and 3, not ", base::in_quotes(arguments[1]), "."),
                 "NOPROTO");
  }
  greeting.version = arguments[1] == "3" ? Version::kResp3 : Version::kResp2;
  for (std::size_t i = 2; i < arguments.size();) {
    if (base::equal_words(arguments[i], "auth") && i + 2 < arguments.size()) {
      greeting.secret = arguments[i + 2];
      i += 3;
    } else if (base::equal_words(arguments[i], "setname") && i + 1 < arguments.size()) {
      if (!is_client_name(arguments[i + 1])) return bad_client_name();
      greeting.client_name = arguments[i + 1];
      i += 2;
    } else {
      return syntax_error(context);
    }
  }
  return greeting;
}

Call take_reset(Context&) { return Reset{}; }
Call take_quit(Context&) { return Quit{}; }
Call take_info(Context& context) {
  const Arguments sections = context.arguments.subspan(1);
  return Info{{sections.begin(), sections.end()}};
}
Call take_multi(Context&) { return Multi{}; }
Call take_exec(Context&) { return Exec{}; }
Call take_discard(Context&) { return Discard{}; }

// Clients that could keep answers turn this on when they connect. Without OPTIN the server would
// have to tell them of each change; with it nothing is kept until CLIENT CACHING YES, which is
// refused.
Call take_tracking(Context& context) {
  const Arguments arguments = context.arguments.subspan(2);
  const auto has = [&](std::string_view word) {
    return std::any_of(arguments.begin(), arguments.end(), [&](std::string_view argument) {
      return base::equal_words(argument, word);
    });
  };
  if (base::equal_words(arguments[0], "off")) return ok();
  if (base::equal_words(arguments[0], "on") && has("optin") && !has("bcast")) return ok();
  return error(
      "CLIENT TRACKING is served with ON OPTIN alone, which tracks nothing: a counter's value "
      "changes with each id, and is not worth keeping.");
}

Call set_client_name(Context& context) {
  const std::string_view name = context.arguments[2];
  if (!is_client_name(name)) return bad_client_name();
  return Rename{name};
}

Call client_name(Context& context) {
  Answer answer;
  if (context.session.client_name.empty()) {
    append_null(answer.bytes, context.session.version);
  } else {
    append_bulk(answer.bytes, context.session.client_name);
  }
  return answer;
}

Call client_id(Context& context) {
  Answer answer;
  append_integer(answer.bytes, static_cast<std::int64_t>(context.session.id));
  return answer;
}

// As a list, that of this connection alone: the others are nobody else's business.
Call client_info(Context& context) {
  const Session& session = context.session;
  Answer answer;
  append_text(answer.bytes,
              cat("id=", session.id, " name=", session.client_name,
                  " db=0 resp=", static_cast<int>(session.version), "\n"),
              session.version);
  return answer;
}

// What clients tell about themselves, and ask of a server that evicts.
Call noted(Context&) { return ok(); }

struct ClientCommand {
  std::string_view name;
  std::size_t least;  // Arguments, with CLIENT and the name.
  std::size_t most;
  Call (*take)(Context& context);
};

constexpr std::array kClientCommands{
    ClientCommand{"setname", 3, 3, set_client_name},
    ClientCommand{"getname", 2, 2, client_name},
    ClientCommand{"id", 2, 2, client_id},
    ClientCommand{"info", 2, 2, client_info},
    ClientCommand{"list", 2, 1024, client_info},
    ClientCommand{"setinfo", 4, 4, noted},
    ClientCommand{"no-evict", 3, 3, noted},
    ClientCommand{"no-touch", 3, 3, noted},
    ClientCommand{"tracking", 3, 1024, take_tracking},
};

Call take_client(Context& context) {
  const std::string_view what = context.arguments[1];
  const std::size_t given = context.arguments.size();
  for (const ClientCommand& command : kClientCommands) {
    if (!base::equal_words(what, command.name)) continue;
    if (given >= command.least && given <= command.most) return command.take(context);
  }
  return error(cat("CLIENT ", base::in_quotes(what),
                   " is not served; CLIENT takes SETNAME, GETNAME, ID, INFO, LIST, SETINFO, "
                   "NO-EVICT, NO-TOUCH and TRACKING ON OPTIN here."));
}

Call take_config(Context& context) {
  if (!base::equal_words(context.arguments[1], "get") || context.arguments.size() < 3) {
    return error(
        "CONFIG takes only GET here; options are set when nextid starts: "
        "`nextid serve --help` lists them.");
  }
  // What benchmarks and clients look at before they begin.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kSettings{{
      {"appendonly", "yes"},
      {"databases", "1"},
      {"maxmemory", "0"},
      {"save", ""},
      {"timeout", "0"},
  }};
  std::vector<std::pair<std::string_view, std::string_view>> found;
  for (const auto& setting : kSettings) {
    for (const auto asked : context.arguments.subspan(2)) {
      if (!base::equal_words(asked, setting.first) && asked != "*") continue;
      found.push_back(setting);
      break;
    }
  }
  Answer answer;
  append_map_head(answer.bytes, found.size(), context.session.version);
  for (const auto& [name, value] : found) {
    append_bulk(answer.bytes, name);
    append_bulk(answer.bytes, value);
  }
  return answer;
}

Call take_command(Context& context);

// --- The table

using service::kCounts;
using service::kDefines;
using service::kEveryone;
using service::kHolder;
using service::kInspects;
using service::kLists;
using service::kLooksAt;
using service::kTakesIds;
using stats::kOtherLabel;

constexpr std::array kRows{
    Row{"auth", -2, 0, 0, kEveryone, "AUTH", "fast noscript", "Shows a token, as the password.",
        "username:string? password:string", take_auth},
    Row{"client", -2, 0, 0, kHolder, kOtherLabel, "noscript",
        "Names this connection, and tells its number.", "subcommand:string argument:string?+",
        take_client},
    Row{"command", -1, 0, 0, kHolder, kOtherLabel, "loading", "Describes the commands.",
        "subcommand:string? argument:string?+", take_command},
    Row{"config", -2, 0, 0, kHolder, kOtherLabel, "admin", "CONFIG GET shows what clients ask for.",
        "GET=parameter:pattern+", take_config},
    Row{"dbsize", 1, 0, 0, kCounts, "DBSIZE", "readonly",
        "Counts the counters; reads the whole list.", "", take_dbsize},
    Row{"discard", 1, 0, 0, kHolder, kOtherLabel, "fast noscript",
        "Forgets what was queued since MULTI.", "", take_discard},
    Row{"echo", 2, 0, 0, kHolder, kOtherLabel, "fast", "Answers its argument.", "message:string",
        take_echo},
    Row{"exec", 1, 0, 0, kHolder, kOtherLabel, "noscript",
        "Runs what was queued since MULTI, in order; others' commands may come between.", "",
        take_exec},
    Row{"exists", -2, 1, -1, kLooksAt, "EXISTS", "readonly", "Counts the names that are counters.",
        "key:key+", take_exists},
    Row{"get", 2, 1, 1, kLooksAt, "GET", "readonly",
        "The counter's value in the store: the last id reserved there, by any node.", "key:key",
        take_get},
    Row{"hello", -1, 0, 0, kEveryone, kOtherLabel, "fast noscript",
        "Chooses RESP 2 or 3; shows a token; names itself.",
        "protover:integer? AUTH=credentials:string? SETNAME=clientname:string?", take_hello},
    Row{"incr", 2, 1, 1, kTakesIds, "INCR", "write fast", "The counter's next id.", "key:key",
        take_incr},
    Row{"incrby", 3, 1, 1, kTakesIds, "INCRBY", "write fast",
        "So many ids in a row; answers the last one. The count is 1 or more.",
        "key:key count:integer", take_incrby},
    Row{"info", -1, 0, 0, kHolder, kOtherLabel, "loading", "About this server.", "section:string?+",
        take_info},
    Row{"mget", -2, 1, -1, kLooksAt, "MGET", "readonly", "The values of several counters, as GET.",
        "key:key+", take_mget},
    Row{"multi", 1, 0, 0, kHolder, kOtherLabel, "fast noscript",
        "Begins to queue commands, for EXEC.", "", take_multi},
    Row{"ping", -1, 0, 0, kHolder, "PING", "fast", "Answers PONG, or its argument.",
        "message:string?", take_ping},
    Row{"pttl", 2, 1, 1, kLooksAt, kOtherLabel, "readonly fast",
        "-1 for a counter, which never expires; -2 for none.", "key:key", take_ttl},
    Row{"quit", 1, 0, 0, kEveryone, kOtherLabel, "fast noscript", "Ends the connection.", "",
        take_quit},
    Row{"reset", 1, 0, 0, kEveryone, kOtherLabel, "fast noscript", "Makes the connection as new.",
        "", take_reset},
    Row{"role", 1, 0, 0, kHolder, kOtherLabel, "fast noscript",
        "master, since every node is alike.", "", take_role},
    Row{"scan", -2, 0, 0, kLists, "SCAN", "readonly",
        "Lists the counters in pages: MATCH, COUNT, TYPE.",
        "cursor:integer MATCH=pattern:pattern? COUNT=count:integer? TYPE=type:string?", take_scan},
    Row{"select", 2, 0, 0, kHolder, kOtherLabel, "fast", "Database 0 is the only one.",
        "index:integer", take_select},
    Row{"set", -3, 1, 1, kDefines, kOtherLabel, "write",
        "SET NAME 0 NX makes a counter where there is none.",
        "key:key 0=zero:pure-token NX=condition:pure-token", take_set},
    Row{"setnx", 3, 1, 1, kDefines, kOtherLabel, "write fast",
        "SETNX NAME 0 makes a counter where there is none.", "key:key 0=zero:pure-token",
        take_setnx},
    Row{"time", 1, 0, 0, kHolder, kOtherLabel, "fast", "The clock of this server's machine.", "",
        take_time},
    Row{"ttl", 2, 1, 1, kLooksAt, kOtherLabel, "readonly fast",
        "-1 for a counter, which never expires; -2 for none.", "key:key", take_ttl},
    Row{"type", 2, 1, 1, kLooksAt, "TYPE", "readonly", "string for a counter, else none.",
        "key:key", take_type},
};
static_assert(std::is_sorted(kRows.begin(), kRows.end(),
                             [](const Row& a, const Row& b) { return a.name < b.name; }));

constexpr stats::RouteLabels kRouteLabels(kRows, [](const Row& row) {
  return stats::RouteLabel{row.counted_as, row.needs.takes_ids()};
});

stats::Route route_of_row(const Row& row) noexcept {
  return kRouteLabels.of_row(static_cast<std::size_t>(&row - kRows.data()));
}

// Commands of Redis that would break a promise, and what to use instead.
struct Refused {
  std::string_view names;  // Between blanks, with one at both ends.
  std::string_view why;
};

constexpr std::array kRefused{
    Refused{" append getdel getex getset mset msetnx psetex setbit setex setrange ",
            "is refused: a counter that is set can hand out an id twice. To raise one, use "
            "`nextid advance NAME --to N` or POST /v1/counters/NAME/advance."},
    Refused{" decr decrby ",
            "is refused: ids only grow, and each is handed out once. Use INCR or INCRBY."},
    Refused{" incrbyfloat ", "is refused: ids are whole numbers. Use INCRBY."},
    Refused{" copy del flushall flushdb migrate move rename renamenx restore swapdb unlink ",
            "is refused: a counter that begins again hands out ids twice. Leave it, or begin "
            "another with `nextid define`."},
    Refused{" expire expireat getexpire persist pexpire pexpireat ",
            "is refused: counters do not expire, since one that begins again hands out ids twice."},
    Refused{" unwatch watch ",
            "is refused: there is nothing to watch for, since INCR is atomic by itself."},
    Refused{" eval eval_ro evalsha evalsha_ro fcall fcall_ro function script ",
            "is refused: there are no scripts. For several ids at once, use INCRBY."},
    Refused{" keys ", "is refused: it would hold up all others. Use SCAN."},
};

Answer unknown(std::string_view name) {
  std::string word = " ";
  for (const char c : name) word += base::to_lower(c);
  word += ' ';
  for (const Refused& refused : kRefused) {
    if (name.find(' ') == std::string_view::npos &&
        refused.names.find(word) != std::string_view::npos) {
      return error(cat(base::to_upper(name), " ", refused.why));
    }
  }
  std::vector<std::string> known;
  for (const Row& row : kRows) known.push_back(base::to_upper(row.name));
  const std::string meant = base::nearest(name, known);
  return error(cat("unknown command ", base::in_quotes(name), ": ",
                   meant.empty() ? "" : cat("did you mean ", meant, "? "),
                   "ids come from INCR and INCRBY; COMMAND LIST has the others."));
}

Call take_command(Context& context) {
  return describe_commands(kRows, context.arguments, context.session.version);
}

// Whether a line is the first of an HTTP request, or one of its fields.
bool is_http(const Command& command) noexcept {
  const Arguments& arguments = command.arguments;
  if (!command.was_inline) return false;
  return (arguments.size() == 3 && arguments[2].starts_with("HTTP/")) ||
         base::equal_words(arguments[0], "post") || base::equal_words(arguments[0], "host:");
}

}  // namespace

const stats::FrontEndLabels kLabels{"resp", kRouteLabels.labels()};

Routed route_of(const Command& command, const Session& session, std::uint64_t max_range) {
  if (is_http(command)) return {SpokeHttp{}, kEveryone};
  const Arguments arguments = command.arguments;
  const std::string_view name = arguments[0];
  const Row* const row = find_row(kRows, name);
  if (row == nullptr) return {unknown(name), kHolder};
  if (!row->takes(arguments.size())) {
    Answer wrong = error(cat("wrong number of arguments for ", base::to_upper(name), ": ",
                             arguments.size() - 1, " and not ", std::abs(row->arity) - 1,
                             row->arity < 0 ? " or more." : "."));
    return {std::move(wrong), row->needs, {}, route_of_row(*row)};
  }
  Context context{arguments, session, max_range};
  return {row->take(context), row->needs, row->keys_of(arguments), route_of_row(*row)};
}

}  // namespace nextid::resp
