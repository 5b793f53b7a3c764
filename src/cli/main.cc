// The nextid program: one command line, whose subcommands are in files of their own.
#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/error.h"

#include "base/stray_text.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "cli/mistake.h"
#include "cli/output.h"
#include "cli/value_options.h"
#include "cli/version_text.h"
#include "contract/definition_fields.h"
#include "store/factory.h"

namespace {

using nextid::contract::kTextFields;

/// Whether the option has rules of its own for its text: any, for a definition's fields, and
/// printable ASCII, for a key.
bool has_rules_of_its_own(std::string_view option) {
  return option == "--key" ||
         std::any_of(kTextFields.begin(), kTextFields.end(),
                     [&](const auto& field) { return option == "--" + std::string(field.name); });
}

/// In every other option and argument.
void refuse_stray_characters(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      if (has_rules_of_its_own(option->get_name())) continue;
      option->check([name = option->get_name()](const std::string& text) {
        if (const auto stray = nextid::base::stray_character(text)) {
          nextid::cli::refuse_value(name, nextid::store::without_password(text), *stray);
        }
        return "";
      });
    }
  }
}

int run(const std::vector<std::string>& words) {
  CLI::App app("unique, increasing 64-bit ids and ranges, durable before you see them", "nextid");
  app.formatter_fn([](const CLI::App* command, const std::string&, CLI::AppFormatMode) {
    return nextid::cli::help_of(*command);
  });
  app.set_help_flag("-h,--help", "Print this help.");
  app.set_version_flag("--version", nextid::cli::version_text(),
                       "Print the version, the commit, the build and its stores.");
  app.require_subcommand(1);

  nextid::cli::Outcome outcome;
  nextid::cli::add_serve(app, outcome);
  nextid::cli::add_allocate(app, outcome);
  nextid::cli::add_define(app, outcome);
  nextid::cli::add_advance(app, outcome);
  nextid::cli::add_delete(app, outcome);
  nextid::cli::add_counters(app, outcome);
  nextid::cli::add_bench(app, outcome);
  nextid::cli::add_backup(app, outcome);
  nextid::cli::add_restore(app, outcome);
  nextid::cli::add_recover(app, outcome);
  nextid::cli::add_copy(app, outcome);
  nextid::cli::add_schema(app, outcome);
  nextid::cli::add_doctor(app, outcome);
  nextid::cli::add_probe(app, outcome);
  nextid::cli::add_token(app, outcome);
  nextid::cli::add_manual(app, outcome);
  refuse_stray_characters(app);
  if (words.size() > 1 && words[1] == nextid::cli::kCompleteCommand) {
    return nextid::cli::complete(app, std::span(words).subspan(2));
  }
  try {
    std::vector<const char*> pointers;
    for (const std::string& word : words) pointers.push_back(word.c_str());
    app.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    const auto arguments = std::span(words).subspan(std::min<std::size_t>(words.size(), 1));
    const auto mistake = nextid::cli::mistake_in(app, arguments);
    return nextid::cli::report(
        nextid::Error(nextid::ErrorCode::kInvalid, mistake.value_or(error.what())));
  }
  return outcome.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  nextid::cli::reserve_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // A closed pipe or client is an error of its write alone.
  try {
    return run(nextid::cli::take_arguments(argc, argv));
  } catch (const std::exception& failure) {
    nextid::cli::tell(std::string("internal failure: ") + failure.what());
    return nextid::cli::kFailure;
  }
}
