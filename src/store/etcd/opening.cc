#include "store/etcd/opening.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/cat.h"
#include "base/clock.h"
#include "store/etcd/identity.h"
#include "store/etcd/keys.h"
#include "store/etcd/txn.h"

namespace nextid::store {
namespace {

using base::cat;

using Kind = EtcdReply::Kind;

constexpr std::chrono::milliseconds kPause{200};
/// Of a node that races with others that make the store.
constexpr int kMostTries = 5;

/// PREFIX/store as it was read.
struct Place {
  std::optional<EtcdEntry> store;
  bool has_counters = false;
};

class Opener {
 public:
  Opener(EtcdClient& client, const EtcdOpenOptions& options)
      : client_(client),
        keys_(client.settings().prefix),
        options_(options),
        deadline_(base::monotonic_now() + kOpeningLimit) {}

  Result<StoreOpening> open();
  Result<Place> read();
  /// Writes PREFIX/store over what was read; false where it has changed since.
  Result<bool> write(const EtcdStoreKey& key, const Place& place);
  Error error(ErrorCode code, const std::string& what) const {
    return Error(code, cat("the store ", client_.settings().url, ": ", what, "."));
  }

 private:
  /// Nothing where PREFIX/store has changed meanwhile.
  Result<std::optional<StoreOpening>> make(const Place& place);
  Result<std::optional<StoreOpening>> take(const Place& place);
  Result<EtcdReply> call(EtcdRequest request);
  std::string recover_command() const {
    return cat("nextid recover --all --skip N --store '", client_.settings().url, "'");
  }

