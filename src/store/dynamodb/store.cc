#include "store/dynamodb/store.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/cat.h"
#include "contract/op.h"
#include "contract/op_check.h"
#include "contract/transition.h"
#include "store/dynamodb/confirmed.h"
#include "store/dynamodb/identity.h"
#include "store/dynamodb/item.h"
#include "store/dynamodb/listing.h"
#include "store/dynamodb/outcomes.h"
#include "store/dynamodb/records.h"
#include "store/dynamodb/requests.h"
#include "store/dynamodb/table.h"

namespace nextid::store {
namespace {

using base::cat;

namespace json = boost::json;
using aws::DynamodbReply;
using contract::Advance;
using contract::CounterState;
using contract::Damaged;
using contract::Define;
using contract::Found;
using contract::GiveBack;
using contract::InDoubt;
using contract::Load;
using contract::Missing;
using contract::NotApplied;
using contract::Outcome;
using contract::Redefine;
using contract::Refused;
using contract::Release;
using contract::Reserve;
using Kind = DynamodbReply::Kind;
using Done = std::function<void(Outcome)>;

/// Slots that one write removes: far below the limits of an expression.
constexpr std::size_t kSlotsPerPrune = 25;
constexpr int kPrunesPerLoad = 8;
/// A DescribeTable takes longer than a call on an item, and ids may wait for it.
constexpr std::chrono::milliseconds kShortestLook{500};
constexpr std::chrono::milliseconds kLongestLook{2'000};

bool is_about_records(const contract::Op& op) {
  return std::holds_alternative<contract::Recall>(op) ||
         std::holds_alternative<contract::Remember>(op);
}

/// Calls then(state, done) with the counter as `writer` sees it.
template <typename Then>
void with_item(const json::object& item, contract::WriterId writer, Done done, const Then& then) {
  auto state = parse_item(item, writer);
  if (!state) return done(Damaged{state.error().what()});
  then(*std::move(state), std::move(done));
}

std::string no_identity(const aws::DynamodbClientOptions& options) {
  return cat(options.endpoint, " tells no TableId of table '", options.table,
             "', so nothing shows it when the table is deleted and made anew, or restored under "
             "its name: ids would then be given twice.");
}

/// `why` begins with a small letter and has no full stop.
std::string as_sentence(std::string why) {
  why.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(why.front())));
  return why + ".";
}

void answer_found(CounterState state, const Done& done) { done(Found{std::move(state)}); }

Result<std::shared_ptr<aws::DynamodbClient>> open_client(const DynamodbSettings& settings,
                                                         const Log& log,
                                                         base::Environment environment) {
  aws::DynamodbClientOptions options{.table = settings.table,
                                     .region = settings.region,
                                     .endpoint = settings.endpoint,
                                     .plain_http = settings.plain_http,
                                     .profile = settings.profile,
                                     .ca_file = settings.ca_file,
                                     .environment = std::move(environment),
                                     .warn = {}};
  options.warn = [log](const std::string& line) {
    if (log) log(LogLevel::kWarning, line);
  };
  return aws::DynamodbClient::open(std::move(options));
}

}  // namespace

/// Kept alive by the calls under way.
class DynamodbStore::Impl : public std::enable_shared_from_this<DynamodbStore::Impl> {
 public:
  Impl(std::shared_ptr<aws::DynamodbClient> client, const DynamodbSettings& settings, Log log,
       WallClock wall_clock)
      : client_(std::move(client)),
        settings_(settings),
        log_(std::move(log)),
        wall_clock_(std::move(wall_clock)),
        records_(std::make_shared<DynamodbRecords>(client_, settings_, log_, wall_clock_)) {}

  /// Begins to look whether the table stays the one with this TableId.
  void watch(const std::string& table_id);

  aws::DynamodbClient& client() noexcept { return *client_; }
  /// Why no id is given any more; empty while there is no such reason.
  std::string doubt() const { return identity_ ? identity_->doubt() : ""; }
  std::uint64_t writes() const noexcept { return writes_ + records_->writes(); }
  void warn(const std::string& line) const {
    if (log_) log_(LogLevel::kWarning, line);
  }

  void attempt(contract::Call call) {
    if (auto why = contract::refuse_unstorable(call.op))
      return call.done(NotApplied{std::move(*why)});
    if (std::string why = doubt(); !why.empty()) return call.done(Damaged{std::move(why)});
    if (identity_ && !is_about_records(call.op)) {
      call.done = confirmed(identity_, call.op, wall_clock_(), std::move(call.done));
    }
    std::visit([&](auto& op) { start(std::move(op), std::move(call.done)); }, call.op);
  }

