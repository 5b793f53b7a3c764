#include "net/http_connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "net/http_counting.h"
#include "net/http_gate.h"

namespace nextid::net {
namespace {

constexpr std::size_t kFirstInputBytes = 4 * 1024;
// What an idle connection keeps of the queue that a busy one grew.
constexpr std::size_t kIdlePipeline = 64;

}  // namespace

HttpConnection::HttpConnection(IoThread& io, Stream stream, const HttpSettings& settings)
    : ClientConnection(
          io, std::move(stream), settings,
          std::min(kFirstInputBytes,
                   protocol::HttpRequestParser(settings.limits).max_unconsumed_bytes()),
          stats::Protocol::kHttp),
      settings_(settings),
      session_(settings.gate->access()),
      parser_(settings.limits),
      pending_(1) {}

void HttpConnection::refuse_as_too_many() {
  take_last({.status = 503,
             .code = "overloaded",
             .detail = "The server has its limit of " + std::to_string(settings_.max_connections) +
                       " connections; try again soon, or elsewhere."});
}

void HttpConnection::refuse_as_too_slow() {
  take_last({.status = 408,
             .code = "deadline",
             .detail = "The request did not arrive whole within " +
                       std::to_string(settings_.header_timeout.count()) + " ms."});
}

bool HttpConnection::take_input() {
  bool took_request = false;
  while (may_take_request() && !input().empty()) {
    const auto outcome = parser_.feed(input());
    consume(outcome.consumed);
    if (outcome.status == protocol::HttpRequestParser::Status::kNeedMore) break;
    if (outcome.status == protocol::HttpRequestParser::Status::kError) {
      take_last(parser_.problem());
      break;
    }
    took_request = true;
    take(parser_.request());
  }
  if (open() && parser_.take_expectation()) {
    add_pending({}).answer = Continue{};
    write_answers();
  }
  return took_request;
}

// --- Requests

void HttpConnection::take(const protocol::HttpRequest& request) {
  Pending& pending = add_pending(request);
  auto routed = protocol::route_of(request, settings_.max_range);
  pending.route = counted_as(routed.route, request.method);
  if (auto refusal = settings_.gate->check(request, routed, session_, pending.request_id)) {
    routed.route = *std::move(refusal);
  }
  std::visit([this](auto&& call) { take(std::move(call)); }, std::move(routed.route));
}

void HttpConnection::take(protocol::Allocate&& call) {
  Pending& pending = pending_.back();
  pending.format = {.range = call.range, .as_string = call.as_string};
  pending.taken = now();
  pending.generator = generator(call.counter);
  const IdGenerator& ids = **pending.generator;
  if (!call.key.empty()) {
    pending.has_key = true;
    pending.request = allocate(ids, call.count, last_tag(), call.key);
    return;
  }
  // With others before it, it must wait for its turn: ids of a connection grow.
  if (call.count == 1 && pending_.size() == 1) {
    if (const std::uint64_t id = ids.try_next_id()) {
      pending.answer = Result<IdRange>(IdRange(id, 1, 1));
      return write_answers();
    }
  }
  pending.request = allocate(ids, call.count, last_tag());
}

void HttpConnection::take(protocol::Health&&) { answer(last_tag(), protocol::status_reply("ok")); }

void HttpConnection::take(protocol::Problem&& problem) {
  answer(last_tag(), protocol::problem_reply(problem));
}

// Answers after all others, and takes no more requests.
void HttpConnection::take_last(const protocol::Problem& problem) {
  protocol::HttpRequest none;
  none.keep_alive = false;
  add_pending(none);
  answer(last_tag(), protocol::problem_reply(problem));
}

// --- Calls of the store

// Such a call sees what the requests before it on this connection did, so it begins when they are
// answered; those after it see what it did, so they wait. Its answer may be long, besides.
void HttpConnection::take_store_call(StoreCall call) {
  store_call_pending_ = true;
  next_call_ = std::move(call);
  start_store_call_in_turn();
}

void HttpConnection::start_store_call_in_turn() {
  if (!next_call_ || pending_.size() > 1) return;
  const StoreCall call = *std::exchange(next_call_, std::nullopt);
  const auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
  start_store_call(
      call, io().store(), *settings_.reports, [self, tag = last_tag()](protocol::Reply reply) {
        boost::asio::post(self->io().context(), [self, tag, reply = std::move(reply)]() mutable {
          self->store_call_pending_ = false;
          self->answer(tag, std::move(reply));
        });
      });
}

// --- Answers

HttpConnection::Pending& HttpConnection::add_pending(const protocol::HttpRequest& request) {
  if (pending_.full()) pending_.set_capacity(2 * pending_.capacity());
  pending_.push_back({});
  Pending& pending = pending_.back();
  pending.close = !request.keep_alive;
  pending.announce_keep_alive = request.http_1_0 && request.keep_alive;
  pending.head_only = request.method == "HEAD";
  if (pending.close) close_after_answers();
  return pending;
}

void HttpConnection::deliver(std::uint64_t tag, Result<IdRange> range) {
  const auto last_hold = delivered();
  Pending& pending = pending_of(tag);
  if (closed()) {
    if (range) count_undelivered(pending, *range);
    return;
  }
  pending.answer = std::move(range);
  if (tag == first_tag_) write_answers();
}

void HttpConnection::answer(std::uint64_t tag, protocol::Reply reply) {
  if (closed()) return;
  pending_of(tag).answer = std::move(reply);
  if (tag == first_tag_) write_answers();
}

// Moves the answers that are next in order to the output.
void HttpConnection::write_answers() {
  while (!pending_.empty() && pending_.front().answer.index() != 0) {
    write_answer(pending_.front());
    pending_.pop_front();
    ++first_tag_;
  }
  start_store_call_in_turn();
  schedule_flush();
}

void HttpConnection::count(const Pending& pending) {
  if (const auto* range = std::get_if<Result<IdRange>>(&pending.answer)) {
    stats().count(pending.route,
                  *range ? stats::Ending::kOk : stats::ending_of(range->error().code()));
    note_answer(pending.taken);
  } else if (const auto* reply = std::get_if<protocol::Reply>(&pending.answer)) {
    stats().count(pending.route, ending_of(*reply));
  }
}

void HttpConnection::write_answer(Pending& pending) {
  count(pending);
  const bool last_of_drain = io().draining() && pending_.size() == 1 && input().empty();
  if (last_of_drain) close_after_answers();
  const protocol::ReplyFrame frame{.date = io().date(),
                                   .close = pending.close || last_of_drain,
                                   .announce_keep_alive = pending.announce_keep_alive,
                                   .head_only = pending.head_only,
                                   .request_id = pending.request_id};
  if (const auto* range = std::get_if<Result<IdRange>>(&pending.answer)) {
    if (*range) return write_range(pending, **range, frame);
    write_reply(pending, protocol::problem_reply(protocol::problem_of(range->error())), frame);
  } else if (const auto* reply = std::get_if<protocol::Reply>(&pending.answer)) {
    write_reply(pending, *reply, frame);
  } else {
    output().append(protocol::kContinueReply);
  }
}

// Every error has an id by which it is found again, here and in the log.
void HttpConnection::write_reply(const Pending& pending, const protocol::Reply& reply,
                                 protocol::ReplyFrame frame) {
  std::string new_id;
  if (!reply.code.empty() && pending.request_id.empty()) {
    new_id = settings_.gate->new_request_id();
    frame.request_id = new_id;
  }
  if (reply.status >= 500) {
    settings_.gate->note_failure(reply, std::string(frame.request_id), base::monotonic_now());
  }
  append_reply(output(), reply, frame);
}

void HttpConnection::write_range(Pending& pending, const IdRange& range,
                                 const protocol::ReplyFrame& frame) {
  append_range_reply(output(), range, pending.format, frame);
  if (!pending.has_key) output_has_ids(*std::move(pending.generator), range.count());
}

void HttpConnection::shrink() {
  parser_.forget_request();
  if (pending_.capacity() > kIdlePipeline) pending_.set_capacity(kIdlePipeline);
}

void HttpConnection::give_up_unanswered() {
  for (const Pending& pending : pending_) {
    if (!pending.generator) continue;
    if (const auto* range = std::get_if<Result<IdRange>>(&pending.answer)) {
      if (*range) count_undelivered(pending, **range);
    } else {
      withdraw(**pending.generator, pending.request);
    }
  }
}

// A repeat with the same idempotency key gets the ids that it stands for.
void HttpConnection::count_undelivered(const Pending& pending, const IdRange& range) {
  if (!pending.has_key) (*pending.generator)->count_undelivered(range.count());
}

}  // namespace nextid::net
