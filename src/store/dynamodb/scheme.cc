#include "store/dynamodb/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/dynamodb/store.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_dynamodb(const std::string& rest,
                                                             const OpenOptions& options) {
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

}  // namespace

const Scheme kDynamodbScheme{
    .open = &open_dynamodb,
    .never_making = &never_making_url,
    .missing = &missing_table,
};

}  // namespace nextid::store
