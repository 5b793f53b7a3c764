// The URL of an SQLite store: sqlite:PATH?create=false
#pragma once

#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::store {

struct SqliteSettings {
  std::string path;
  bool create = true;  ///< Make the store when it is missing.
};

/// Parses what follows "sqlite:". A path is taken as it is written, so parts of other URLs are
/// refused, with what was probably meant: slashes of a host, "file:", ":memory:", '%', '#' and
/// unknown parameters. `create` holds where the URL does not say. kInvalid.
Result<SqliteSettings> parse_sqlite_url(std::string_view rest, bool create = true);

/// The path from the root, for messages; as it is given where there is no working directory.
std::string absolute_path(const std::string& path);

/// kInvalid where there is no store at the path, or an empty file; whatever else is wrong with it
/// is left for its opening to say. Makes nothing.
Result<void> require_sqlite_store(const std::string& path);

}  // namespace nextid::store