  EtcdClient& client_;
  const EtcdKeys keys_;
  const EtcdOpenOptions options_;
  const std::string identity_ = new_etcd_identity();  // Of a store that is made here.
  const base::MonotonicTime deadline_;
};

/// Repeats what may pass soon: a member that starts, a leader that is being elected.
Result<EtcdReply> Opener::call(EtcdRequest request) {
  request.limit = client_.settings().attempt_timeout;
  for (;;) {
    EtcdReply reply = call_and_wait(client_, request);
    if (reply.kind == Kind::kDone) return reply;
    if (reply.kind == Kind::kDamaged) return error(ErrorCode::kCorrupt, reply.why);
    if (!reply.is_etcd) return error(ErrorCode::kInvalid, reply.why);
    if (!reply.may_pass || base::monotonic_now() + kPause >= deadline_) {
      return error(ErrorCode::kUnavailable, reply.why);
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<Place> Opener::read() {
  EtcdTxn txn;
  txn.then_get(keys_.store()).then_get(keys_.counters(""), 1, true);
  const auto reply = call({.path = "/v3/kv/txn", .body = txn.body()});
  if (!reply) return reply.error();
  auto answer = parse_txn_answer(reply->body);
  if (!answer) return error(ErrorCode::kUnavailable, answer.error().what());
  if (answer->ranges.size() != 2) {
    return error(ErrorCode::kUnavailable, "etcd answered a transaction with too little");
  }
  Place place;
  if (const EtcdEntry* entry = answer->ranges[0].only()) place.store = *entry;
  place.has_counters = !answer->ranges[1].entries.empty();
  return place;
}

Result<bool> Opener::write(const EtcdStoreKey& key, const Place& place) {
  EtcdTxn txn;
  place.store ? txn.if_at(keys_.store(), place.store->mod_revision) : txn.if_absent(keys_.store());
  txn.then_put(keys_.store(), text_of(key));
  // Harmless when repeated: a repeat finds another revision, and what it wrote.
  const auto reply =
      call({.path = "/v3/kv/txn", .body = txn.body(), .effect = EtcdRequest::Effect::kWrite});
  if (!reply) return reply.error();
  const auto answer = parse_txn_answer(reply->body);
  if (!answer) return error(ErrorCode::kUnavailable, answer.error().what());
  if (answer->succeeded) client_.identity().opened(key, answer->revision);
  return answer->succeeded;
}

Result<std::optional<StoreOpening>> Opener::make(const Place& place) {
  const EtcdSettings& settings = client_.settings();
  if (place.has_counters && !options_.accept_as_is) {
    return error(ErrorCode::kCorrupt,
                 cat("there are counters, and the key '", keys_.store(),
                     "' that tells which store they are is gone; if they are to be used as they "
                     "are, run: ",
                     recover_command()));
  }
  const bool may_make = (settings.create && !settings.is_known) || place.has_counters;
  if (!may_make) {
    return error(ErrorCode::kInvalid,
                 cat("etcd has no store at '", settings.prefix,
                     "', and create=false keeps nextid from making it; check the prefix, or start "
                     "nextid once without create=false and --no-create-store"));
  }
  const EtcdStoreKey key{.identity = identity_, .cluster_id = client_.identity().cluster_id()};
  const auto made = write(key, place);
  if (!made) return made.error();
  if (!*made) return std::optional<StoreOpening>();
  return std::optional(StoreOpening{.identity = key.identity, .made = !place.has_counters});
}

Result<std::optional<StoreOpening>> Opener::take(const Place& place) {
  auto key = parse_store_key(place.store->value);
  if (!key) {
    return error(ErrorCode::kCorrupt, cat("its key '", keys_.store(), "' ", key.error().what()));
  }
  // It may be the one that was made here, where the answer to that was lost.
  const bool made = key->identity == identity_ && !place.has_counters;
  const std::optional opening = StoreOpening{.identity = key->identity, .made = made};
  const std::uint64_t cluster_id = client_.identity().cluster_id();
  const bool is_copy = key->cluster_id != cluster_id;
  if (is_copy && options_.accept_copy) {
    key->cluster_id = cluster_id;
    const auto written = write(*key, place);
    if (!written) return written.error();
    return *written ? opening : std::optional<StoreOpening>();
  }
  if (is_copy && !options_.accept_as_is) {
    return error(
        ErrorCode::kCorrupt,
        cat("it belongs to the cluster ", key->cluster_id, ", and this is the cluster ", cluster_id,
            ": a snapshot was restored, or the keys were copied, and ids given since would be "
            "given twice; if it is to be used from now on, run: ",
            recover_command()));
  }
  client_.identity().opened(*key, place.store->mod_revision);
  return opening;
}

Result<StoreOpening> Opener::open() {
  for (int i = 0; i < kMostTries; ++i) {
    const auto place = read();
    if (!place) return place.error();
    auto opening = place->store ? take(*place) : make(*place);
    if (!opening) return opening.error();
    if (*opening) return **std::move(opening);
  }
  return error(ErrorCode::kUnavailable, "others keep changing it: start again");
}

}  // namespace

Result<OpenedEtcd> open_etcd(const EtcdSettings& settings, const EtcdOpenOptions& options,
                             const Log& log) {
  auto client = EtcdClient::open(settings, log);
  if (!client) return client.error();
  auto opening = Opener(**client, options).open();
  if (!opening) return opening.error();
  return OpenedEtcd{*std::move(client), *std::move(opening)};
}

bool is_etcd_store_missing(const EtcdSettings& settings) {
  const auto client = EtcdClient::open(settings, {});
  if (!client) return false;
  const auto place = Opener(**client, {}).read();
  return place && !place->store && !place->has_counters;
}

Result<void> end_etcd_recovery(const EtcdSettings& settings, std::uint64_t skip_for_new) {
  const auto client = EtcdClient::open(settings, {});
  if (!client) return client.error();
  Opener opener(**client, {});
  for (int i = 0; i < kMostTries; ++i) {
    const auto place = opener.read();
    if (!place) return place.error();
    if (!place->store) return opener.error(ErrorCode::kCorrupt, "it is gone");
    auto key = parse_store_key(place->store->value);
    if (!key) return opener.error(ErrorCode::kCorrupt, key.error().what());
    key->cluster_id = (*client)->identity().cluster_id();
    key->skip_for_new = skip_for_new;
    const auto written = opener.write(*key, *place);
    if (!written) return written.error();
    if (*written) return {};
  }
  return opener.error(ErrorCode::kUnavailable, "others keep changing it: run it again");
}

}  // namespace nextid::store
