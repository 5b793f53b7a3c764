#include "store/etcd/scheme.h"

#include <memory>
#include <optional>
#include <string>

#include "base/cat.h"
#include "store/common/url_parameters.h"
#include "store/etcd/store.h"

namespace nextid::store {
namespace {

using base::cat;

Result<std::shared_ptr<contract::StoreDriver>> open_etcd_store(const std::string& rest,
                                                               const OpenOptions& options) {
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

}  // namespace

const Scheme kEtcdScheme{
    .open = &open_etcd_store,
    .never_making = &never_making_url,
    .missing = &missing_in_etcd,
    .end_recovery = &end_recovery_in_etcd,
};

}  // namespace nextid::store
