#include "store/etcd/store.h"

#include <cctype>
#include <future>
#include <string>
#include <variant>

#include "base/cat.h"
#include "contract/op_check.h"
#include "store/etcd/counters.h"
#include "store/etcd/facts.h"
#include "store/etcd/keys.h"
#include "store/etcd/listing.h"
#include "store/etcd/outcomes.h"
#include "store/etcd/records.h"

namespace nextid::store {
namespace {

using base::cat;

using contract::Damaged;
using contract::NotApplied;
using contract::Outcome;
using Done = std::function<void(Outcome)>;

/// `why` begins with a small letter and has no full stop.
std::string as_sentence(std::string why) {
  why.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(why.front())));
  return why + ".";
}

}  // namespace

/// Kept alive by the calls under way.
class EtcdStore::Impl : public std::enable_shared_from_this<EtcdStore::Impl> {
 public:
  Impl(std::shared_ptr<EtcdClient> client, Log log, const WallClock& wall_clock)
      : client_(std::move(client)),
        keys_(client_->settings().prefix),
        log_(std::move(log)),
        counters_(std::make_shared<EtcdCounters>(client_, keys_, wall_clock)),
        records_(std::make_shared<EtcdRecords>(client_, keys_, wall_clock)),
        facts_(std::make_shared<EtcdFacts>(client_, [log = log_](const std::string& line) {
          if (log) log(LogLevel::kWarning, line);
        })) {}

  void stop() {
    facts_->stop();
    client_->stop();
  }
  std::string doubt() const { return client_->identity().doubt(); }
  std::uint64_t writes() const noexcept {
    return counters_->writes() + records_->writes() + tries_;
  }
  StoreHealth health() const;
  EtcdLook first_look();

  void attempt(contract::Call call) {
    if (auto why = contract::refuse_unstorable(call.op)) {
      return call.done(NotApplied{std::move(*why)});
    }
    if (std::string why = doubt(); !why.empty()) return call.done(Damaged{std::move(why)});
    std::visit([&](auto& op) { start(std::move(op), std::move(call.done)); }, call.op);
  }
  void list(const contract::PageWanted& wanted, std::function<void(Result<CounterPage>)> done);

 private:
  template <typename Op>
  void start(Op op, Done done) {
    counters_->attempt(std::move(op), std::move(done));
  }
  void start(contract::Recall op, Done done) { records_->recall(std::move(op), std::move(done)); }
  void start(contract::Remember op, Done done) {
    records_->remember(std::move(op), std::move(done));
  }
  void start(contract::TryWrite op, Done done);

  const std::shared_ptr<EtcdClient> client_;
  const EtcdKeys keys_;
  const Log log_;
  const std::shared_ptr<EtcdCounters> counters_;
  const std::shared_ptr<EtcdRecords> records_;
  const std::shared_ptr<EtcdFacts> facts_;
  std::atomic<std::uint64_t> tries_{0};
};

StoreHealth EtcdStore::Impl::health() const {
  StoreHealth health;
  health.facts = facts_->facts();
  if (std::string why = doubt(); !why.empty()) health.doubt = as_sentence(std::move(why));
  return health;
}

EtcdLook EtcdStore::Impl::first_look() {
  std::promise<EtcdLook> promise;
  facts_->watch([&promise](EtcdLook look) { promise.set_value(std::move(look)); });
  return promise.get_future().get();
}

/// A write whose condition can't hold, so that it makes no revision. etcd looks at the right to it,
/// at the quota and at alarms first, and most members must have it.
void EtcdStore::Impl::start(contract::TryWrite, Done done) {
  EtcdTxn txn;
  txn.if_absent(keys_.store()).then_put(keys_.never(), "").else_get(keys_.store());
  ++tries_;
  EtcdRequest request{.path = "/v3/kv/txn",
                      .body = txn.body(),
                      .effect = EtcdRequest::Effect::kWrite,
                      .limit = client_->settings().attempt_timeout};
  client_->call(
      std::move(request), [self = shared_from_this(), done = std::move(done)](EtcdReply reply) {
        // It wrote nothing, whatever the answer.
        if (reply.kind == EtcdReply::Kind::kNoSpace) reply.kind = EtcdReply::Kind::kNotApplied;
        if (reply.kind != EtcdReply::Kind::kDone) return done(outcome_of(std::move(reply)));
        const auto answer = parse_txn_answer(reply.body);
        if (!answer) return done(contract::InDoubt{answer.error().what()});
        const EtcdEntry* store = answer->ranges.empty() ? nullptr : answer->ranges[0].only();
        std::string doubt = self->client_->identity().take_store(store);
        if (!doubt.empty()) return done(Damaged{std::move(doubt)});
        done(contract::Committed{});
      });
}

void EtcdStore::Impl::list(const contract::PageWanted& wanted,
                           std::function<void(Result<CounterPage>)> done) {
  if (std::string why = doubt(); !why.empty()) {
    return done(Error(ErrorCode::kCorrupt, as_sentence(std::move(why))));
  }
  EtcdListing::start(
      client_, keys_, wanted,
      [log = log_](const std::string& line) {
        if (log) log(LogLevel::kWarning, line);
      },
      [self = shared_from_this(), done = std::move(done)](Result<CounterPage> page) {
        done(std::move(page));
      });
}

Result<std::shared_ptr<EtcdStore>> EtcdStore::open(const EtcdSettings& settings,
                                                   const EtcdOpenOptions& options, Log log,
                                                   WallClock wall_clock) {
  auto opened = open_etcd(settings, options, log);
  if (!opened) return opened.error();
  auto impl = std::make_shared<Impl>(opened->client, std::move(log), wall_clock);
  // Destroyed first if what follows refuses it.
  std::shared_ptr<EtcdStore> store(new EtcdStore(std::move(opened->opening), std::move(impl)));
  const EtcdLook look = store->impl_->first_look();
  if (const auto problem = problem_with_etcd(look.version); problem && !look.version.empty()) {
    return Error(ErrorCode::kInvalid, cat("the store ", settings.url, ": ", *problem, "."));
  }
  return store;
}

EtcdStore::~EtcdStore() {
  if (fork_guard_.in_child()) {
    // Its connections and threads are the parent's: not even their memory is freed.
    static_cast<void>(new std::shared_ptr<Impl>(std::move(impl_)));
    return;
  }
  impl_->stop();
}

void EtcdStore::submit(std::vector<contract::Call> calls) {
  const auto impl = impl_;  // An answer may destroy this store.
  for (contract::Call& call : calls) impl->attempt(std::move(call));
}

void EtcdStore::list(const contract::PageWanted& wanted,
                     std::function<void(Result<CounterPage>)> done) {
  const auto impl = impl_;
  impl->list(wanted, std::move(done));
}

std::uint64_t EtcdStore::commits() const noexcept { return impl_->writes(); }

StoreHealth EtcdStore::health() const { return impl_->health(); }

}  // namespace nextid::store
