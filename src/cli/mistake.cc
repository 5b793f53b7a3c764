#include "cli/mistake.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "base/nearest.h"
#include "base/stray_text.h"
#include "cli/option_words.h"
#include "server/meant_option.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

using base::cat;
using Sentence = std::optional<std::string>;
using Words = std::span<const std::string>;

/// Of what was given: what seems to be a URL is shown without its password.
std::string shown(std::string_view word) { return base::visible(store::without_password(word)); }

std::string in_quotes(std::string_view word) { return cat("'", shown(word), "'"); }

// --- Options

/// The option of the command that was meant; null for none.
const CLI::Option* option_meant_by(const CLI::App& command, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_lnames().empty()) known.push_back(option->get_lnames().front());
  }
  std::string_view bare = name;
  while (bare.starts_with('-')) bare.remove_prefix(1);
  const std::string meant = server::meant_option(bare, known);
  return meant.empty() ? nullptr : find_option(command, "--" + meant);
}

Sentence unknown_option(const CLI::App& command, const std::string& name) {
  const std::string called = "nextid " + command.get_name();
  const std::string no_option = cat(shown(name), " is no option of `", called, "`; ");
  const CLI::Option* meant = option_meant_by(command, name);
  if (meant == nullptr) return cat(no_option, "`", called, " --help` lists those that there are.");
  return cat(no_option, "did you mean ", form_of(*meant), "?");
}

// --- The words behind a command

class Reading {
 public:
  Reading(const CLI::App& command, Words words) : command_(command), words_(words) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_positional()) free_arguments_.push_back(option);
    }
  }

  Sentence first_mistake() {
    bool only_arguments = false;
    while (!words_.empty()) {
      const std::string word = take();
      if (word == "--" && !only_arguments) {
        only_arguments = true;
        continue;
      }
      const bool is_option = looks_like_option(word) && !only_arguments;
      if (auto mistake = is_option ? read_option(word) : read_argument(word)) return mistake;
    }
    return what_is_missing();
  }

 private:
  std::string take() {
    std::string word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }
  bool value_follows() const { return !words_.empty() && !looks_like_option(words_.front()); }

  Sentence read_argument(const std::string& word) {
    if (!free_arguments_.empty()) {
      values_[free_arguments_.front()] = word;
      free_arguments_.erase(free_arguments_.begin());
      return std::nullopt;
    }
    return cat(in_quotes(word), " is a word too many for `", usage_of(command_),
               "`; a value with blanks needs quotes around it.");
  }

  Sentence read_option(const std::string& word) {
    const auto equals = word.find('=');
    const CLI::Option* option = find_option(command_, word.substr(0, equals));
    if (option == nullptr) return unknown_option(command_, word.substr(0, equals));
    std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (is_flag(*option)) return read_flag(*option, value);
    if (value.empty()) {
      if (!value_follows()) return cat(name_of(*option), " needs a value: ", form_of(*option), ".");
      value = take();
    }
    const auto [entry, is_first] = values_.emplace(option, value);
    const bool takes_many = option->get_items_expected_max() > 1;
    if (!is_first && !takes_many) {
      return cat(name_of(*option), " is given twice, as ", in_quotes(entry->second), " and as ",
                 in_quotes(value), "; give it once.");
    }
    while (takes_many && value_follows()) take();
    return excluded(*option);
  }

  Sentence read_flag(const CLI::Option& option, const std::string& value) {
    values_.emplace(&option, value);
    if (value.empty() || value == "true" || value == "false") return excluded(option);
    return cat(name_of(option), " is given ", in_quotes(value),
               ", and takes no value; leave it out.");
  }

  Sentence excluded(const CLI::Option& option) const {
    for (const CLI::Option* other : option.get_excludes()) {
      if (!values_.contains(other)) continue;
      return cat(name_of(*other), " and ", name_of(option),
                 " exclude one another; give one of them.");
    }
    return std::nullopt;
  }

  Sentence what_is_missing() const {
    for (const CLI::Option* option : command_.get_options()) {
      if (!option->get_required() || values_.contains(option)) continue;
      return cat(form_of(*option), " is missing: `", usage_of(command_), "`.");
    }
    return std::nullopt;
  }

  const CLI::App& command_;
  Words words_;
  std::vector<const CLI::Option*> free_arguments_;
  std::map<const CLI::Option*, std::string> values_;
};

// --- The command

/// What other programs call a command of ours.
constexpr std::array kForeignCommands{
    base::ForeignName{"start", "serve"},   base::ForeignName{"run", "serve"},
    base::ForeignName{"get", "next"},      base::ForeignName{"incr", "next"},
    base::ForeignName{"list", "counters"}, base::ForeignName{"ls", "counters"},
    base::ForeignName{"create", "define"}, base::ForeignName{"set", "advance"},
    base::ForeignName{"del", "delete"},    base::ForeignName{"rm", "delete"},
    base::ForeignName{"remove", "delete"}, base::ForeignName{"drop", "delete"},
    base::ForeignName{"help", "--help"},   base::ForeignName{"version", "--version"},
};

/// "" for none.
std::string meant_command(const CLI::App& app, const std::string& name) {
  const std::string_view ours = base::our_name_for(name, kForeignCommands);
  if (!ours.empty()) return std::string(ours);
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  return base::nearest(name, known);
}

Sentence unknown_command(const CLI::App& app, const std::string& name) {
  const std::string meant = meant_command(app, name);
  return cat(in_quotes(name), " is no command; ",
             meant.empty() ? "`nextid --help` lists those that there are."
                           : cat("did you mean `nextid ", meant, "`?"));
}

/// The commands, the one that is among the words first.
std::vector<const CLI::App*> likely_commands(const CLI::App& app, Words words) {
  auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::stable_partition(commands.begin(), commands.end(), [&](const CLI::App* command) {
    return std::find(words.begin(), words.end(), command->get_name()) != words.end();
  });
  return commands;
}

/// `words` begins with an option, where only a command can stand.
Sentence option_before_command(const CLI::App& app, Words words) {
  const std::string name = words.front().substr(0, words.front().find('='));
  const auto commands = likely_commands(app, words);
  for (const CLI::App* command : commands) {
    if (const auto* option = find_option(*command, name)) {
      return cat(shown(name), " stands behind the command: `nextid ", command->get_name(), " ",
                 form_of(*option), "`.");
    }
  }
  for (const CLI::App* command : commands) {
    if (const auto* option = option_meant_by(*command, name)) {
      return cat(shown(name), " is no option of `nextid`; did you mean `nextid ",
                 command->get_name(), " ", form_of(*option), "`?");
    }
  }
  return cat(shown(name), " is no option of `nextid`; `nextid --help` shows what it takes.");
}

}  // namespace

std::optional<std::string> mistake_in(const CLI::App& app, std::span<const std::string> arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (looks_like_option(word)) {
      if (find_option(app, word) != nullptr) continue;
      return option_before_command(app, arguments.subspan(i));
    }
    for (const CLI::App* command : app.get_subcommands({})) {
      if (!command->check_name(word)) continue;
      return Reading(*command, arguments.subspan(i + 1)).first_mistake();
    }
    return unknown_command(app, word);
  }
  return "a command is missing, as in `nextid serve`; `nextid --help` lists those that there are.";
}

}  // namespace nextid::cli
