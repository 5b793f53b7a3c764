#include "http/connection.h"

#include <algorithm>
#include <utility>

#include "base/cat.h"
#include "http/counting.h"
#include "http/date.h"
#include "http/limits.h"
#include "service/caller_key.h"

namespace nextid::http {
namespace {

using base::cat;

constexpr std::size_t kFirstInputBytes = 4 * 1024;

// Whether the answer tells more than that the call was done.
template <typename Asked>
constexpr bool kShowsWhatItChanges = Asked::kNeeds.acts() &&
                                     (std::is_same_v<typename Asked::Answer, CounterInfo> ||
                                      std::is_same_v<typename Asked::Answer, DefinedCounter>);

template <typename Asked>
Reply reply_to(const Result<typename Asked::Answer>& answer, const ServiceCall& call) {
  if constexpr (kShowsWhatItChanges<Asked>) {
    if (!call.shows_counter) {
      return reply_without_counter(answer ? Result<void>() : Result<void>(answer.error()));
    }
  }
  if constexpr (std::is_same_v<Asked, service::ShowCounter>) {
    return counter_reply(answer, call.ids, call.conditions);
  } else if constexpr (std::is_same_v<Asked, service::CheckReady>) {
    return readiness_reply(answer, call.tells_why);
  } else {
    return reply_of(answer, call.ids);
  }
}

}  // namespace

Connection::Connection(net::IoThread& io, net::Stream stream, FrontEnd& front)
    : PipelinedConnection(
          io, std::move(stream), front.settings,
          std::min(kFirstInputBytes, RequestParser(front.limits).max_unconsumed_bytes()),
          io.stats_of(kLabels.name)),
      front_(front),
      session_(front.gate.access()),
      parser_(front.limits) {
  if (front_.audit != nullptr) client_ = peer();
  if (!session_.needs_token()) return;
  set_signed_in(false);
  wipe_input();
}

Problem Connection::too_many() const {
  return {.status = 503,
          .code = "overloaded",
          .detail = cat("The server has its limit of ", settings().max_connections,
                        " connections; try again soon, or elsewhere.")};
}

void Connection::refuse_as_too_many() { take_last(too_many()); }

void Connection::refuse_as_too_slow() {
  take_last({.status = 408,
             .code = "deadline",
             .detail = cat("The request did not arrive whole within ",
                           settings().header_timeout.count(), " ms.")});
}

void Connection::refuse_as_plain() {
  take_last(invalid("This port speaks HTTP over TLS: ask for https:// and not http://."));
}

// Who has asked for nothing expects no answer.
void Connection::refuse_as_in_the_way() {
  if (!input().empty() || parser_.in_request()) take_last(too_many());
}

void Connection::note_tls_client() {
  front_.gate.warn(
      "A client spoke TLS to the HTTP port, which is plain, and was refused: let it ask for "
      "http://, or start the server with --tls-cert and --tls-key.");
}

bool Connection::take_input() {
  bool took_request = false;
  while (may_take_request() && !input().empty()) {
    const auto outcome = parser_.feed(input());
    consume(outcome.consumed);
    if (outcome.status == RequestParser::Status::kNeedMore) break;
    if (outcome.status == RequestParser::Status::kError) {
      take_last(parser_.problem());
      break;
    }
    took_request = true;
    take(parser_.request());
  }
  if (open() && parser_.take_expectation()) {
    add_request({});
    answer(last_tag(), Continue{});
  }
  return took_request;
}

// --- Requests

void Connection::take(const Request& request) {
  Entry& entry = add_request(request);
  auto routed = route_of(request, settings().max_range);
  entry.route = routed.counted_as;
  if (auto refusal = front_.gate.check(request, routed, session_, entry.request_id)) {
    if (refusal->status == 401 && request.authorization.count > 0) {
      front_.sign_ins.note(kLabels.name, peer(), now());
    }
    note_refusal(routed, *refusal);
    routed.call = *std::move(refusal);
  }
  note_sender(routed);
  if (auto refusal = check_rates(routed, session_.user(), now())) {
    routed.call = *std::move(refusal);
  }
  if (is_question_of_readiness(routed.call)) {
    std::get<ServiceCall>(routed.call).tells_why = front_.gate.may_inspect(request, session_);
  }
  if (auto* call = std::get_if<ServiceCall>(&routed.call); call != nullptr && routed.needs.acts()) {
    call->shows_counter = front_.gate.may_look_at(routed.counter(), session_);
  }
  if (is_too_much(routed.call)) {
    routed.call =
        Problem{.status = 503, .code = "overloaded", .detail = std::string(net::kMemoryIsShort)};
  }
  if (over_limit()) {
    if (!is_probe(routed.call)) routed.call = too_many();
    entry.close = true;
    close_after_answers();
  }
  std::visit([this](auto&& call) { take(std::move(call)); }, std::move(routed.call));
}

// What may have a long answer is not served while memory is short; ids are, to who holds little.
bool Connection::is_too_much(const Call& call) const {
  if (!io().memory().is_short() || is_probe(call)) return false;
  return holds_too_much() || !std::holds_alternative<Allocate>(call);
}

// What everyone may ask for shows no token.
void Connection::note_sender(const Routed& routed) {
  if (!session_.needs_token() || routed.needs.who == service::Needs::Who::kEveryone) return;
  set_signed_in(!session_.name().empty());
}

// Of the last request: after one without a token, or when the token is no more, the next is
// awaited.
void Connection::look_at_token() {
  if (session_.needs_token() && !session_.is_signed_in()) set_signed_in(false);
}

void Connection::take(Allocate&& call) {
  last().format = {.range = call.range, .ids = call.ids};
  if (front_.audit != nullptr && call.count >= front_.audit->least_range()) {
    last().noted = std::make_unique<service::AuditRecord>(
        by_sender({.kind = service::AuditRecord::Kind::kTakeRange, .counter = call.counter}));
    keep(last(), sizeof(service::AuditRecord));
  }
  net::GeneratorHold ids = generator(call.counter, session_.user());
  // With unanswered requests before it, this one must wait its turn: ids of a connection grow.
  if (call.key.empty() && call.count == 1 && queue().size() == 1) {
    if (const std::uint64_t id = ids->try_next_id()) {
      last().generator = std::move(ids);
      return answer(last_tag(), Result<IdRange>(IdRange(id, 1, 1)));
    }
  }
  if (!may_wait(call.count)) return;
  if (call.key.empty()) return ask(std::move(ids), call.count);
  const node::RequestKey key = service::key_of(session_, std::move(call.key));
  ask(std::move(ids), call.count, &key);
}

// False, and answered, where the sender's token has too many requests waiting.
bool Connection::may_wait(std::uint64_t ids) {
  const auto reached = last().waiting.begin(session_.user(), ids);
  if (reached) answer_now(problem_reply(problem_of(*reached)));
  return !reached;
}

void Connection::take(Health&&) { answer_now(status_reply("ok")); }

void Connection::take(ShowOptions&& call) { answer_now(options_reply(call.allow)); }

void Connection::take(ShowAsset&& call) {
  const bool is_document = call.asset->path == OpenApiDocument::kPath;
  const web::Asset asset = is_document ? front_.document.asset(call.ids) : *call.asset;
  answer_now(asset_reply(asset, call.conditions));
}

void Connection::take(Problem&& problem) { answer_now(problem_reply(problem)); }

// Answers after all others, and takes no more requests.
void Connection::take_last(const Problem& problem) {
  Request none;
  none.keep_alive = false;
  add_request(none);
  answer_now(problem_reply(problem));
}

void Connection::take(ServiceCall&& call) {
  std::visit([this](auto& asked) { service::charge(asked, session_.usage()); }, call.call);
  auto record = record_of(call);
  call_in_turn([this, call = std::move(call), record = std::move(record)] {
    const auto self = std::static_pointer_cast<Connection>(shared_from_this());
    std::visit(
        [&]<typename Asked>(const Asked& asked) {
          front_.service.start(asked,
                               [self, call, record](const Result<typename Asked::Answer>& answer) {
                                 service::note_end(self->front_.audit, record, answer);
                                 self->end_later(reply_to<Asked>(answer, call));
                               });
        },
        call.call);
  });
}

// From any thread.
void Connection::end_later(Reply reply) {
  const auto self = std::static_pointer_cast<Connection>(shared_from_this());
  io().post([self, reply = std::move(reply)]() mutable {
    self->end_call(std::make_unique<const Reply>(std::move(reply)));
  });
}

// --- The audit log

service::AuditRecord Connection::by_sender(service::AuditRecord record) const {
  record.protocol = kLabels.name;
  record.client = client_;
  record.token = session_.name();
  return record;
}

std::optional<service::AuditRecord> Connection::record_of(const ServiceCall& call) const {
  if (front_.audit == nullptr) return std::nullopt;
  auto record = std::visit([](const auto& asked) { return service::record_of(asked); }, call.call);
  return record ? std::optional(by_sender(*std::move(record))) : std::nullopt;
}

void Connection::note_refusal(const Routed& routed, const Problem& refusal) const {
  if (front_.audit == nullptr || (refusal.status != 401 && refusal.status != 403)) return;
  front_.audit->note(by_sender({.kind = service::AuditRecord::Kind::kRefuse,
                                .call = kLabels.routes[routed.counted_as].name,
                                .counter = std::string(routed.counter()),
                                .code = std::string(refusal.code)}));
}

// --- Answers

Entry& Connection::add_request(const Request& request) {
  Entry& entry = add(stats::kOtherRoute);
  entry.close = !request.keep_alive;
  entry.announce_keep_alive = request.http_1_0 && request.keep_alive;
  entry.head_only = request.method == "HEAD";
  entry.of_browser = request.of_browser;
  entry.only_tls = front_.gate.wants_only_tls(request);
  if (entry.close) close_after_answers();
  return entry;
}

void Connection::write(Entry& entry) {
  const bool last_of_drain = io().draining() && queue().size() == 1 && input().empty();
  if (last_of_drain) close_after_answers();
  const ReplyFrame frame{.date = date(),
                         .close = entry.close || last_of_drain,
                         .announce_keep_alive = entry.announce_keep_alive,
                         .head_only = entry.head_only,
                         .of_browser = entry.of_browser,
                         .only_tls = entry.only_tls,
                         .request_id = entry.request_id};
  if (const auto* range = std::get_if<Result<IdRange>>(&entry.answer)) {
    count(entry, *range);
    if (!*range) {
      return write_reply(entry, problem_reply(problem_of(range->error())), frame);
    }
    append_range_reply(output(), **range, entry.format, frame);
    put_ids(entry, **range);
    if (entry.noted) {
      entry.noted->ids = **range;
      front_.audit->note(*entry.noted);
    }
  } else if (const auto* reply = std::get_if<WaitingReply>(&entry.answer)) {
    stats().count(entry.route, ending_of(**reply));
    write_reply(entry, **reply, frame);
  } else {
    output().append(kContinueReply);
  }
}

// Every error has an id, by which the client's copy is found in the log.
void Connection::write_reply(const Entry& entry, const Reply& reply, ReplyFrame frame) {
  std::string new_id;
  if (!reply.code.empty() && entry.request_id.empty()) {
    new_id = front_.gate.new_request_id();
    frame.request_id = new_id;
  }
  if (reply.status >= 500) {
    front_.gate.note_failure(reply, std::string(frame.request_id), base::monotonic_now());
  }
  append_reply(output(), reply, frame);
}

void Connection::shrink() {
  parser_.forget_request();
  PipelinedConnection::shrink();
}

std::size_t Connection::held_by_protocol() const noexcept {
  return sizeof(*this) + parser_.held_bytes() + PipelinedConnection::held_by_protocol();
}

void Connection::rest() {
  parser_.rest();
  PipelinedConnection::rest();
}

}  // namespace nextid::http
