#include "store/factory.h"

#include <array>
#include <string>

#include "store/dynamodb_store.h"
#include "store/memory_store.h"
#include "store/sqlite_store.h"

namespace nextid::store {
namespace {

using Opened = Result<std::shared_ptr<contract::StoreDriver>>;

Opened open_memory(const std::string& rest, const OpenOptions&) {
  if (!rest.empty()) {
    return Error(ErrorCode::kInvalid, "'memory:" + rest + "' is no store: nothing follows memory:");
  }
  return std::shared_ptr<contract::StoreDriver>(std::make_shared<MemoryStore>());
}

Opened open_sqlite(const std::string& rest, const OpenOptions& options) {
  auto store = SqliteStore::open(rest, {.create = options.create,
                                        .accept_copy = options.accept_copy,
                                        .accept_as_is = options.accept_as_is});
  if (store.has_error()) return store.error();
  return std::shared_ptr<contract::StoreDriver>(std::move(store.value()));
}

Opened open_dynamodb(const std::string& rest, const OpenOptions& options) {
  auto settings = parse_dynamodb_url(rest);
  if (!settings) return settings.error();
  auto store = DynamodbStore::open(*settings, options.log);
  if (!store) return store.error();
  return std::shared_ptr<contract::StoreDriver>(*std::move(store));
}

struct Scheme {
  std::string_view name;
  std::string_view form;
  Opened (*open)(const std::string& rest, const OpenOptions& options);
};

constexpr std::array<Scheme, 3> kSchemes{{
    {"memory", "memory:", &open_memory},
    {"sqlite", "sqlite:PATH", &open_sqlite},
    {"dynamodb", "dynamodb://TABLE", &open_dynamodb},
}};

}  // namespace

Opened open_driver(std::string_view url, const OpenOptions& options) {
  const std::size_t colon = url.find(':');
  std::string known;
  for (const Scheme& scheme : kSchemes) {
    if (colon != std::string_view::npos && url.substr(0, colon) == scheme.name) {
      return scheme.open(std::string(url.substr(colon + 1)), options);
    }
    known.append(known.empty() ? "" : " or ").append(scheme.form);
  }
  return Error(ErrorCode::kInvalid, "'" + std::string(url) + "' names no store; use " + known);
}

}  // namespace nextid::store
