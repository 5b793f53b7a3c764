#include "store/factory.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/cat.h"
#include "base/stray_text.h"
#include "store/backup.h"
#include "store/common/url_password.h"
#ifdef NEXTID_DYNAMODB
#include "store/dynamodb/scheme.h"
#endif
#ifdef NEXTID_ETCD
#include "store/etcd/scheme.h"
#endif
#include "store/memory/scheme.h"
#ifdef NEXTID_MYSQL
#include "store/mysql/scheme.h"
#endif
#ifdef NEXTID_POSTGRES
#include "store/postgres/scheme.h"
#endif
#include "store/sqlite/backup.h"
#include "store/sqlite/database.h"
#include "store/sqlite/scheme.h"

namespace nextid::store {
namespace {

using base::cat;

/// All that is known of a kind of store here.
struct Kind {
  std::string_view name;
  std::string_view form;  ///< Of its URLs.
  std::string_view use;   ///< Behind the form, in the help of --store.
  /// What a build lacks that leaves it out, and the option that adds it: "DynamoDB".
  std::string_view product = {};
  std::string_view build_option = {};
  /// Where its own backups are told of.
  std::string_view document = {};
  Traits traits = {};
  const Scheme* scheme = nullptr;  ///< Null: this build leaves it out.
};

/// In the order in which people see them.
constexpr std::array kKinds{
    Kind{.name = "sqlite", .form = "sqlite:PATH", .use = "for a file", .scheme = &kSqliteScheme},
    Kind{
        .name = "postgres",
        .form = "postgres://USER@HOST/DATABASE",
        .use = "for tables in PostgreSQL (docs/postgres.md)",
        .product = "PostgreSQL",
        .build_option = "NEXTID_POSTGRES",
        .document = "docs/postgres.md",
#ifdef NEXTID_POSTGRES
        .scheme = &kPostgresScheme,
#endif
    },
    Kind{
        .name = "mysql",
        .form = "mysql://USER@HOST/DATABASE",
        .use = "for tables in MySQL or MariaDB (docs/mysql.md)",
        .product = "MySQL",
        .build_option = "NEXTID_MYSQL",
        .document = "docs/mysql.md",
#ifdef NEXTID_MYSQL
        .scheme = &kMysqlScheme,
#endif
    },
    Kind{
        .name = "etcd",
        .form = "etcd://HOST:PORT/PREFIX",
        .use = "for keys in etcd (docs/etcd.md)",
        .product = "etcd",
        .build_option = "NEXTID_ETCD",
        .document = "docs/etcd.md",
#ifdef NEXTID_ETCD
        .scheme = &kEtcdScheme,
#endif
    },
    Kind{
        .name = "dynamodb",
        .form = "dynamodb://TABLE",
        .use = "for a table in DynamoDB (docs/dynamodb.md)",
        .product = "DynamoDB",
        .build_option = "NEXTID_DYNAMODB",
        .document = "docs/dynamodb.md",
        .traits = {.lists_by_reading_all = true},
#ifdef NEXTID_DYNAMODB
        .scheme = &kDynamodbScheme,
#endif
    },
    Kind{.name = "memory",
         .form = "memory:",
         .use = "for tests",
         .traits = {.forgets = true},
         .scheme = &kMemoryScheme},
};

/// Null for a URL of no kind.
const Kind* kind_of(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) {
    return url.substr(0, colon) == kind.name;
  });
  return found == kKinds.end() ? nullptr : found;
}

/// Those of a kind that this build leaves out can do nothing.
const Scheme& scheme_of(const Kind& kind) {
  static constexpr Scheme kNothing;
  return kind.scheme == nullptr ? kNothing : *kind.scheme;
}

bool is_file(const Kind* kind) { return kind != nullptr && scheme_of(*kind).local_file != nullptr; }

/// A URL taken apart.
struct Chosen {
  const Kind& kind;
  const Scheme& scheme;
  std::string rest;
};

