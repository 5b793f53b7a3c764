// `nextid manual`: what is written of the program, made of its own tables.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "base/stray_text.h"
#include "base/whole_number.h"
#include "cli/cli_page.h"
#include "cli/command_text.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/man_page.h"
#include "cli/option_words.h"
#include "cli/output.h"
#include "server/option_pages.h"

namespace nextid::cli {
namespace {

using base::cat;

/// What a build that is to be the same every time gives as its time
/// (reproducible-builds.org/specs/source-date-epoch), null for none.
const char* fixed_time() { return std::getenv("SOURCE_DATE_EPOCH"); }

/// Seconds up to the year 9999.
std::optional<std::uint64_t> seconds_of(const char* text) {
  return base::whole_number(text, 0, 253'402'300'799);
}

/// "2026-11-30", today or that of fixed_time().
std::string date() {
  const auto seconds = fixed_time() == nullptr ? std::nullopt : seconds_of(fixed_time());
  const std::time_t time = seconds ? static_cast<std::time_t>(*seconds) : std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

struct Document {
  std::string name;
  std::function<std::string()> text;
};

std::vector<Document> documents(const CLI::App& app) {
  std::vector<Document> list{{"nextid.1", [&app] { return man_page(overview(app), date()); }}};
  for (const CLI::App* command : commands_of(app)) {
    list.push_back({cat("nextid-", command->get_name(), ".1"),
                    [command] { return man_page(text_of(*command), date()); }});
  }
  list.push_back({"nextid.toml.5", [] { return config_man_page(date()); }});
  list.push_back({"nextid.toml", server::sample_config});
  list.push_back({"cli.md", [&app] { return cli_markdown(app); }});
  list.push_back({"options.md", server::options_markdown});
  return list;
}

ExitCode print_manual(const CLI::App& app, const std::string& name) {
  if (fixed_time() != nullptr && !seconds_of(fixed_time())) {
    return report(
        Error(ErrorCode::kInvalid, cat("SOURCE_DATE_EPOCH is '", base::visible(fixed_time()),
                                       "': it must be a number of seconds since 1970.")));
  }
  const auto list = documents(app);
  std::string names;
  for (const Document& document : list) {
    if (document.name == name) return print(document.text());
    names += document.name + "\n";
  }
  if (name.empty()) return print(names);
  return report(Error(ErrorCode::kInvalid, cat("'", base::visible(name),
                                               "' is no document; `nextid manual` lists those "
                                               "that there are.")));
}

}  // namespace

void add_manual(CLI::App& app, Outcome& outcome) {
  const auto name = std::make_shared<std::string>();
  auto* command =
      app.add_subcommand("manual", "Print a manual page, or a nextid.toml to start from");
  auto* argument = command->add_option("DOCUMENT", *name, "Without it, the names of all");
  std::string names;
  for (const Document& document : documents(app)) names += document.name + " ";
  offer(*argument, names);
  command->footer(
      "Manual pages are dated SOURCE_DATE_EPOCH, if that is set, or else today.\n"
      "Examples:\n"
      "  nextid manual nextid-serve.1 | man -l -\n"
      "  nextid manual nextid.toml > nextid.toml");
  command->callback([&app, name, &outcome] { outcome.exit_code = print_manual(app, *name); });
}

}  // namespace nextid::cli
