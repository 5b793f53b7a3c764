#include "cli/completion.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/cat.h"
#include "cli/command_text.h"
#include "cli/counter_names.h"
#include "cli/exit_code.h"
#include "cli/option_words.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "store/factory.h"

namespace nextid::cli {
namespace {

using base::cat;
using Words = std::span<const std::string>;

constexpr unsigned kLimitS = 1;

// --- What stands before the word that is completed

struct Place {
  const CLI::App* command = nullptr;
  bool is_lost = false;                         ///< There is no such command.
  const CLI::Option* awaits_value = nullptr;    ///< Of this option.
  bool only_arguments = false;                  ///< Behind "--".
  std::vector<const CLI::Option*> arguments{};  ///< Those that are still free.
  std::map<const CLI::Option*, std::string> given{};
};

void take_command(const CLI::App& app, const std::string& word, Place& place) {
  if (looks_like_option(word)) return;
  for (const CLI::App* command : commands_of(app)) {
    if (command->get_name() == word) place.command = command;
  }
  place.is_lost = place.command == nullptr;
  if (place.is_lost) return;
  for (const CLI::Option* option : place.command->get_options()) {
    if (option->get_positional()) place.arguments.push_back(option);
  }
}

void take_option(const std::string& word, Place& place) {
  const auto equals = word.find('=');
  const CLI::Option* option = find_option(*place.command, word.substr(0, equals));
  if (option == nullptr) return;
  place.given[option] = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (!is_flag(*option) && equals == std::string::npos) place.awaits_value = option;
}

void take_word(const CLI::App& app, const std::string& word, Place& place) {
  if (place.command == nullptr) return take_command(app, word, place);
  const bool is_option = looks_like_option(word) && !place.only_arguments;
  if (place.awaits_value != nullptr && !is_option) {
    place.given[place.awaits_value] = word;
    if (!takes_many(*place.awaits_value)) place.awaits_value = nullptr;
    return;
  }
  place.awaits_value = nullptr;
  if (word == "--" && !place.only_arguments) {
    place.only_arguments = true;
  } else if (is_option) {
    take_option(word, place);
  } else if (!place.arguments.empty()) {
    place.arguments.erase(place.arguments.begin());
  }
}

Place place_behind(const CLI::App& app, Words words) {
  Place place;
  for (const std::string& word : words) {
    if (!place.is_lost) take_word(app, word, place);
  }
  return place;
}

/// The options that say which store it is.
server::ConfigSources sources_of(const Place& place) {
  server::ConfigSources sources;
  sources.environment = environment();
  for (const auto& [option, value] : place.given) {
    const std::string name = name_of(*option).substr(2);
    const auto known = server::options();
    if (name == "config") {
      sources.file = value;
    } else if (std::any_of(known.begin(), known.end(),
                           [&](const auto& each) { return each.name == name; })) {
      sources.flags[name] = is_flag(*option) && value.empty() ? "true" : value;
    }
  }
  return sources;
}

// --- What it may become

struct Candidate {
  std::string word;
  std::string meaning = {};
};
using Candidates = std::vector<Candidate>;

/// What a shell would not take as it is, nobody calls a store.
bool is_plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 || std::string_view("._-+@").find(static_cast<char>(c)) != std::string::npos;
  });
}

/// The files beside a store's that are part of it.
bool is_side_file(std::string_view name) {
  return name.ends_with("-wal") || name.ends_with("-shm") || name.ends_with("-lock");
}

/// The files whose paths may follow "sqlite:".
void add_store_files(const std::string& scheme, const std::string& path, Candidates& candidates) {
  const std::size_t name_at = path.rfind('/') + 1;  // 0 where there is none.
  const std::string folder = path.substr(0, name_at);
  const bool hidden = path.substr(name_at).starts_with('.');
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, failure);
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    const std::string name = entry->path().filename();
    if (!is_plain(name) || is_side_file(name) || name.starts_with('.') != hidden) continue;
    std::error_code unknown;
    const bool is_folder = entry->is_directory(unknown);
    candidates.push_back({cat(scheme, folder, name, is_folder ? "/" : "")});
  }
}

