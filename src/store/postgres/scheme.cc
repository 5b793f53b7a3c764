#include "store/postgres/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/postgres/opening.h"
#include "store/postgres/store.h"
#include "store/postgres/tables.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_postgres_store(const std::string& rest,
                                                                   const OpenOptions& options) {
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

}  // namespace

const Scheme kPostgresScheme{
    .open = &open_postgres_store,
    .never_making = &never_making_url,
    .missing = &missing_postgres,
    .schema = &postgres_schema,
    .end_recovery = &end_recovery_of_postgres,
};

}  // namespace nextid::store
