#include "store/mysql/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/mysql/schema.h"
#include "store/mysql/store.h"
#include "store/mysql/url.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_mysql(const std::string& rest,
                                                          const OpenOptions& options) {
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

}  // namespace

const Scheme kMysqlScheme{
    .open = &open_mysql,
    .never_making = &never_making_url,
    .missing = &missing_mysql,
    .schema = &mysql_schema_of,
    .end_recovery = &end_recovery_of_mysql,
};

}  // namespace nextid::store