Result<Chosen> choose(std::string_view url) {
  const Kind* const kind = kind_of(url);
  const auto invalid = [url](const auto&... parts) {
    return Error(ErrorCode::kInvalid,
                 cat("'", base::visible(without_password(url)), "' ", parts...));
  };
  if (const auto stray = base::stray_character(url)) return invalid("names no store: ", *stray);
  if (kind == nullptr) {
    std::string known;
    for (const Kind& each : kKinds) {
      known.append(known.empty() ? "" : " or ").append(each.form);
    }
    return invalid("names no store; use ", known);
  }
  if (!is_file(kind) && has_unclear_password(url)) {
    return invalid(
        "is shown without what seems to be a password, which has a character that ends it: in a "
        "user and password write %40 for '@', %3A for ':', %2F for '/', %3F for '?', %23 for '#' "
        "and %25 for '%'");
  }
  return Chosen{*kind, scheme_of(*kind), std::string(url.substr(kind->name.size() + 1))};
}

Error has_no_files(std::string_view url, const Kind& kind) {
  const std::string document =
      kind.document.empty() ? std::string() : cat(" (", kind.document, ")");
  return Error(ErrorCode::kInvalid, cat("the store ", shown_url(url),
                                        " has no files to copy; use its own backups", document));
}

}  // namespace

Result<std::shared_ptr<contract::StoreDriver>> open_driver(std::string_view url,
                                                           const OpenOptions& options) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  const Kind& kind = chosen->kind;
  if (kind.scheme == nullptr) {
    return Error(ErrorCode::kInvalid,
                 cat("'", shown_url(url), "' can't be opened: this build of nextid has no ",
                     kind.product, "; build it with ", kind.build_option, "=ON"));
  }
  return chosen->scheme.open(chosen->rest, options);
}

Result<BackupContents> back_up(std::string_view url, const std::string& file, bool force) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme.back_up == nullptr) return has_no_files(url, chosen->kind);
  return chosen->scheme.back_up(chosen->rest, file, force);
}

Result<BackupContents> restore(const std::string& file, std::string_view url, bool force) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme.restore == nullptr) return has_no_files(url, chosen->kind);
  return chosen->scheme.restore(file, chosen->rest, force);
}

Result<BackupContents> read_backup(const std::string& file) {
  try {
    return read_sqlite_backup(file);
  } catch (const SqliteFailure& failure) {
    return error_of(failure);
  }
}

Result<void> end_recovery(std::string_view url, std::uint64_t skip_for_new) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme.end_recovery == nullptr) return {};
  return chosen->scheme.end_recovery(chosen->rest, skip_for_new);
}

Result<std::string> schema_of(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen) return chosen.error();
  if (chosen->scheme.schema == nullptr) {
    return Error(ErrorCode::kInvalid,
                 cat("the store ", shown_url(url), " has no tables that you could make yourself"));
  }
  return chosen->scheme.schema(chosen->rest);
}

std::string never_making(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme.never_making == nullptr) return std::string(url);
  return cat(chosen->kind.name, ":", chosen->scheme.never_making(chosen->rest));
}

std::string without_password(std::string_view url) {
  return is_file(kind_of(url)) ? std::string(url) : hide_password(url);
}

std::string shown_url(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme.show == nullptr) return base::visible(without_password(url));
  return chosen->scheme.show(chosen->rest);
}

std::string url_forms() {
  std::string forms;
  for (const Kind& kind : kKinds) {
    forms.append(forms.empty() ? "" : "; ").append(kind.form).append(" ").append(kind.use);
  }
  return forms;
}

std::vector<std::string> url_starts() {
  std::vector<std::string> starts;
  for (const Kind& kind : kKinds) {
    // The rest of a form is in capitals: "etcd://HOST:PORT/PREFIX".
    starts.emplace_back(kind.form.substr(0, kind.form.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ")));
  }
  return starts;
}

std::string store_names() {
  std::string names;
  for (const Kind& kind : kKinds) {
    if (kind.scheme != nullptr) names.append(names.empty() ? "" : ", ").append(kind.name);
  }
  return names;
}

Traits traits_of(std::string_view url) {
  const auto chosen = choose(url);
  return chosen ? chosen->kind.traits : Traits();
}

std::optional<LocalFile> local_file(std::string_view url) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme.local_file == nullptr) return std::nullopt;
  return chosen->scheme.local_file(chosen->rest);
}

std::optional<MissingStore> missing_store(std::string_view url, bool create) {
  const auto chosen = choose(url);
  if (!chosen || chosen->scheme.missing == nullptr) return std::nullopt;
  return chosen->scheme.missing(chosen->rest, create);
}

}  // namespace nextid::store
