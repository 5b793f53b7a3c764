// `nextid token`: a new token, and the line of the token file that knows it.
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "auth/limits.h"
#include "auth/right.h"
#include "auth/token_file.h"
#include "auth/tokens.h"
#include "base/cat.h"
#include "base/stray_text.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/option_words.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "cli/value_options.h"
#include "server/environment.h"

namespace nextid::cli {
namespace {

using base::cat;

struct Request {
  std::string name;
  std::string rights = "allocate";
  std::vector<std::string> counters{"*"};
  std::vector<std::string> limits;
  std::string file;  // Empty: none.
};

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

Result<void> check(const Request& request) {
  if (const auto known = server::check_environment(environment()); !known) return known.error();
  if (!auth::parse_rights(request.rights)) {
    return invalid(
        cat("--rights is '", base::visible(request.rights),
            "': it must be read, allocate, define and delete, or some of them, with commas and "
            "no blanks between them."));
  }
  for (const std::string& pattern : request.counters) {
    if (!pattern.empty() && auth::is_counter_pattern(pattern)) continue;
    return invalid(cat("--counters has '", base::visible(pattern),
                       "', which can't be for any counter: give names or patterns such as "
                       "'orders:*', with blanks between them."));
  }
  auth::Limits limits;
  for (const std::string& word : request.limits) {
    const Result<void> set = auth::is_limit(word) ? auth::set_limit(limits, word)
                                                  : invalid("a limit is NAME=VALUE, as keys=5000.");
    if (set) continue;
    return invalid(
        cat("--limit has '", base::visible(word), "', which is none: ", set.error().what()));
  }
  return {};
}

/// Standard output gets the token alone.
ExitCode print_and_file(const Request& request, const std::string& secret,
                        const std::string& line) {
  const auto appended = auth::append_token(request.file, request.name, line);
  if (!appended) return report(appended.error());
  std::fprintf(stderr, "# The line of '%s' is in %s. The token, which is shown this once:\n",
               request.name.c_str(), for_terminal(request.file).c_str());
  const ExitCode printed = print(secret + "\n");
  if (printed != kOk) {
    tell(cat("Nobody has seen the token: remove the line of '", request.name, "' from ",
             request.file, "."));
  }
  return printed;
}

ExitCode token(const Request& request) {
  if (const auto checked = check(request); !checked) return report(checked.error());
  const auto secret = auth::make_token();
  if (!secret) return report(secret.error());
  const std::string line =
      auth::token_line(request.name, *secret, request.rights, request.counters, request.limits);
  if (!request.file.empty()) return print_and_file(request, *secret, line);
  std::fputs("# The token, which is shown this once, and the line for the file of --tokens:\n",
             stderr);
  return print(cat(*secret, "\n", line, "\n"));
}

/// "counters-in-use= keys="
std::string limit_words() {
  std::string words;
  for (std::size_t i = 0; i < auth::kLimits; ++i) {
    words += cat(auth::to_string(static_cast<auth::Limit>(i)), "= ");
  }
  return words;
}

}  // namespace

void add_token(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand(
      "token", "Make a token for clients, and its line for the file of --tokens");
  auto* name = add_name(*command, "NAME", request->name, "Whose it is, for people and logs");
  name->required();
  offer(*name, "");
  auto* rights = command->add_option(
      "--rights", request->rights,
      "What it allows: read, allocate, define and delete, with commas between them [allocate]");
  rights->type_name("LIST");
  offer(*rights, "read allocate define delete");
  command
      ->add_option("--counters", request->counters,
                   "For which counters: names, or patterns with * ? [a-z], as 'orders:*' [*]")
      ->type_name("PATTERN...");
  auto* limit =
      command->add_option("--limit", request->limits,
                          "How much its holders may use of a server, as counters-in-use=1000: "
                          "docs/security.md has the limits and their defaults");
  limit->type_name("NAME=VALUE...");
  offer(*limit, limit_words());
  const auto take_file = [request](const std::string& path) {
    if (path.empty()) refuse_value("--file", path, "it must be a path");
    request->file = path;
  };
  command
      ->add_option_function<std::string>(
          "--file", take_file,
          "Append the line to this file, made with mode 0600 if it is missing, and print the token "
          "alone")
      ->type_name("FILE");
  command->footer(
      "Standard output gets two lines: the token, which the client alone keeps, and the line for "
      "the file, which has the token's SHA-256. A running server reads the file again on SIGHUP.\n"
      "Examples:\n"
      "  nextid token shop --counters 'orders:*' --file /etc/nextid/tokens\n"
      "  nextid token admin --rights read,allocate,define");
  command->callback([request, &outcome] { outcome.exit_code = token(*request); });
}

}  // namespace nextid::cli
