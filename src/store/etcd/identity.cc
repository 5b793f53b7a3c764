#include "store/etcd/identity.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include <boost/json/parse.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "base/whole_number.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;

std::uint64_t random_bits() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

std::string text_member(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  const json::string* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

bool is_identity(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string text_of(const EtcdStoreKey& key) {
  return cat("{\"format\":\"", kEtcdFormat, "\",\"identity\":\"", key.identity,
             "\",\"cluster_id\":\"", key.cluster_id, "\",\"skip_for_new\":\"", key.skip_for_new,
             "\"}");
}

Result<EtcdStoreKey> parse_store_key(const std::string& text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::object* object = error ? nullptr : value.if_object();
  const auto damaged = [&] {
    return Error(ErrorCode::kCorrupt,
                 cat("is ", base::in_quotes(text, 80), ", which nextid never writes"));
  };
  if (object == nullptr) return damaged();
  const auto format = base::whole_number(text_member(*object, "format"), 1);
  if (!format) return damaged();
  if (*format > kEtcdFormat) {
    return Error(ErrorCode::kCorrupt,
                 cat("has the format ", *format, ", and this nextid knows those up to ",
                     kEtcdFormat, ": use the newer nextid"));
  }
  EtcdStoreKey key;
  key.identity = text_member(*object, "identity");
  const auto cluster = base::whole_number(text_member(*object, "cluster_id"), 1);
  const auto skip = base::whole_number(text_member(*object, "skip_for_new"));
  if (!is_identity(key.identity) || !cluster || !skip) return damaged();
  key.cluster_id = *cluster;
  key.skip_for_new = *skip;
  return key;
}

std::string new_etcd_identity() {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(random_bits()),
                static_cast<unsigned long long>(random_bits()));
  return text.data();
}

std::string EtcdIdentity::take_header(std::uint64_t cluster_id, EtcdRevision revision,
                                      EtcdRevision newest_when_sent) {
  std::uint64_t known = 0;
  if (!cluster_id_.compare_exchange_strong(known, cluster_id) && known != cluster_id) {
    return enter_doubt(cat("another cluster answers than this process opened: its id is ",
                           cluster_id, " and was ", known));
  }
  if (revision < newest_when_sent) {
    return enter_doubt(cat("etcd went back in time, from revision ", newest_when_sent, " to ",
                           revision, ", as it does when a snapshot is restored"));
  }
  EtcdRevision newest = newest_;
  while (newest < revision && !newest_.compare_exchange_weak(newest, revision)) {
  }
  return doubt();
}

void EtcdIdentity::opened(EtcdStoreKey key, EtcdRevision mod_revision) {
  const base::Lock lock(mutex_);
  identity_ = std::move(key.identity);
  skip_for_new_ = key.skip_for_new;
  store_at_ = mod_revision;
}

std::string EtcdIdentity::take_store(const EtcdEntry* entry) {
  if (entry == nullptr) return enter_doubt("the store's keys were deleted while it was in use");
  if (entry->mod_revision == store_at_) return doubt();
  const auto key = parse_store_key(entry->value);
  if (!key) return enter_doubt(cat("the key 'store' ", key.error().what()));
  {
    const base::Lock lock(mutex_);
    if (key->identity == identity_) {
      // Such as by a recovery that has ended.
      skip_for_new_ = key->skip_for_new;
      store_at_ = std::max<EtcdRevision>(store_at_, entry->mod_revision);
      return doubt_;
    }
  }
  return enter_doubt("the store was deleted and made anew while it was in use");
}

std::string EtcdIdentity::enter_doubt(const std::string& what) {
  std::string why;
  {
    const base::Lock lock(mutex_);
    if (!doubt_.empty()) return doubt_;
    doubt_ = cat("the store ", url_, " is not as this process knew it: ", what,
                 "; it would give ids twice; if it is to be used as it is, run: nextid recover "
                 "--all --skip N --store '",
                 url_, "'; then start again");
    why = doubt_;
    in_doubt_ = true;
  }
  if (on_doubt_) on_doubt_(why);
  return why;
}

std::string EtcdIdentity::doubt() const {
  if (!in_doubt_) return "";
  const base::Lock lock(mutex_);
  return doubt_;
}

}  // namespace nextid::store
