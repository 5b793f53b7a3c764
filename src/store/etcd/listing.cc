#include "store/etcd/listing.h"

#include <algorithm>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"
#include "store/etcd/counter_text.h"
#include "store/etcd/txn.h"

namespace nextid::store {
namespace {

using base::cat;

/// Counters take some 200 bytes, and comments 512 more: an answer stays below 1 MB.
constexpr std::size_t kMostKeysARange = 1000;
constexpr std::chrono::seconds kRangeLimit{5};

Error not_listed(const std::string& why) {
  return Error(ErrorCode::kUnavailable, cat("the counters can't be listed: ", why, "."));
}

}  // namespace

void EtcdListing::start(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys,
                        const contract::PageWanted& wanted, Warn warn, Done done) {
  const std::shared_ptr<EtcdListing> listing(
      new EtcdListing(std::move(client), keys, wanted, std::move(warn), std::move(done)));
  listing->next_range();
}

EtcdListing::EtcdListing(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys,
                         contract::PageWanted wanted, Warn warn, Done done)
    : client_(std::move(client)),
      keys_(keys),
      wanted_(std::move(wanted)),
      warn_(std::move(warn)),
      done_(std::move(done)),
      last_(wanted_.after) {}

void EtcdListing::next_range() {
  const std::size_t limit = std::min(wanted_.limit + 1, kMostKeysARange);
  EtcdRequest request{.path = "/v3/kv/range",
                      .body = range_body(keys_.counters(last_), limit),
                      .limit = kRangeLimit};
  client_->call(std::move(request),
                [self = shared_from_this()](const EtcdReply& reply) { self->take(reply); });
}

void EtcdListing::take(const EtcdReply& reply) {
  if (reply.kind == EtcdReply::Kind::kDamaged) return done_(Error(ErrorCode::kCorrupt, reply.why));
  if (reply.kind != EtcdReply::Kind::kDone) return done_(not_listed(reply.why));
  const auto range = parse_range(reply.body);
  if (!range) return done_(not_listed(range.error().what()));
  for (const EtcdEntry& entry : range->entries) keep(entry);
  if (range->more && !page_.more) return next_range();
  done_(std::move(page_));
}

void EtcdListing::keep(const EtcdEntry& entry) {
  last_ = keys_.counter_of(entry.key);
  const auto state = parse_counter(entry.value);
  if (!state || !is_counter_name(last_)) {
    page_.left_out.push_back(last_);
    return warn_(cat("The key ", base::in_quotes(entry.key, 300),
                     " is left out of the list, since ",
                     state ? std::string("no counter has such a name") : state.error().what(),
                     "; mend or remove it."));
  }
  if (state->deleted != wanted_.deleted) return;
  if (page_.counters.size() == wanted_.limit) {
    page_.more = true;
  } else {
    page_.counters.push_back(contract::info_of(last_, *state));
  }
}

}  // namespace nextid::store
