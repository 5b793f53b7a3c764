#include "cli/option_words.h"

#include <array>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/cat.h"

namespace nextid::cli {
namespace {

using base::cat;

/// What a value of each name is.
struct ValueKind {
  std::string_view name;
  std::string_view offers;
};
constexpr std::array kValueKinds{
    ValueKind{"FILE", ":files"},
    ValueKind{"DIR", ":directories"},
    ValueKind{"URL", ":stores"},
};

}  // namespace

std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name() : "--" + option.get_lnames().front();
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

bool takes_many(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

std::string form_of(const CLI::Option& option) {
  const bool has_value = !option.get_positional() && !is_flag(option);
  return name_of(option) + (has_value ? " " + option.get_type_name() : "");
}

std::string usage_of(const CLI::App& command) {
  std::string usage = "nextid " + command.get_name();
  for (const CLI::Option* option : command.get_options()) {
    const std::string form = form_of(*option);
    if (option->get_required()) {
      usage += " " + form;
    } else if (option->get_positional()) {
      usage += cat(" [", form, "]");
    }
  }
  return usage;
}

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  for (const CLI::Option* option : command.get_options()) {
    const bool is_long = name.starts_with("--");
    if (is_long ? option->check_lname(name.substr(2)) : option->check_sname(name.substr(1))) {
      return option;
    }
  }
  return nullptr;
}

bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word.front() == '-' && (word[1] < '0' || word[1] > '9');
}

// The parser keeps a text of each option for a help that it would write: ours has no use for it.
void offer(CLI::Option& option, std::string_view words) { option.option_text(std::string(words)); }

std::vector<std::string> offered(const CLI::Option& option) {
  std::vector<std::string> result;
  std::istringstream words(option.get_option_text());
  for (std::string word; words >> word;) result.push_back(word);
  const std::string value =
      option.get_positional() ? option.get_name() : std::string(option.get_type_name());
  for (const ValueKind& kind : kValueKinds) {
    if (value == kind.name) result.emplace_back(kind.offers);
  }
  return result;
}

}  // namespace nextid::cli