 private:
  void start(Load op, Done done);
  void start(Define op, Done done);
  void start(Redefine op, Done done);
  void start(Reserve op, Done done) { start_in_turn(std::move(op), std::move(done)); }
  void start(GiveBack op, Done done);
  void start(Advance op, Done done) { start_in_turn(std::move(op), std::move(done)); }
  void start(Release op, Done done) { release(std::move(op), std::nullopt, std::move(done)); }
  void start(contract::TryWrite op, Done done);
  void start(contract::Recall op, Done done) { records_->recall(std::move(op), std::move(done)); }
  void start(contract::Remember op, Done done) {
    records_->remember(std::move(op), std::move(done));
  }

  void call(const char* operation, json::object request, std::function<void(DynamodbReply)> done) {
    if (std::string_view(operation) == "UpdateItem") ++writes_;
    client_->call(operation, std::move(request), settings_.attempt_timeout, std::move(done));
  }
  template <typename SlotOp>
  void start_in_turn(SlotOp op, Done done);
  template <typename SlotOp>
  void send(SlotOp op, SlotForm form, Done done);
  template <typename SlotOp>
  void refused(SlotOp op, SlotForm form, CounterState state, Done done);
  void define(Define op, Done done);
  void show(Load op, const json::object& item, int prunes_left, Done done);
  void release(Release op, std::optional<contract::Seq> seen_floor, Done done);
  void release_refused(Release op, CounterState state, bool again, Done done);
  template <typename Then>
  void with_state(const DynamodbReply& refused, const std::string& counter,
                  contract::WriterId writer, Done done, Then then);
  template <typename Then>
  void read(const std::string& counter, contract::WriterId writer, Done done, Then then);

  const std::shared_ptr<aws::DynamodbClient> client_;
  const DynamodbSettings settings_;
  const Log log_;
  const WallClock wall_clock_;
  const std::shared_ptr<DynamodbRecords> records_;
  std::atomic<std::uint64_t> writes_{0};
  std::shared_ptr<DynamodbIdentity> identity_;  // None where the service tells no TableId.
};

void DynamodbStore::Impl::watch(const std::string& table_id) {
  const auto& options = client_->options();
  DynamodbIdentity::Names names{
      .id = table_id,
      .table = cat("table '", options.table, "' in ", options.region),
      .url = settings_.url.empty() ? "dynamodb://" + options.table : settings_.url};
  DynamodbIdentity::Means means;
  const auto limit =
      std::clamp<std::chrono::milliseconds>(settings_.attempt_timeout, kShortestLook, kLongestLook);
  means.look = [client = client_, limit](std::function<void(TableLook)> done) {
    client->call("DescribeTable", {}, limit,
                 [done = std::move(done)](const DynamodbReply& reply) { done(look_of(reply)); });
  };
  means.after = [client = client_](std::chrono::milliseconds delay, std::function<void()> then) {
    return client->after(delay, std::move(then));
  };
  means.on_doubt = [log = log_](const std::string& why) {
    if (log) log(LogLevel::kError, cat("No id is given out any more: ", why, "."));
  };
  identity_ = std::make_shared<DynamodbIdentity>(std::move(names), std::move(means));
  // The client's own answers would keep it alive.
  client_->observe([identity = std::weak_ptr(identity_)](const DynamodbReply& reply) {
    if (const auto strong = identity.lock()) strong->heard(reply);
  });
  identity_->watch();
}

// --- Load

void DynamodbStore::Impl::start(Load op, Done done) {
  json::object request = get_request(op.counter);
  call("GetItem", std::move(request),
       [self = shared_from_this(), op = std::move(op),
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind != Kind::kDone) return done(outcome_of_failed_read(reply));
         const json::object* item = part_of(reply.body, "Item");
         if (item == nullptr) return done(Missing{});
         self->show(std::move(op), *item, kPrunesPerLoad, std::move(done));
       });
}

/// Prunes idle slots, and shows the item as it is then. A Load succeeds even if its pruning fails.
void DynamodbStore::Impl::show(Load op, const json::object& item, int prunes_left, Done done) {
  auto state = parse_item(item, op.writer);
  if (!state) return done(Damaged{state.error().what()});
  const auto idle = idle_slots(item, op.writer, wall_clock_(), kSlotsPerPrune);
  if (idle.empty() || prunes_left == 0) return done(Found{*std::move(state)});
  const contract::Seq floor = std::max(state->floor, newest_of(idle));
  json::object request = prune_request(op.counter, idle, floor);
  call("UpdateItem", std::move(request),
       [self = shared_from_this(), op = std::move(op), state = *std::move(state), prunes_left,
        done = std::move(done)](DynamodbReply reply) mutable {
         const json::object* pruned =
             reply.kind == Kind::kDone ? part_of(reply.body, "Attributes") : nullptr;
         if (pruned == nullptr) return done(Found{std::move(state)});
         self->show(std::move(op), *pruned, prunes_left - 1, std::move(done));
       });
}

// --- Writes

