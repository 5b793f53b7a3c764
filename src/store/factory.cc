#include "store/factory.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/cat.h"
#include "base/stray_text.h"
#include "store/backup.h"
#include "store/common/url_password.h"
#ifdef NEXTID_DYNAMODB
#include "store/dynamodb/store.h"
#endif
#ifdef NEXTID_ETCD
#include "store/etcd/store.h"
#endif
#include "store/memory/store.h"
#ifdef NEXTID_MYSQL
#include "store/mysql/schema.h"
#include "store/mysql/store.h"
#include "store/mysql/url.h"
#endif
#ifdef NEXTID_POSTGRES
#include "store/postgres/opening.h"
#include "store/postgres/store.h"
#include "store/postgres/tables.h"
#endif
#include "store/sqlite/backup.h"
#include "store/sqlite/opening.h"
#include "store/sqlite/store.h"
#include "store/sqlite/url.h"

namespace nextid::store {
namespace {

using base::cat;

using Opened = Result<std::shared_ptr<contract::StoreDriver>>;

Opened open_memory(const std::string& rest, const OpenOptions&) {
  if (!rest.empty()) {
    return Error(ErrorCode::kInvalid, cat("'", hide_password("memory:" + rest),
                                          "' is no store: nothing follows memory:"));
  }
  return std::shared_ptr<contract::StoreDriver>(std::make_shared<MemoryStore>());
}

std::string show_memory(const std::string&) { return "in memory"; }

Opened open_sqlite(const std::string& rest, const OpenOptions& options) {
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

#ifdef NEXTID_DYNAMODB
Opened open_dynamodb(const std::string& rest, const OpenOptions& options) {
  auto settings = parse_dynamodb_url(rest, options.create);
  if (!settings) return settings.error();
  settings->is_known = options.is_known;
  auto store = DynamodbStore::open(*settings, options.log);
  if (!store) return store.error();
  return std::shared_ptr<contract::StoreDriver>(*std::move(store));
}

std::optional<MissingStore> missing_table(const std::string& rest, bool create) {
  const auto settings = parse_dynamodb_url(rest, create);
  // Where none is made, opening says it, and how to make one.
  if (!settings || !settings->create || !DynamodbStore::is_missing(*settings)) return std::nullopt;
  return MissingStore{cat("table '", settings->table, "'"), {}};
}
#endif

#ifdef NEXTID_MYSQL
Opened open_mysql(const std::string& rest, const OpenOptions& options) {
  auto settings = parse_mysql_url(rest, options.create);
  if (!settings) return settings.error();
  settings->is_known = options.is_known;
  settings->accept_copy = options.accept_copy;
  settings->accept_as_is = options.accept_as_is;
  auto store = MysqlStore::open(*std::move(settings), options.log);
  if (!store) return store.error();
  return std::shared_ptr<contract::StoreDriver>(*std::move(store));
}

std::optional<MissingStore> missing_mysql(const std::string& rest, bool create) {
  const auto settings = parse_mysql_url(rest, create);
  // Where none is made, opening says it, and how to make one.
  if (!settings || !settings->create || !MysqlStore::is_missing(*settings)) return std::nullopt;
  return MissingStore{cat("the store ", settings->url), {}};
}

Result<std::string> mysql_schema_of(const std::string& rest) {
  const auto settings = parse_mysql_url(rest);
  if (!settings) return settings.error();
  return mysql_schema_for_people(*settings);
}

Result<void> end_recovery_of_mysql(const std::string& rest, std::uint64_t skip_for_new) {
  const auto settings = parse_mysql_url(rest);
  if (!settings) return settings.error();
  return MysqlStore::end_recovery(*settings, skip_for_new);
}
#endif

#ifdef NEXTID_POSTGRES
Opened open_postgres_store(const std::string& rest, const OpenOptions& options) {
  auto settings = parse_postgres_url(rest, options.create);
  if (!settings) return settings.error();
  settings->is_known = options.is_known;
  settings->accept_copy = options.accept_copy;
  settings->accept_as_is = options.accept_as_is;
  auto store = PostgresStore::open(*settings, options.log);
  if (!store) return store.error();
  return std::shared_ptr<contract::StoreDriver>(*std::move(store));
}

std::optional<MissingStore> missing_postgres(const std::string& rest, bool create) {
  const auto settings = parse_postgres_url(rest, create);
  // Where none is made, opening says it, and how to make one.
  if (!settings || !settings->create || !postgres_is_missing(*settings)) return std::nullopt;
  return MissingStore{cat("the store ", settings->url), {}};
}

Result<std::string> postgres_schema(const std::string& rest) {
  const auto settings = parse_postgres_url(rest);
  if (!settings) return settings.error();
  return schema_script(PostgresTables(settings->schema.empty() ? "public" : settings->schema),
                       settings->user.empty() ? "nextid" : quoted_name(settings->user));
}

Result<void> end_recovery_of_postgres(const std::string& rest, std::uint64_t skip_for_new) {
  const auto settings = parse_postgres_url(rest);
  if (!settings) return settings.error();
  return end_postgres_recovery(*settings, skip_for_new);
}
#endif

#ifdef NEXTID_ETCD
Opened open_etcd_store(const std::string& rest, const OpenOptions& options) {
  auto settings = parse_etcd_url(rest, options.create);
  if (!settings) return settings.error();
  settings->is_known = options.is_known;
  auto store = EtcdStore::open(
      *settings, {.accept_copy = options.accept_copy, .accept_as_is = options.accept_as_is},
      options.log);
  if (!store) return store.error();
  return std::shared_ptr<contract::StoreDriver>(*std::move(store));
}

std::optional<MissingStore> missing_in_etcd(const std::string& rest, bool create) {
  const auto settings = parse_etcd_url(rest, create);
  // Where none is made, opening says it.
  if (!settings || !settings->create || !is_etcd_store_missing(*settings)) return std::nullopt;
  return MissingStore{cat("the store '", settings->prefix, "' in etcd"), {}};
}

Result<void> end_recovery_in_etcd(const std::string& rest, std::uint64_t skip_for_new) {
  const auto settings = parse_etcd_url(rest);
  if (!settings) return settings.error();
  return end_etcd_recovery(*settings, skip_for_new);
}
#endif

/// The URL of a store on a network: its parameters but for create, and create=false.
std::string network_never_making(const std::string& rest) {
  const auto question = rest.find('?');
  std::string result = rest.substr(0, question);
  char separator = '?';
  const auto add = [&](std::string_view parameter) {
    result.append(1, separator).append(parameter);
    separator = '&';
  };
  for (auto at = question; at != std::string::npos;) {
    const auto next = rest.find('&', at + 1);
    const std::string_view parameter =
        std::string_view(rest).substr(at + 1, next == std::string::npos ? next : next - at - 1);
    if (parameter != "create=true" && parameter != "create=false") add(parameter);
    at = next;
  }
  add("create=false");
  return result;
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

/// All that is known of a kind of store here. A kind that this build leaves out has no functions.
/// `rest` is the part of a URL after "NAME:". A kind of
/// store leaves out the functions that it has no use for.
struct Scheme {
  std::string_view name;
  std::string_view form;  ///< Of its URLs.
  std::string_view use;   ///< Behind the form, in the help of --store.
  /// What this build lacks if it has no `open`, and the option that adds it: "DynamoDB".
  std::string_view product = {};
  std::string_view build_option = {};
  Traits traits = {};
  /// See never_making(); left out where opening never makes anything that lasts.
  std::string (*never_making)(const std::string& rest) = nullptr;
  Opened (*open)(const std::string& rest, const OpenOptions& options) = nullptr;
  /// See shown_url(); left out if the URL without its password will do.
  std::string (*show)(const std::string& rest) = nullptr;
  /// See missing_store(); left out where a store is never missing.
  std::optional<MissingStore> (*missing)(const std::string& rest, bool create) = nullptr;
  /// Where its own backups are told of.
  std::string_view document = {};
  /// See schema_of(); left out where there is none to show.
  Result<std::string> (*schema)(const std::string& rest) = nullptr;
  // Only for a store with a file of its own.
  std::optional<LocalFile> (*local_file)(const std::string& rest) = nullptr;
  Result<BackupContents> (*back_up)(const std::string& rest, const std::string& file,
                                    bool force) = nullptr;
  Result<BackupContents> (*restore)(const std::string& file, const std::string& rest,
                                    bool force) = nullptr;
  Result<void> (*end_recovery)(const std::string& rest, std::uint64_t skip_for_new) = nullptr;
};

/// In the order in which people see them.
constexpr std::array kSchemes{
    Scheme{.name = "sqlite",
           .form = "sqlite:PATH",
           .use = "for a file",
           .never_making = &sqlite_never_making,
           .open = &open_sqlite,
           .show = &show_sqlite,
           .missing = &missing_sqlite,
           .local_file = &sqlite_file,
           .back_up = &back_up_file,
           .restore = &restore_file,
           .end_recovery = &end_recovery_of_file},
    Scheme{.name = "dynamodb",
           .form = "dynamodb://TABLE",
           .use = "for a table that many machines share (docs/dynamodb.md)",
           .product = "DynamoDB",
           .build_option = "NEXTID_DYNAMODB",
           .traits = {.lists_by_reading_all = true},
           .never_making = &network_never_making,
#ifdef NEXTID_DYNAMODB
           .open = &open_dynamodb,
           .missing = &missing_table,
#endif
           .document = "docs/dynamodb.md"},
    Scheme{.name = "postgres",
           .form = "postgres://USER@HOST/DATABASE",
           .use = "for tables in PostgreSQL (docs/postgres.md)",
           .product = "PostgreSQL",
           .build_option = "NEXTID_POSTGRES",
           .never_making = &network_never_making,
#ifdef NEXTID_POSTGRES
           .open = &open_postgres_store,
           .missing = &missing_postgres,
#endif
           .document = "docs/postgres.md",
#ifdef NEXTID_POSTGRES
           .schema = &postgres_schema,
           .end_recovery = &end_recovery_of_postgres
#endif
    },
    Scheme{.name = "mysql",
           .form = "mysql://USER@HOST/DATABASE",
           .use = "for tables in MySQL or MariaDB (docs/mysql.md)",
           .product = "MySQL",
           .build_option = "NEXTID_MYSQL",
           .never_making = &network_never_making,
#ifdef NEXTID_MYSQL
           .open = &open_mysql,
           .missing = &missing_mysql,
#endif
           .document = "docs/mysql.md",
#ifdef NEXTID_MYSQL
           .schema = &mysql_schema_of,
           .end_recovery = &end_recovery_of_mysql
#endif
    },
    Scheme{.name = "etcd",
           .form = "etcd://HOST:PORT/PREFIX",
           .use = "for keys that many machines share (docs/etcd.md)",
           .product = "etcd",
           .build_option = "NEXTID_ETCD",
           .never_making = &network_never_making,
#ifdef NEXTID_ETCD
           .open = &open_etcd_store,
           .missing = &missing_in_etcd,
#endif
           .document = "docs/etcd.md",
#ifdef NEXTID_ETCD
           .end_recovery = &end_recovery_in_etcd
#endif
    },
    Scheme{.name = "memory",
           .form = "memory:",
           .use = "for tests",
           .traits = {.forgets = true},
           .open = &open_memory,
           .show = &show_memory},
};

struct Chosen {
  const Scheme* scheme;
  std::string rest;
};

const Scheme* scheme_of(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const auto* const found =
      std::find_if(kSchemes.begin(), kSchemes.end(),
                   [&](const Scheme& scheme) { return url.substr(0, colon) == scheme.name; });
  return found == kSchemes.end() ? nullptr : found;
}

bool is_file(const Scheme* scheme) { return scheme != nullptr && scheme->local_file != nullptr; }

Result<Chosen> choose(std::string_view url) {
  const Scheme* const scheme = scheme_of(url);
  const auto invalid = [url](const auto&... parts) {
    return Error(ErrorCode::kInvalid,
                 cat("'", base::visible(without_password(url)), "' ", parts...));
  };
  if (const auto stray = base::stray_character(url)) return invalid("names no store: ", *stray);
  if (scheme == nullptr) {
    std::string known;
    for (const Scheme& each : kSchemes) {
      known.append(known.empty() ? "" : " or ").append(each.form);
    }
    return invalid("names no store; use ", known);
  }
  if (!is_file(scheme) && has_unclear_password(url)) {
    return invalid(
        "is shown without what seems to be a password, which has a character that ends it: in a "
        "user and password write %40 for '@', %3A for ':', %2F for '/', %3F for '?', %23 for '#' "
        "and %25 for '%'");
  }
  return Chosen{scheme, std::string(url.substr(scheme->name.size() + 1))};
}

Error has_no_files(std::string_view url, const Scheme& scheme) {
  const std::string document =
      scheme.document.empty() ? std::string() : cat(" (", scheme.document, ")");
  return Error(ErrorCode::kInvalid, cat("the store ", shown_url(url),
                                        " has no files to copy; use its own backups", document));
}

}  // namespace

Opened open_driver(std::string_view url, const OpenOptions& options) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  const Scheme& scheme = *chosen->scheme;
  if (scheme.open == nullptr) {
    return Error(ErrorCode::kInvalid,
                 cat("'", shown_url(url), "' can't be opened: this build of nextid has no ",
                     scheme.product, "; build it with ", scheme.build_option, "=ON"));
  }
  return scheme.open(chosen->rest, options);
}

Result<BackupContents> back_up(std::string_view url, const std::string& file, bool force) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme->back_up == nullptr) return has_no_files(url, *chosen->scheme);
  return chosen->scheme->back_up(chosen->rest, file, force);
}

