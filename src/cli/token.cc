// `nextid token`: a new token, and the line of the token file that knows it.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "auth/tokens.h"
#include "base/cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "server/environment.h"

namespace nextid::cli {
namespace {

using base::cat;

struct Request {
  std::string name;
  std::string rights = "allocate";
  std::vector<std::string> counters{"*"};
};

ExitCode token(const Request& request) {
  const auto known = server::check_environment(environment());
  if (!known) return report(known.error());
  const auto secret = auth::make_token();
  if (!secret) return report(secret.error());
  const std::string line =
      auth::token_line(request.name, *secret, request.rights, request.counters);
  if (const auto parsed = auth::Tokens::parse(line, "This token's line"); !parsed) {
    return report(parsed.error());
  }
  std::fputs("# The token, which is shown this once, and the line for the file of --tokens:\n",
             stderr);
  return print(cat(*secret, "\n", line, "\n"));
}

}  // namespace

void add_token(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand(
      "token",
      "Make a token for clients of `nextid serve --tokens FILE`, and its line of the file");
  command->add_option("name", request->name, "Whose it is, for people and logs")->required();
  command
      ->add_option("--rights", request->rights,
                   "What it allows: read, allocate and define, with commas between them")
      ->type_name("LIST")
      ->capture_default_str();
  command
      ->add_option("--counters", request->counters,
                   "For which counters: names, or patterns with * ? [a-z], as 'orders:*'")
      ->type_name("PATTERN...")
      ->capture_default_str();
  command->footer(
      "Standard output gets two lines: the token, which the client alone keeps, and the line for\n"
      "the file, which has the token's SHA-256. A running server reads the file again on SIGHUP.");
  command->callback([request, &outcome] { outcome.exit_code = token(*request); });
}

}  // namespace nextid::cli
