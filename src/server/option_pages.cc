#include "server/option_pages.h"

#include <array>

#include "base/cat.h"
#include "base/wrapped.h"

namespace nextid::server {
namespace {

using base::cat;

constexpr std::size_t kPageWidth = 95;
constexpr std::size_t kSampleWidth = 93;

constexpr std::array<std::string_view, 5> kNotes{
    "Each option is a flag (`--http 0.0.0.0:8000`), an environment variable "
    "(`NEXTID_HTTP=0.0.0.0:8000`) and a line of a file (`http = \"0.0.0.0:8000\"`), which "
    "`--config FILE` or `NEXTID_CONFIG` names. A flag wins over the environment, the environment "
    "over the file, the file over the default. A variable that is set but empty counts as not "
    "set, but an empty `NEXTID_STORE` is refused. An unknown key in the file, or a wrong value "
    "anywhere, ends the program with exit code 2 and a sentence that says where it stands. So "
    "does a control character, or a blank at either end, of any value, and an unknown variable "
    "`NEXTID_...`; those that Kubernetes makes for services called nextid or nextid-something "
    "are passed over.",
    "All other commands that use a store take it, `no-create-store`, `accept-copy` and "
    "`state-dir` from the same places.",
    "The file has lines `name = value`, and comments behind `#`. A value is text in quotes, a "
    "whole number, `true` or `false`; that of `allow-host` may be a list, `[\"a\", \"b\"]`. In "
    "text between `\"` and `\"` a `\\` begins an escape (`\\\"`, `\\\\`, `\\n`, `\\u00e9`), "
    "between `'` and `'` nothing does. Each such line is [TOML](https://toml.io) and means the "
    "same there; what else TOML has, such as sections and dates, is refused. `nextid manual "
    "nextid.toml` prints a file of all options to start from.",
    "Each default can be given, too: `none` for no file, directory or host (a file of that name "
    "is `./none`), `off` for no limit or address, and `--insecure=false` for a flag.",
    "Times are `500ms`, `5s`, `2m`, `1h`, `7d`, or a plain number of seconds. A flag without a "
    "value is `true` or `false` in the environment and the file."};

}  // namespace

std::span<const std::string_view> option_notes() { return kNotes; }

std::string options_markdown() {
  std::string page =
      "# Options of `nextid serve`\n\n`nextid manual options.md` writes this page.\n\n";
  for (const std::string_view note : kNotes) page += base::wrapped_text(note, kPageWidth) + "\n";
  page += "| flag | environment | default | meaning |\n|---|---|---|---|\n";
  for (const Option& option : options()) {
    page += cat("| `--", option.name, option.is_switch() ? "" : " ", option.value_name, "` | `",
                option.environment_name(), "` | `", option.default_text, "` | ", option.full_help(),
                " |\n");
  }
  return page;
}

std::string default_line(const Option& option) {
  const std::string_view quote = option.is_switch() || option.value_name == "N" ? "" : "\"";
  return cat(option.name, " = ", quote, option.default_text, quote);
}

std::string sample_config() {
  std::string file = base::wrapped_text(
      "Options of `nextid serve`: a file for --config FILE or NEXTID_CONFIG. Each line that begins "
      "with # and a name is an option with its default: to change it, remove the # and give "
      "another value. A NEXTID_* variable wins over the file, and a flag over both. The manual "
      "page nextid.toml(5) says more.",
      kSampleWidth, "# ");
  for (const Option& option : options()) {
    file += cat("\n", base::wrapped_text(option.full_help(), kSampleWidth, "# "), "#",
                default_line(option), "\n");
  }
  return file;
}

}  // namespace nextid::server
