#include "cli/value_options.h"

#include <CLI/CLI.hpp>

#include "nextid/counter.h"

#include "base/cat.h"
#include "base/stray_text.h"
#include "base/whole_number.h"
#include "cli/option_words.h"

namespace nextid::cli {
namespace {

using base::cat;

CLI::Option* add(CLI::App& command, const std::string& option, const std::string& type,
                 const std::function<void(const std::string&)>& take, const std::string& help) {
  auto* added = command.add_option_function<std::string>(option, take, help);
  // Of an argument, the help would show it as an addition to its name.
  added->type_name(option.starts_with("--") ? type : "");
  return added;
}

}  // namespace

CLI::Option* add_number(CLI::App& command, const std::string& option, NumberRange range,
                        const std::function<void(std::uint64_t)>& take, const std::string& help) {
  const auto set = [option, range, take](const std::string& text) {
    const auto number = base::whole_number(text, range.min, range.max);
    if (!number) {
      refuse_value(option, text,
                   cat("it must be a whole number from ", range.min, " to ", range.max));
    }
    take(*number);
  };
  return add(command, option, "N", set, help);
}

CLI::Option* add_name(CLI::App& command, const std::string& option, std::string& name,
                      const std::string& help) {
  const auto set = [option, &name](const std::string& text) {
    if (!is_counter_name(text)) {
      refuse_value(option, text,
                   "it must be a name of 1 to 128 of A-Z a-z 0-9 . _ : -, beginning with a "
                   "letter, a digit or '_'");
    }
    name = text;
  };
  auto* added = add(command, option, "NAME", set, name.empty() ? help : cat(help, " [", name, "]"));
  offer(*added, kOfferCounters);
  return added;
}

void refuse_value(const std::string& option, const std::string& text, const std::string& reason) {
  throw CLI::ConversionError(cat(option, " is '", base::visible(text), "': ", reason, "."));
}

}  // namespace nextid::cli
