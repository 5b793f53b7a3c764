#include "store/sqlite/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/opening.h"
#include "store/sqlite/store.h"
#include "store/sqlite/url.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_sqlite(const std::string& rest,
                                                           const OpenOptions& options) {
  const auto settings = parse_sqlite_url(rest, options.create);
  if (!settings) return settings.error();
  const bool create = settings->create && !options.is_known;
  if (!create) {
    if (const auto there = require_sqlite_store(settings->path); !there) return there.error();
  }
  auto store = SqliteStore::open(
      settings->path,
      {.create = create, .accept_copy = options.accept_copy, .accept_as_is = options.accept_as_is});
  if (store.has_error()) return store.error();
  return std::shared_ptr<contract::StoreDriver>(std::move(store.value()));
}

std::string show_sqlite(const std::string& rest) {
  const auto settings = parse_sqlite_url(rest);
  return "sqlite:" + (settings ? absolute_path(settings->path) : rest);
}

std::string sqlite_never_making(const std::string& rest) {
  const auto settings = parse_sqlite_url(rest);
  return settings ? settings->path + "?create=false" : rest;
}

std::optional<LocalFile> sqlite_file(const std::string& rest) {
  const auto settings = parse_sqlite_url(rest);
  if (!settings) return std::nullopt;
  return LocalFile{settings->path, absolute_path(settings->path)};
}

std::optional<MissingStore> missing_sqlite(const std::string& rest, bool create) {
  const auto settings = parse_sqlite_url(rest, create);
  if (!settings) return std::nullopt;
  const auto there = require_sqlite_store(settings->path);
  if (there) return std::nullopt;
  MissingStore missing{cat("'", absolute_path(settings->path), "'"), {}};
  if (!settings->create) {
    missing.obstacle = there.error().what();
    return missing;
  }
  try {
    refuse_remains(settings->path);
  } catch (const SqliteFailure& failure) {
    missing.obstacle = error_of(failure).what();
  }
  return missing;
}

/// Calls something of the SQLite store that throws.
template <typename Call>
auto as_result(Call call) -> Result<decltype(call())> {
  try {
    return call();
  } catch (const SqliteFailure& failure) {
    return error_of(failure);
  }
}

Result<BackupContents> back_up_file(const std::string& rest, const std::string& file, bool force) {
  const auto settings = parse_sqlite_url(rest);
  if (!settings) return settings.error();
  return as_result([&] { return back_up_sqlite(settings->path, file, force); });
}

Result<BackupContents> restore_file(const std::string& file, const std::string& rest, bool force) {
  const auto settings = parse_sqlite_url(rest);
  if (!settings) return settings.error();
  return as_result([&] { return restore_sqlite(file, settings->path, force); });
}

Result<void> end_recovery_of_file(const std::string& rest, std::uint64_t skip_for_new) {
  const auto settings = parse_sqlite_url(rest);
  if (!settings) return settings.error();
  try {
    end_sqlite_recovery(settings->path, skip_for_new);
    return {};
  } catch (const SqliteFailure& failure) {
    return error_of(failure);
  }
}

}  // namespace

const Scheme kSqliteScheme{
    .open = &open_sqlite,
    .never_making = &sqlite_never_making,
    .show = &show_sqlite,
    .missing = &missing_sqlite,
    .end_recovery = &end_recovery_of_file,
    .local_file = &sqlite_file,
    .back_up = &back_up_file,
    .restore = &restore_file,
};

}  // namespace nextid::store
