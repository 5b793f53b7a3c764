#include "resp/codec/commands.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "nextid/counter.h"

#include "base/ascii.h"
#include "base/quoting.h"
#include "base/whole_number.h"

namespace nextid::resp {
namespace {

using Arguments = std::span<const std::string_view>;

// What a handler may use.
struct Context {
  Arguments arguments;
  Session& session;
  std::uint64_t max_range;
};

// --- Words

Answer error(std::string_view sentence, std::string_view code = "ERR") {
  Answer answer;
  append_error(answer.bytes, code, sentence);
  return answer;
}

Answer ok() { return {"+OK\r\n"}; }

Answer syntax_error(const Context& context) {
  return error("The arguments of " + base::to_upper(context.arguments[0]) +
               " are wrong; COMMAND DOCS " + base::to_upper(context.arguments[0]) +
               " describes it.");
}

// --- Ids

Call increment(std::string_view counter, std::uint64_t count) {
  if (!is_counter_name(counter)) {
    return error(base::in_quotes(counter) +
                 " is no counter name: 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a letter, a "
                 "digit or '_'.");
  }
  return Increment{counter, count};
}

Call take_incr(Context& context) { return increment(context.arguments[1], 1); }

Call take_incrby(Context& context) {
  const auto count = base::whole_number(context.arguments[2], 1, context.max_range);
  if (!count) {
    return error("INCRBY takes a whole number from 1 to " + std::to_string(context.max_range) +
                 ", not " + base::in_quotes(context.arguments[2]) +
                 ": ids only grow, and each is handed out once.");
  }
  return increment(context.arguments[1], *count);
}

// --- What the store has

Call look_up(Context& context, Lookup::Kind kind) {
  Lookup lookup{.kind = kind, .call = {}};
  for (const auto name : context.arguments.subspan(1)) lookup.call.counters.emplace_back(name);
  return lookup;
}

Call take_get(Context& context) { return look_up(context, Lookup::Kind::kGet); }
Call take_mget(Context& context) { return look_up(context, Lookup::Kind::kMGet); }
Call take_exists(Context& context) { return look_up(context, Lookup::Kind::kExists); }
Call take_type(Context& context) { return look_up(context, Lookup::Kind::kType); }

Call take_scan(Context& context) {
  const Arguments arguments = context.arguments;
  Scan scan;
  const auto cursor = base::whole_number(arguments[1], 0, ~std::uint64_t{0});
  if (!cursor)
    return error("SCAN takes a cursor, 0 at first, not " + base::in_quotes(arguments[1]) + ".");
  scan.cursor = *cursor;
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return syntax_error(context);
    const std::string_view value = arguments[i + 1];
    if (base::equal_words(arguments[i], "match")) {
      scan.pattern = value;
    } else if (base::equal_words(arguments[i], "count")) {
      const auto count = base::whole_number(value, 1, ~std::uint64_t{0});
      if (!count)
        return error("COUNT must be a whole number from 1, not " + base::in_quotes(value) + ".");
      scan.count = std::min<std::uint64_t>(*count, kMaxScanCount);
    } else if (base::equal_words(arguments[i], "type")) {
      scan.strings = base::equal_words(value, "string");
    } else {
      return syntax_error(context);
    }
  }
  return scan;
}

Call take_dbsize(Context&) { return CountCounters{}; }

// --- The connection

Call take_ping(Context& context) {
  Answer answer;
  if (context.arguments.size() == 1) {
    append_simple(answer.bytes, "PONG");
  } else {
    append_bulk(answer.bytes, context.arguments[1]);
  }
  return answer;
}

Call take_echo(Context& context) {
  Answer answer;
  append_bulk(answer.bytes, context.arguments[1]);
  return answer;
}

Call take_select(Context& context) {
  if (context.arguments[1] == "0") return ok();
  return error("There is one database, 0, and no " + base::in_quotes(context.arguments[1]) +
               "; give counters names with a prefix instead, such as shop:orders.");
}

Call take_auth(Context& context) {
  if (context.arguments.size() > 3) return syntax_error(context);
  return Greeting{
      .hello = false, .version = {}, .secret = context.arguments.back(), .client_name = {}};
}

bool is_client_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

Answer bad_client_name() {
  return error("A client's name has no blanks, line ends or other special characters.");
}

Call take_hello(Context& context) {
  const Arguments arguments = context.arguments;
  Greeting greeting{.hello = true, .version = {}, .secret = {}, .client_name = {}};
  if (arguments.size() == 1) return greeting;
  if (arguments[1] != "2" && arguments[1] != "3") {
    return error("This server speaks RESP 2 and 3, not " + base::in_quotes(arguments[1]) + ".",
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
Call take_info(Context&) { return Info{}; }
Call take_multi(Context&) { return Multi{}; }
Call take_exec(Context&) { return Exec{}; }
Call take_discard(Context&) { return Discard{}; }

Call take_client(Context& context) {
  const Arguments arguments = context.arguments;
  Session& session = context.session;
  const std::string_view what = arguments[1];
  Answer answer;
  if (base::equal_words(what, "setname") && arguments.size() == 3) {
    if (!is_client_name(arguments[2])) return bad_client_name();
    session.client_name = arguments[2];
    return ok();
  }
  if (base::equal_words(what, "getname") && arguments.size() == 2) {
    if (session.client_name.empty()) {
      append_null(answer.bytes, session.version);
    } else {
      append_bulk(answer.bytes, session.client_name);
    }
    return answer;
  }
  if (base::equal_words(what, "id") && arguments.size() == 2) {
    append_integer(answer.bytes, static_cast<std::int64_t>(session.id));
    return answer;
  }
  if (base::equal_words(what, "info") && arguments.size() == 2) {
    append_text(answer.bytes,
                "id=" + std::to_string(session.id) + " name=" + session.client_name +
                    " db=0 resp=" + std::to_string(static_cast<int>(session.version)) + "\n",
                session.version);
    return answer;
  }
  // What clients tell about themselves, and ask for the memory of a server that evicts.
  const bool accepted =
      (base::equal_words(what, "setinfo") && arguments.size() == 4) ||
      ((base::equal_words(what, "no-evict") || base::equal_words(what, "no-touch")) &&
       arguments.size() == 3);
  if (accepted) return ok();
  return error("CLIENT " + base::in_quotes(what) +
               " is not served; CLIENT takes SETNAME, GETNAME, ID, INFO, SETINFO, NO-EVICT and "
               "NO-TOUCH here.");
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

struct Row {
  std::string_view name;  // In lower case, and the table in their order.
  int arity = 0;          // Arguments with the name; at least -arity where it is negative.
  int first_key = 0;
  int last_key = 0;  // -1: the last argument.
  service::Needs needs;
  std::string_view counted_as;  // In metrics.
  std::string_view flags;
  std::string_view summary;
  Call (*take)(Context& context);

  Arguments keys_of(Arguments arguments) const {
    if (first_key == 0) return {};
    const auto first = static_cast<std::size_t>(first_key);
    return arguments.subspan(
        first, last_key < 0 ? std::dynamic_extent : static_cast<std::size_t>(last_key) - first + 1);
  }
};

using service::kCounts;
using service::kEveryone;
using service::kHolder;
using service::kInspects;
using service::kLists;
using service::kLooksAt;
using service::kTakesIds;
using stats::kOtherLabel;

constexpr std::array kRows{
    Row{"auth", -2, 0, 0, kEveryone, "AUTH", "fast noscript", "Shows a token, as the password.",
        take_auth},
    Row{"client", -2, 0, 0, kHolder, kOtherLabel, "noscript",
        "Names this connection, and tells its number.", take_client},
    Row{"command", -1, 0, 0, kHolder, kOtherLabel, "loading", "Describes the commands.",
        take_command},
    Row{"config", -2, 0, 0, kHolder, kOtherLabel, "admin", "CONFIG GET shows what clients ask for.",
        take_config},
    Row{"dbsize", 1, 0, 0, kCounts, "DBSIZE", "readonly",
        "Counts the counters; reads the whole list.", take_dbsize},
    Row{"discard", 1, 0, 0, kHolder, kOtherLabel, "fast noscript",
        "Forgets what was queued since MULTI.", take_discard},
    Row{"echo", 2, 0, 0, kHolder, kOtherLabel, "fast", "Answers its argument.", take_echo},
    Row{"exec", 1, 0, 0, kHolder, kOtherLabel, "noscript",
        "Runs what was queued since MULTI, in order; others' commands may come between.",
        take_exec},
    Row{"exists", -2, 1, -1, kLooksAt, "EXISTS", "readonly", "Counts the names that are counters.",
        take_exists},
    Row{"get", 2, 1, 1, kLooksAt, "GET", "readonly",
        "The counter's value in the store: the last id reserved there, by any node.", take_get},
    Row{"hello", -1, 0, 0, kEveryone, kOtherLabel, "fast noscript",
        "Chooses RESP 2 or 3; shows a token; names itself.", take_hello},
    Row{"incr", 2, 1, 1, kTakesIds, "INCR", "write fast", "The counter's next id.", take_incr},
    Row{"incrby", 3, 1, 1, kTakesIds, "INCRBY", "write fast",
        "So many ids in a row; answers the last one. The count is 1 or more.", take_incrby},
    Row{"info", -1, 0, 0, kInspects, kOtherLabel, "loading", "About this server.", take_info},
    Row{"mget", -2, 1, -1, kLooksAt, "MGET", "readonly", "The values of several counters, as GET.",
        take_mget},
    Row{"multi", 1, 0, 0, kHolder, kOtherLabel, "fast noscript",
        "Begins to queue commands, for EXEC.", take_multi},
    Row{"ping", -1, 0, 0, kHolder, "PING", "fast", "Answers PONG, or its argument.", take_ping},
    Row{"quit", 1, 0, 0, kEveryone, kOtherLabel, "fast noscript", "Ends the connection.",
        take_quit},
    Row{"reset", 1, 0, 0, kEveryone, kOtherLabel, "fast noscript", "Makes the connection as new.",
        take_reset},
    Row{"scan", -2, 0, 0, kLists, "SCAN", "readonly",
        "Lists the counters in pages: MATCH, COUNT, TYPE.", take_scan},
    Row{"select", 2, 0, 0, kHolder, kOtherLabel, "fast", "Database 0 is the only one.",
        take_select},
    Row{"type", 2, 1, 1, kLooksAt, "TYPE", "readonly", "string for a counter, else none.",
        take_type},
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
    Refused{" append getdel getex getset mset msetnx psetex set setbit setex setnx setrange ",
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

const Row* find_row(std::string_view name) noexcept {
  // No name is longer than this; so a longer text is none.
  std::array<char, 16> text{};
  if (name.size() > text.size()) return nullptr;
  std::transform(name.begin(), name.end(), text.begin(), [](char c) { return base::to_lower(c); });
  const std::string_view key(text.data(), name.size());
  const auto* const row = std::lower_bound(
      kRows.begin(), kRows.end(), key, [](const Row& a, std::string_view b) { return a.name < b; });
  return row != kRows.end() && row->name == key ? row : nullptr;
}

Answer unknown(std::string_view name) {
  std::string word = " ";
  for (const char c : name) word += base::to_lower(c);
  word += ' ';
  for (const Refused& refused : kRefused) {
    if (name.find(' ') == std::string_view::npos &&
        refused.names.find(word) != std::string_view::npos) {
      return error(base::to_upper(name) + " " + std::string(refused.why));
    }
  }
  return error("unknown command " + base::in_quotes(name) +
               ": ids come from INCR and INCRBY; COMMAND LIST has the others.");
}

// --- COMMAND

void append_words(std::string& out, std::string_view words) {
  append_array_head(out, static_cast<std::size_t>(std::count(words.begin(), words.end(), ' ')) + 1);
  while (!words.empty()) {
    const auto end = std::min(words.find(' '), words.size());
    append_simple(out, words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

void append_details(std::string& out, const Row& row) {
  append_array_head(out, 10);
  append_bulk(out, row.name);
  append_integer(out, row.arity);
  append_words(out, row.flags);
  append_integer(out, row.first_key);
  append_integer(out, row.last_key);
  append_integer(out, row.first_key == 0 ? 0 : 1);
  for (int i = 0; i < 4; ++i) append_array_head(out, 0);  // Categories, tips, keys, subcommands.
}

void append_documentation(std::string& out, const Row& row, Version version) {
  append_bulk(out, row.name);
  append_map_head(out, 3, version);
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::string_view>{"summary", row.summary},
        {"since", "1.0.0"},
        {"group", row.first_key == 0 ? "connection" : "string"}}) {
    append_bulk(out, key);
    append_bulk(out, value);
  }
}

// The rows of these names, none for an unknown one; of all rows where no name is given.
std::vector<const Row*> rows_of(Arguments names) {
  std::vector<const Row*> rows;
  if (names.empty()) {
    for (const Row& row : kRows) rows.push_back(&row);
  }
  for (const auto name : names) rows.push_back(find_row(name));
  return rows;
}

Call take_command(Context& context) {
  const Arguments arguments = context.arguments;
  const std::string_view what = arguments.size() > 1 ? arguments[1] : "info";
  const Arguments names = arguments.size() > 2 ? arguments.subspan(2) : Arguments{};
  Answer answer;
  if (base::equal_words(what, "count")) {
    append_integer(answer.bytes, static_cast<std::int64_t>(kRows.size()));
  } else if (base::equal_words(what, "list")) {
    append_array_head(answer.bytes, kRows.size());
    for (const Row& row : kRows) append_bulk(answer.bytes, row.name);
  } else if (base::equal_words(what, "info")) {
    const auto rows = rows_of(names);
    append_array_head(answer.bytes, rows.size());
    for (const Row* row : rows) {
      row == nullptr ? append_null(answer.bytes, context.session.version)
                     : append_details(answer.bytes, *row);
    }
  } else if (base::equal_words(what, "docs")) {
    auto rows = rows_of(names);
    std::erase(rows, nullptr);
    append_map_head(answer.bytes, rows.size(), context.session.version);
    for (const Row* row : rows) append_documentation(answer.bytes, *row, context.session.version);
  } else {
    return error("COMMAND " + base::in_quotes(what) +
                 " is not served; COMMAND takes COUNT, LIST, INFO and DOCS here.");
  }
  return answer;
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

Routed route_of(const Command& command, Session& session, std::uint64_t max_range) {
  if (is_http(command)) return {SpokeHttp{}, kEveryone};
  const Arguments arguments = command.arguments;
  const std::string_view name = arguments[0];
  const Row* const row = find_row(name);
  if (row == nullptr) return {unknown(name), kHolder};
  const auto given = static_cast<int>(arguments.size());
  if (row->arity >= 0 ? given != row->arity : given < -row->arity) {
    Answer wrong =
        error("wrong number of arguments for " + base::to_upper(name) + ": " +
              std::to_string(given - 1) + " and not " + std::to_string(std::abs(row->arity) - 1) +
              (row->arity < 0 ? " or more." : "."));
    return {std::move(wrong), row->needs, {}, route_of_row(*row)};
  }
  Context context{arguments, session, max_range};
  return {row->take(context), row->needs, row->keys_of(arguments), route_of_row(*row)};
}

}  // namespace nextid::resp