/// Calls then(state, done) with the state in which a condition failed: from the answer, or else
/// from a consistent read. Without a state, the op's outcome says why.
template <typename Then>
void DynamodbStore::Impl::with_state(const DynamodbReply& refused, const std::string& counter,
                                     contract::WriterId writer, Done done, Then then) {
  if (const json::object* item = part_of(refused.body, "Item")) {
    return with_item(*item, writer, std::move(done), std::move(then));
  }
  read(counter, writer, std::move(done), std::move(then));
}

template <typename Then>
void DynamodbStore::Impl::read(const std::string& counter, contract::WriterId writer, Done done,
                               Then then) {
  call("GetItem", get_request(counter),
       [writer, then = std::move(then), done = std::move(done)](const DynamodbReply& reply) {
         if (reply.kind != Kind::kDone) return done(outcome_of_failed_read(reply));
         const json::object* item = part_of(reply.body, "Item");
         if (item == nullptr) return done(Missing{});
         with_item(*item, writer, done, then);
       });
}

/// An engine has just looked at the table with its Load; any other caller has not.
void DynamodbStore::Impl::start(Define op, Done done) {
  if (op.writer != 0 || !identity_) return define(std::move(op), std::move(done));
  identity_->ask(identity_->from_now(), [self = shared_from_this(), op = std::move(op),
                                         done = std::move(done)](DynamodbIdentity::Answer answer) {
    using Answer = DynamodbIdentity::Answer;
    if (answer.kind == Answer::Kind::kSame) return self->define(op, done);
    if (answer.kind == Answer::Kind::kOther) return done(Damaged{answer.why});
    done(NotApplied{answer.why});
  });
}

void DynamodbStore::Impl::define(Define op, Done done) {
  json::object request = define_request(op);
  call("UpdateItem", std::move(request),
       [self = shared_from_this(), op = std::move(op),
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind == Kind::kDone) {
           return done(
               Found{{contract::value_before_first(op.definition), op.definition, 0, {}}, true});
         }
         if (reply.kind != Kind::kConditionFailed) return done(outcome_of_failed_write(reply));
         self->with_state(reply, op.counter, op.writer, std::move(done), &answer_found);
       });
}

void DynamodbStore::Impl::start(Redefine op, Done done) {
  json::object request = redefine_request(op);
  call("UpdateItem", std::move(request),
       [self = shared_from_this(), op = std::move(op),
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind == Kind::kDone) {
           const json::object* item = part_of(reply.body, "Attributes");
           if (item == nullptr) return done(InDoubt{"a write was answered without the item"});
           return with_item(*item, op.writer, std::move(done), &answer_found);
         }
         if (reply.kind != Kind::kConditionFailed) return done(outcome_of_failed_write(reply));
         self->with_state(
             reply, op.counter, op.writer, std::move(done),
             [](CounterState state, const Done& answer) { answer(Refused{std::move(state)}); });
       });
}

/// A condition can't subtract, so it can't tell where a counter starts. But start and increment
/// never change, so a read before the write is as good.
void DynamodbStore::Impl::start(GiveBack op, Done done) {
  read(op.counter, op.writer, std::move(done),
       [self = shared_from_this(), op](CounterState state, Done answer) {
         contract::Transition seen = contract::apply(op, std::move(state));
         if (!seen.change) return answer(std::move(seen.outcome));
         self->start_in_turn(op, std::move(answer));
       });
}

/// A writer that had a slot nearly always has it still. If the slot was pruned, the refusal shows
/// that, and the other form follows. Or this is another table, which has no slot of this writer.
template <typename SlotOp>
void DynamodbStore::Impl::start_in_turn(SlotOp op, Done done) {
  const SlotForm form = op.prev == 0 ? SlotForm::kNew : SlotForm::kFollows;
  send(std::move(op), form, std::move(done));
}

template <typename SlotOp>
void DynamodbStore::Impl::send(SlotOp op, SlotForm form, Done done) {
  json::object request = slot_request(op, form);
  call("UpdateItem", std::move(request),
       [self = shared_from_this(), op = std::move(op), form,
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind == Kind::kDone) {
           return done(committed_at(reply.body, end_attribute(writer_text(op.writer))));
         }
         if (reply.kind != Kind::kConditionFailed) return done(outcome_of_failed_write(reply));
         self->with_state(reply, op.counter, op.writer, std::move(done),
                          [self, op, form](CounterState state, Done answer) {
                            self->refused(op, form, std::move(state), std::move(answer));
                          });
       });
}

