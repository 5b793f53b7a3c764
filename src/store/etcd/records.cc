#include "store/etcd/records.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"
#include "base/whole_number.h"
#include "contract/op_check.h"
#include "store/etcd/outcomes.h"

namespace nextid::store {
namespace {

using base::cat;

using contract::Damaged;
using contract::IdempotencyRecord;
using contract::NotApplied;
using contract::Outcome;
using contract::Remembered;
using Kind = EtcdReply::Kind;

/// Further transactions of one attempt: for an expired record, and for a lease that is gone.
constexpr int kMostRepeats = 2;

std::string record_text(const IdempotencyRecord& record) {
  return cat(record.range.start(), ",", record.range.count(), ",", record.range.increment(), ",",
             record.expires_s, ",", record.owner);
}

std::optional<IdempotencyRecord> parse_record(std::string_view text) {
  std::array<std::uint64_t, 5> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t end = i + 1 < numbers.size() ? text.find(',') : text.size();
    const auto number = base::whole_number(text.substr(0, std::min(end, text.size())));
    if (!number || end > text.size()) return std::nullopt;
    numbers[i] = *number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return IdempotencyRecord{IdRange(numbers[0], numbers[1], numbers[2]),
                           static_cast<std::int64_t>(numbers[3]), numbers[4]};
}

}  // namespace

struct EtcdRecords::Work {
  std::string key;
  IdempotencyRecord record;
  Done done;
  int repeats = 0;
};

EtcdRecords::EtcdRecords(std::shared_ptr<EtcdClient> client, EtcdKeys keys, WallClock wall_clock)
    : client_(std::move(client)),
      keys_(std::move(keys)),
      wall_clock_(std::move(wall_clock)),
      leases_(std::make_shared<EtcdLeases>(client_)) {}

void EtcdRecords::recall(contract::Recall op, Done done) {
  std::string key = keys_.record(contract::key_space(op.counter, op.scope), op.key);
  EtcdTxn txn;
  txn.then_get(keys_.store()).then_get(key);
  EtcdRequest request{
      .path = "/v3/kv/txn", .body = txn.body(), .limit = client_->settings().attempt_timeout};
  client_->call(std::move(request), [self = shared_from_this(), key = std::move(key),
                                     done = std::move(done)](EtcdReply reply) {
    if (reply.kind != Kind::kDone) return done(outcome_of(std::move(reply)));
    const auto answer = parse_txn_answer(reply.body);
    if (!answer) return done(NotApplied{answer.error().what()});
    done(self->in_force(key, *answer, nullptr));
  });
}

void EtcdRecords::remember(contract::Remember op, Done done) {
  // The op would keep nothing.
  if (contract::is_over(op.record, wall_clock_())) {
    return recall({op.counter, op.key, op.scope}, std::move(done));
  }
  auto work = std::make_shared<Work>();
  work->key = keys_.record(contract::key_space(op.counter, op.scope), op.key);
  work->record = op.record;
  work->done = std::move(done);
  write(work, 0);
}

/// `replaced` is the revision of an expired record that is there; 0 for none.
void EtcdRecords::write(const WorkPtr& work, EtcdRevision replaced) {
  leases_->find(work->record.expires_s, contract::whole_seconds(wall_clock_()),
                [self = shared_from_this(), work, replaced](const Result<std::int64_t>& lease) {
                  if (!lease) return work->done(NotApplied{lease.error().what()});
                  self->put(work, replaced, *lease);
                });
}

void EtcdRecords::put(const WorkPtr& work, EtcdRevision replaced, std::int64_t lease) {
  EtcdTxn txn;
  txn.if_at(keys_.store(), client_->identity().store_at());
  replaced == 0 ? txn.if_absent(work->key) : txn.if_at(work->key, replaced);
  txn.then_put(work->key, record_text(work->record), lease);
  txn.else_get(keys_.store()).else_get(work->key);
  ++writes_;
  EtcdRequest request{.path = "/v3/kv/txn",
                      .body = txn.body(),
                      .effect = EtcdRequest::Effect::kWrite,
                      .limit = client_->settings().attempt_timeout};
  client_->call(std::move(request),
                [self = shared_from_this(), work, lease, replaced](EtcdReply reply) {
                  self->written(work, std::move(reply), lease, replaced);
                });
}

void EtcdRecords::written(const WorkPtr& work, EtcdReply reply, std::int64_t lease,
                          EtcdRevision replaced) {
  const bool may_repeat = ++work->repeats <= kMostRepeats;
  if (reply.kind == Kind::kLostLease && may_repeat) {
    leases_->forget(lease);
    return write(work, replaced);
  }
  if (reply.kind != Kind::kDone) return work->done(outcome_of(std::move(reply)));
  const auto answer = parse_txn_answer(reply.body);
  if (!answer) return work->done(contract::InDoubt{answer.error().what()});
  if (answer->succeeded) return work->done(Remembered{work->record});
  EtcdRevision expired = 0;
  Outcome found = in_force(work->key, *answer, &expired);
  const auto* remembered = std::get_if<Remembered>(&found);
  if (remembered == nullptr || remembered->record) return work->done(std::move(found));
  if (may_repeat) return write(work, expired);
  work->done(NotApplied{cat("the idempotency record '", work->key, "' ended at this moment")});
}

/// The record that an answer with PREFIX/store and its key shows. An expired one is none; then
/// `expired`, if it is not null, is its revision.
Outcome EtcdRecords::in_force(const std::string& key, const EtcdTxnAnswer& answer,
                              EtcdRevision* expired) {
  if (answer.ranges.size() < 2) return NotApplied{"etcd answered a transaction with too little"};
  std::string doubt = client_->identity().take_store(answer.ranges[0].only());
  if (!doubt.empty()) return Damaged{std::move(doubt)};
  const EtcdEntry* entry = answer.ranges[1].only();
  if (entry == nullptr) return Remembered{};
  const auto record = parse_record(entry->value);
  if (record && contract::is_over(*record, wall_clock_())) {
    if (expired != nullptr) *expired = entry->mod_revision;
    return Remembered{};
  }
  if (record && contract::has_ids(*record)) return Remembered{*record};
  return Damaged{cat("the idempotency record '", key, "' in etcd is damaged: it is ",
                     base::in_quotes(entry->value))};
}

}  // namespace nextid::store