void add_stores(const std::string& word, Candidates& candidates) {
  constexpr std::string_view kFileScheme = "sqlite:";
  if (word.starts_with(kFileScheme)) {
    return add_store_files(std::string(kFileScheme), word.substr(kFileScheme.size()), candidates);
  }
  for (std::string& start : store::url_starts()) candidates.push_back({std::move(start)});
}

Candidates values_of(const CLI::Option& option, const Place& place, const std::string& word) {
  Candidates candidates;
  for (std::string& offer : offered(option)) {
    if (offer == kOfferCounters) {
      for (std::string& name : counter_names(sources_of(place), word)) {
        candidates.push_back({std::move(name)});
      }
    } else if (offer == ":stores") {
      add_stores(word, candidates);
    } else {
      candidates.push_back({std::move(offer)});
    }
  }
  return candidates;
}

std::string first_sentence(const std::string& help) { return help.substr(0, help.find(". ")); }

Candidates options_of(const Place& place) {
  Candidates candidates;
  for (const CLI::Option* option : place.command->get_options()) {
    const auto excluded = option->get_excludes();
    const bool is_out = std::any_of(excluded.begin(), excluded.end(),
                                    [&](const auto* other) { return place.given.contains(other); });
    if (option->get_positional() || is_out || place.given.contains(option)) continue;
    candidates.push_back({name_of(*option), first_sentence(option->get_description())});
  }
  return candidates;
}

Candidates commands(const CLI::App& app, bool options) {
  if (options) return {{"--help"}, {"--version"}};
  Candidates candidates;
  for (const CLI::App* command : commands_of(app)) {
    candidates.push_back({command->get_name(), command->get_description()});
  }
  return candidates;
}

/// `taken`: how much of the word stays in front of each candidate.
Candidates candidates_at(const CLI::App& app, const Place& place, const std::string& word,
                         std::size_t& taken) {
  const bool is_option = word.starts_with('-') && !place.only_arguments;
  if (place.is_lost) return {};
  if (place.command == nullptr) return commands(app, is_option);
  const CLI::Option* option = place.awaits_value;
  if (is_option) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return options_of(place);
    option = find_option(*place.command, word.substr(0, equals));
    taken = equals + 1;
  } else if (option == nullptr && !place.arguments.empty()) {
    option = place.arguments.front();
  } else if (option == nullptr && word.empty() && !place.only_arguments) {
    return options_of(place);
  }
  if (option == nullptr) return {};
  // Of a list, the part behind the last comma.
  if (option->get_type_name() == "LIST") taken = std::max(taken, word.rfind(',') + 1);
  return values_of(*option, place, word.substr(taken));
}

std::string lines(const CLI::App& app, Words words) {
  const std::string word = words.empty() ? "" : words.back();
  const Place place = place_behind(app, words.first(words.empty() ? 0 : words.size() - 1));
  std::size_t taken = 0;
  const Candidates candidates = candidates_at(app, place, word, taken);
  std::string text;
  for (const Candidate& candidate : candidates) {
    const bool is_for_shell = candidate.word.starts_with(':');
    if (!is_for_shell && !candidate.word.starts_with(word.substr(taken))) continue;
    text += cat(is_for_shell ? "" : word.substr(0, taken), candidate.word,
                candidate.meaning.empty() ? "" : "\t", candidate.meaning, "\n");
  }
  return text;
}

}  // namespace

int complete(const CLI::App& app, std::span<const std::string> words) {
  // Whatever the store is waiting for.
  std::signal(SIGALRM, [](int) { ::_exit(kOk); });
  ::alarm(kLimitS);
  write_output(lines(app, words));
  return kOk;
}

}  // namespace nextid::cli