/// What a state, in which the op's condition failed, means for it.
template <typename SlotOp>
void DynamodbStore::Impl::refused(SlotOp op, SlotForm form, CounterState state, Done done) {
  // A bound that DynamoDB's numbers do not have, so that the condition has it instead.
  contract::Transition seen = contract::apply(op, state);
  if (std::holds_alternative<NotApplied>(seen.outcome)) return done(std::move(seen.outcome));
  if (form == SlotForm::kFollows && !state.slot && contract::is_in_turn(op, state)) {
    if (identity_) done = confirmed_from_now(identity_, std::move(done));
    return send(std::move(op), SlotForm::kNew, std::move(done));
  }
  done(Refused{std::move(state)});
}

/// The floor to write is not known before the item was seen, but is nearly always op.seq: so that
/// is tried first. `seen_floor` is the floor of the second try.
void DynamodbStore::Impl::release(Release op, std::optional<contract::Seq> seen_floor, Done done) {
  const bool again = seen_floor.has_value();
  const contract::Seq floor = again ? std::max({*seen_floor, op.seq, op.prev}) : op.seq;
  json::object request = release_request(op, floor);
  call("UpdateItem", std::move(request),
       [self = shared_from_this(), op = std::move(op), again,
        done = std::move(done)](DynamodbReply reply) mutable {
         if (reply.kind == Kind::kDone) return done(committed_at(reply.body, "current_value"));
         if (reply.kind != Kind::kConditionFailed) return done(outcome_of_failed_write(reply));
         self->with_state(reply, op.counter, op.writer, std::move(done),
                          [self, op, again](CounterState state, Done answer) {
                            self->release_refused(op, std::move(state), again, std::move(answer));
                          });
       });
}

void DynamodbStore::Impl::release_refused(Release op, CounterState state, bool again, Done done) {
  const contract::Seq floor = state.floor;
  contract::Transition seen = contract::apply(op, std::move(state));
  // The op is not in turn; or the slot is gone and no op of this writer can land, which is what a
  // release is for.
  if (!seen.change) return done(std::move(seen.outcome));
  if (again) return done(NotApplied{cat("counter '", op.counter, "' changed during a release")});
  release(std::move(op), floor, std::move(done));
}

/// Its condition can't hold, and is looked at after the caller's right to write is.
void DynamodbStore::Impl::start(contract::TryWrite, Done done) {
  call("UpdateItem", refused_request(), [done = std::move(done)](const DynamodbReply& reply) {
    if (reply.kind == Kind::kDone || reply.kind == Kind::kConditionFailed) {
      return done(contract::Committed{});
    }
    done(outcome_of_failed_write(reply));
  });
}

// --- The store

Result<std::shared_ptr<DynamodbStore>> DynamodbStore::open(const DynamodbSettings& settings,
                                                           Log log, WallClock wall_clock,
                                                           base::Environment environment) {
  auto client = open_client(settings, log, std::move(environment));
  if (!client) return client.error();
  const auto table = prepare_table(**client, settings.create && !settings.is_known, log);
  if (!table) return table.error();
  StoreOpening opening{.identity = table->id, .made = table->made, .remark = {}};
  if (opening.identity.empty()) opening.remark = no_identity((*client)->options());
  auto impl =
      std::make_shared<Impl>(*std::move(client), settings, std::move(log), std::move(wall_clock));
  if (!opening.identity.empty()) impl->watch(opening.identity);
  return std::shared_ptr<DynamodbStore>(new DynamodbStore(std::move(opening), std::move(impl)));
}

bool DynamodbStore::is_missing(const DynamodbSettings& settings, base::Environment environment) {
  const auto client = open_client(settings, {}, std::move(environment));
  if (!client) return false;
  const bool missing = is_table_missing(**client);
  (*client)->stop();
  return missing;
}

DynamodbStore::~DynamodbStore() {
  if (fork_guard_.in_child()) {
    // Its connections and threads are the parent's: not even their memory is freed.
    static_cast<void>(new std::shared_ptr<Impl>(std::move(impl_)));
    return;
  }
  impl_->client().stop();
}

void DynamodbStore::submit(std::vector<contract::Call> calls) {
  const auto impl = impl_;  // An answer may destroy this store.
  for (contract::Call& call : calls) impl->attempt(std::move(call));
}

void DynamodbStore::list(const contract::PageWanted& wanted,
                         std::function<void(Result<CounterPage>)> done) {
  const auto impl = impl_;
  if (std::string why = impl->doubt(); !why.empty()) {
    return done(Error(ErrorCode::kCorrupt, as_sentence(std::move(why))));
  }
  DynamodbListing::start(
      impl->client(), wanted, [impl](const std::string& line) { impl->warn(line); },
      [impl, done = std::move(done)](Result<CounterPage> page) { done(std::move(page)); });
}

std::uint64_t DynamodbStore::commits() const noexcept { return impl_->writes(); }

StoreHealth DynamodbStore::health() const {
  StoreHealth health = impl_->client().health();
  if (std::string why = impl_->doubt(); !why.empty()) health.doubt = as_sentence(std::move(why));
  return health;
}

}  // namespace nextid::store