Result<BackupContents> restore(const std::string& file, std::string_view url, bool force) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme->restore == nullptr) return has_no_files(url, *chosen->scheme);
  return chosen->scheme->restore(file, chosen->rest, force);
}

Result<BackupContents> read_backup(const std::string& file) {
  return as_result([&] { return read_sqlite_backup(file); });
}

Result<void> end_recovery(std::string_view url, std::uint64_t skip_for_new) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme->end_recovery == nullptr) return {};
  return chosen->scheme->end_recovery(chosen->rest, skip_for_new);
}

Result<std::string> schema_of(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme->schema == nullptr) {
    return Error(ErrorCode::kInvalid,
                 cat("the store ", shown_url(url), " has no tables that you could make yourself"));
  }
  return chosen->scheme->schema(chosen->rest);
}

std::string never_making(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme->never_making == nullptr) return std::string(url);
  return cat(chosen->scheme->name, ":", chosen->scheme->never_making(chosen->rest));
}

std::string without_password(std::string_view url) {
  return is_file(scheme_of(url)) ? std::string(url) : hide_password(url);
}

std::string shown_url(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme->show == nullptr) return base::visible(without_password(url));
  return chosen->scheme->show(chosen->rest);
}

std::string url_forms() {
  std::string forms;
  for (const Scheme& scheme : kSchemes) {
    forms.append(forms.empty() ? "" : "; ").append(scheme.form).append(" ").append(scheme.use);
  }
  return forms;
}

Traits traits_of(std::string_view url) {
  const auto chosen = choose(url);
  return chosen ? chosen->scheme->traits : Traits();
}

std::optional<LocalFile> local_file(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme->local_file == nullptr) return std::nullopt;
  return chosen->scheme->local_file(chosen->rest);
}

std::optional<MissingStore> missing_store(std::string_view url, bool create) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme->missing == nullptr) return std::nullopt;
  return chosen->scheme->missing(chosen->rest, create);
}

}  // namespace nextid::store
