#include "store/sqlite/url.h"

#include <cerrno>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include <boost/url/pct_string_view.hpp>

#include "base/cat.h"
#include "base/stray_text.h"

namespace nextid::store {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

std::string url_of(std::string_view rest) { return cat("'sqlite:", rest, "'"); }

/// What "//..." was meant for: a relative path where the slashes were a host's, either where there
/// are more of them.
std::string without_host(std::string_view path) {
  const auto first = path.find_first_not_of('/');
  if (first == std::string_view::npos) return "sqlite:PATH";
  const std::string plain(path.substr(first));
  if (first == 2) return "sqlite:" + plain;
  return cat("sqlite:/", plain, ", or sqlite:", plain, " below the working directory");
}

std::string without_scheme(std::string_view path) {
  path.remove_prefix(path.find(':') + 1);
  if (path.starts_with("//")) path.remove_prefix(2);
  return cat("sqlite:", path.empty() ? "PATH" : path);
}

std::string decoded(std::string_view path) {
  const auto encoded = boost::urls::make_pct_string_view(path);
  return encoded ? "sqlite:" + encoded->decode() : "a path without it";
}

Result<void> check_path(std::string_view rest, std::string_view path) {
  if (path.starts_with("//")) {
    return invalid(cat(url_of(rest), " has the slashes of a host, and a file has none; write ",
                       without_host(path)));
  }
  if (path.starts_with("file:")) {
    return invalid(cat(url_of(rest), " has two schemes; write ", without_scheme(path)));
  }
  if (path == ":memory:") {
    return invalid(url_of(rest) + " is not how a store in memory is written; write memory:");
  }
  if (path.find('%') != std::string_view::npos) {
    return invalid(cat(url_of(rest),
                       " has a percent sign, and a path is taken as it is written, not as in a web "
                       "address; write ",
                       decoded(path)));
  }
  if (path.find('#') != std::string_view::npos) {
    return invalid(url_of(rest) +
                   " has a '#', which begins no fragment here; choose a path without it");
  }
  if (path.empty()) return invalid("an SQLite store needs the path of a file: sqlite:PATH");
  if (const auto stray = base::stray_character(path)) {
    return invalid(cat("the path of the store is '", base::visible(path), "': ", *stray));
  }
  return {};
}

Result<void> set_parameters(SqliteSettings& settings, std::string_view rest,
                            std::string_view parameters) {
  if (parameters == "create=true" || parameters == "create=false") {
    settings.create = parameters == "create=true";
    return {};
  }
  return invalid(cat(url_of(rest), " says '?", parameters,
                     "', and an SQLite store takes nothing there but ?create=true or "
                     "?create=false; write sqlite:PATH, in a path without '?'"));
}

}  // namespace

Result<SqliteSettings> parse_sqlite_url(std::string_view rest, bool create) {
  const auto question = rest.find('?');
  const std::string_view path = rest.substr(0, question);
  if (const auto checked = check_path(rest, path); !checked) return checked.error();
  SqliteSettings settings{.path = std::string(path), .create = create};
  if (question != std::string_view::npos) {
    const auto set = set_parameters(settings, rest, rest.substr(question + 1));
    if (!set) return set.error();
  }
  return settings;
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

Result<void> require_sqlite_store(const std::string& path) {
  struct stat status {};
  const bool found = ::stat(path.c_str(), &status) == 0;
  if (!found && errno != ENOENT && errno != ENOTDIR) return {};
  if (found && !(S_ISREG(status.st_mode) && status.st_size == 0)) return {};
  const std::string place = absolute_path(path);
  return invalid(cat(
      "there is no store at ", place,
      ", and none is made with create=false, or by commands that only read; check the path, and "
      "that its disk is mounted, or make it once with: nextid define global --store 'sqlite:",
      place, "?create=true'"));
}

}  // namespace nextid::store
