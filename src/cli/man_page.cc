#include "cli/man_page.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <vector>

#include "nextid/version.h"

#include "base/ascii.h"
#include "base/cat.h"
#include "base/wrapped.h"
#include "server/option_pages.h"
#include "server/options.h"

namespace nextid::cli {
namespace {

using base::cat;

// Of the source: mandoc(1) advises 80.
constexpr std::size_t kWidth = 78;

/// Text that stands for itself. A "-" is the one of options, which can be copied.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

/// A "." or "'" that begins a line would make it a request.
std::string as_line(const std::string& line) {
  return (line.starts_with('.') || line.starts_with('\'') ? "\\&" : "") + line + "\n";
}

std::string bold(std::string_view text) { return cat("\\fB", escaped(text), "\\fR"); }
std::string italic(std::string_view text) { return cat("\\fI", escaped(text), "\\fR"); }

/// "[TEXT](URL)" as "TEXT (URL)".
std::string without_links(std::string text) {
  for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](")) {
    const std::size_t begin = text.rfind('[', at);
    text.replace(at, 2, " (");
    text.erase(begin, 1);
  }
  return text;
}

/// A paragraph of Markdown, of which it may have `code` and links.
std::string paragraph(std::string_view markdown) {
  std::string text;
  bool is_code = false;
  for (const char c : without_links(std::string(markdown))) {
    if (c == '`') {
      text += is_code ? "\\fR" : "\\fB";
      is_code = !is_code;
    } else {
      text += is_code || c != '-' ? escaped({&c, 1}) : "-";
    }
  }
  std::string result;
  for (const std::string& line : base::wrapped(text, kWidth)) result += as_line(line);
  return result;
}

/// "--store URL": what is typed as it is, and what stands for something else.
std::string form(const std::string& words) {
  std::istringstream stream(words);
  std::string result;
  for (std::string word; stream >> word;) {
    const bool is_literal = word.starts_with('-') || base::to_lower(word) == word;
    result += cat(result.empty() ? "" : " ", is_literal ? bold(word) : italic(word));
  }
  return result;
}

std::string heading(const std::string& name) { return cat(".SH ", name, "\n"); }

std::string items(const std::string& name, const std::vector<Item>& list) {
  if (list.empty()) return "";
  std::string text = heading(name);
  for (const Item& item : list) {
    text += cat(".TP\n", as_line(form(item.form)), paragraph(item.help));
  }
  return text;
}

std::string verbatim(const std::string& lines) {
  std::string text = ".nf\n";
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) text += as_line(escaped(line));
  return text + ".fi\n";
}

std::string notes(const std::string& name, const std::vector<Note>& list) {
  if (list.empty()) return "";
  std::string text = heading(name);
  for (const Note& note : list) {
    text += &note == &list.front() ? "" : ".PP\n";
    text += note.is_verbatim ? verbatim(note.text) : paragraph(note.text);
  }
  return text;
}

/// "nextid-next" of "nextid next".
std::string page_name(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string top(const std::string& name, int section, const std::string& date,
                const std::string& summary) {
  std::string line = summary;
  // Not of "SQL".
  if (line.size() > 1 && std::islower(static_cast<unsigned char>(line[1])) != 0) {
    line.front() = base::to_lower(line.front());
  }
  // No hyphenation: names of options and variables would get hyphens.
  return cat(".TH ", escaped(base::to_upper(name)), " ", section, " ", date, " \"nextid ", kVersion,
             "\"\n.nh\n", heading("NAME"),
             base::wrapped_text(cat(escaped(name), " \\- ", escaped(line)), kWidth));
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string text = heading("SEE ALSO");
  for (const std::string& page : pages) {
    const std::size_t bracket = page.find('(');
    text += cat(".BR ", escaped(page.substr(0, bracket)), " ", page.substr(bracket),
                &page == &pages.back() ? "" : ",", "\n");
  }
  return text + ".PP\n" +
         paragraph("The files of docs/ that this page names are installed in share/doc/nextid.");
}

std::string environment(bool is_program) {
  std::string text =
      heading("ENVIRONMENT") + ".TP\n" + bold("NEXTID_") + italic("OPTION") + "\n" +
      paragraph(
          "The value of an option of `nextid serve` where no flag gives one: NEXTID_STORE is that "
          "of --store. The other commands read those of the options that they have. A variable "
          "that is no option is refused.") +
      ".TP\n" + bold("NEXTID_CONFIG") + "\n" +
      paragraph("A file of options, as --config. See nextid.toml(5).");
  if (!is_program) return text;
  return text + ".TP\n" + bold("NEXTID_TOKEN") + "\n" +
         paragraph("The token with which `nextid bench` asks a server.");
}

}  // namespace

std::string man_page(const CommandText& command, const std::string& date) {
  const bool is_program = command.name == "nextid";
  std::string text = top(page_name(command.name), 1, date, command.summary);
  text += heading("SYNOPSIS") + as_line(form(command.usage));
  text += notes("DESCRIPTION", command.notes);
  text += items(is_program ? "COMMANDS" : "ARGUMENTS", command.arguments);
  text += items("OPTIONS", command.options);
  if (is_program) {
    text += items("EXIT STATUS", exit_codes());
  } else {
    text += heading("EXIT STATUS") + paragraph("As nextid(1) says, unless this page does.");
  }
  text += environment(is_program) + notes("EXAMPLES", command.examples);
  if (!is_program) return text + see_also({"nextid(1)", "nextid.toml(5)"});
  std::vector<std::string> pages;
  for (const Item& each : command.arguments) pages.push_back(cat("nextid-", each.form, "(1)"));
  pages.emplace_back("nextid.toml(5)");
  return text + see_also(pages);
}

std::string config_man_page(const std::string& date) {
  std::string text = top("nextid.toml", 5, date, "Options of nextid, in a file");
  text += heading("DESCRIPTION");
  for (const std::string_view note : server::option_notes()) {
    text += cat(note == server::option_notes().front() ? "" : ".PP\n", paragraph(note));
  }
  text += heading("OPTIONS");
  for (const server::Option& option : server::options()) {
    text += cat(".TP\n", bold(server::default_line(option)), "\n", paragraph(option.full_help()));
  }
  text += heading("FILES") + ".TP\n" + italic("/etc/nextid/nextid.toml") + "\n" +
          paragraph("The file of the packaged service.");
  text += heading("EXAMPLES") +
          verbatim(
              "store = \"sqlite:/var/lib/nextid/ids.db\"\nhttp = \"0.0.0.0:8000\"\n"
              "tokens = \"/etc/nextid/tokens\"   # made by: nextid token\n");
  return text + see_also({"nextid(1)", "nextid-serve(1)"});
}

}  // namespace nextid::cli
