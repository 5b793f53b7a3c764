#include "store/factory.h"

#include <array>
#include <string>

#include "base/stray_text.h"
#include "store/dynamodb_store.h"
#include "store/memory_store.h"
#include "store/sqlite_store.h"
#include "store/sqlite_url.h"

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
  const auto settings = parse_sqlite_url(rest, options.create);
  if (!settings) return settings.error();
  if (!settings->create) {
    if (const auto there = require_sqlite_store(settings->path); !there) return there.error();
  }
  auto store = SqliteStore::open(settings->path);
  if (store.has_error()) return store.error();
  return std::shared_ptr<contract::StoreDriver>(std::move(store.value()));
}

Opened open_dynamodb(const std::string& rest, const OpenOptions& options) {
  const auto settings = parse_dynamodb_url(rest, options.create);
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
  if (const auto stray = base::stray_character(url)) {
    return Error(ErrorCode::kInvalid, "'" + base::visible(url) + "' names no store: " + *stray);
  }
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

std::string never_making(std::string_view url) {
  if (const auto file = sqlite_settings(url)) return "sqlite:" + file->path + "?create=false";
  if (!url.starts_with("dynamodb:")) return std::string(url);  // In memory, or none at all.
  const auto question = url.find('?');
  std::string result(url.substr(0, question));
  char separator = '?';
  const auto add = [&](std::string_view parameter) {
    result.append(1, separator).append(parameter);
    separator = '&';
  };
  for (auto at = question; at != std::string_view::npos;) {
    const auto next = url.find('&', at + 1);
    const auto parameter =
        url.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
    if (parameter != "create=true" && parameter != "create=false") add(parameter);
    at = next;
  }
  add("create=false");
  return result;
}

std::string shown_url(std::string_view url) {
  if (url.starts_with("memory:")) return "in memory";
  if (const auto file = sqlite_settings(url)) return "sqlite:" + absolute_path(file->path);
  return base::visible(url);
}

}  // namespace nextid::store
