#include "conformance/etcd_server.h"

#include <stdexcept>
#include <utility>

#include "base/cat.h"
#include "conformance/started_server.h"
#include "store/etcd/base64.h"
#include "store/etcd/store.h"
#include "store/etcd/txn.h"

namespace nextid::test {
namespace {

using base::cat;

constexpr std::chrono::milliseconds kCallLimit{10'000};

std::string in_json(const std::string& bytes) { return cat("\"", store::to_base64(bytes), "\""); }

}  // namespace

const EtcdServer& EtcdServer::instance() {
  static const EtcdServer server;
  return server;
}

EtcdServer::EtcdServer()
    : endpoints_(start_database("etcd", "NEXTID_TEST_ETCD_ENDPOINTS")),
      client_(store::EtcdClient::open(settings("outsider"), {}).value()) {}

store::EtcdSettings EtcdServer::settings(const std::string& prefix) const {
  auto settings = store::parse_etcd_url(cat("//", endpoints_, "/", prefix)).value();
  // The tests of stores expect an answer; those of faults set their own limit.
  settings.attempt_timeout = kCallLimit;
  return settings;
}

std::shared_ptr<contract::StoreDriver> EtcdServer::open(
    const std::string& prefix, std::function<base::WallMicros()> clock) const {
  return store::EtcdStore::open(settings(prefix), {}, {}, std::move(clock)).value();
}

boost::json::object EtcdServer::call(const char* path, const std::string& body) const {
  auto reply = store::call_and_wait(*client_, {.path = path,
                                               .body = body,
                                               .effect = store::EtcdRequest::Effect::kLocal,
                                               .limit = kCallLimit});
  if (reply.kind != store::EtcdReply::Kind::kDone) throw std::runtime_error(reply.why);
  return std::move(reply.body);
}

void EtcdServer::put(const std::string& key, const std::string& value) const {
  call("/v3/kv/put", cat("{\"key\":", in_json(key), ",\"value\":", in_json(value), "}"));
}

std::optional<std::string> EtcdServer::get(const std::string& key) const {
  const auto range = store::parse_range(call("/v3/kv/range", cat("{\"key\":", in_json(key), "}")));
  if (const auto* entry = range.value().only()) return entry->value;
  return std::nullopt;
}

void EtcdServer::remove(const std::string& key) const {
  call("/v3/kv/deleterange", cat("{\"key\":", in_json(key), "}"));
}

void EtcdServer::drop(const std::string& prefix) const {
  call("/v3/kv/deleterange",
       cat("{\"key\":", in_json(prefix + "/"), ",\"range_end\":", in_json(prefix + "0"), "}"));
}

}  // namespace nextid::test
