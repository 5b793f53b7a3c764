#include "net/http_connection.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "net/http_counting.h"

namespace nextid::net {
namespace {

constexpr std::size_t kFirstInputBytes = 4 * 1024;

}  // namespace

HttpConnection::HttpConnection(IoThread& io, Stream stream, const HttpNode& node)
    : PipelinedConnection(io, std::move(stream), node.settings,
                          std::min(kFirstInputBytes,
                                   protocol::HttpRequestParser(node.limits).max_unconsumed_bytes()),
                          stats::Protocol::kHttp),
      node_(node),
      session_(node.gate.access()),
      parser_(node.limits) {}

void HttpConnection::refuse_as_too_many() {
  take_last({.status = 503,
             .code = "overloaded",
             .detail = "The server has its limit of " + std::to_string(settings().max_connections) +
                       " connections; try again soon, or elsewhere."});
}

void HttpConnection::refuse_as_too_slow() {
  take_last({.status = 408,
             .code = "deadline",
             .detail = "The request did not arrive whole within " +
                       std::to_string(settings().header_timeout.count()) + " ms."});
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
    add_request({});
    answer(last_tag(), Continue{});
  }
  return took_request;
}

// --- Requests

void HttpConnection::take(const protocol::HttpRequest& request) {
  HttpEntry& entry = add_request(request);
  auto routed = protocol::route_of(request, settings().max_range);
  entry.route = routed.counted_as;
  if (auto refusal = node_.gate.check(request, routed, session_, entry.request_id)) {
    routed.call = *std::move(refusal);
  }
  std::visit([this](auto&& call) { take(std::move(call)); }, std::move(routed.call));
}

void HttpConnection::take(protocol::Allocate&& call) {
  last().format = {.range = call.range, .ids = call.ids};
  GeneratorHold ids = generator(call.counter);
  if (!call.key.empty()) return ask(std::move(ids), call.count, call.key);
  // With others before it, it must wait for its turn: ids of a connection grow.
  if (call.count == 1 && queue().size() == 1) {
    if (const std::uint64_t id = ids->try_next_id()) {
      last().generator = std::move(ids);
      return answer(last_tag(), Result<IdRange>(IdRange(id, 1, 1)));
    }
  }
  ask(std::move(ids), call.count);
}

void HttpConnection::take(protocol::Health&&) { answer_now(protocol::status_reply("ok")); }

void HttpConnection::take(protocol::ShowAsset&& call) {
  answer_now(protocol::asset_reply(*call.asset, call.if_none_match));
}

void HttpConnection::take(protocol::Problem&& problem) {
  answer_now(protocol::problem_reply(problem));
}

// Answers after all others, and takes no more requests.
void HttpConnection::take_last(const protocol::Problem& problem) {
  protocol::HttpRequest none;
  none.keep_alive = false;
  add_request(none);
  answer_now(protocol::problem_reply(problem));
}

void HttpConnection::take_store_call(StoreCall call) {
  call_in_turn([this, call = std::move(call)] {
    const auto self = std::static_pointer_cast<HttpConnection>(shared_from_this());
    start_store_call(call, io().store(), node_.reports, [self](protocol::Reply reply) {
      boost::asio::post(self->io().context(), [self, reply = std::move(reply)]() mutable {
        self->end_call(std::move(reply));
      });
    });
  });
}

// --- Answers

HttpEntry& HttpConnection::add_request(const protocol::HttpRequest& request) {
  HttpEntry& entry = add(stats::Route::kOtherHttp);
  entry.close = !request.keep_alive;
  entry.announce_keep_alive = request.http_1_0 && request.keep_alive;
  entry.head_only = request.method == "HEAD";
  if (entry.close) close_after_answers();
  return entry;
}

void HttpConnection::write(HttpEntry& entry) {
  const bool last_of_drain = io().draining() && queue().size() == 1 && input().empty();
  if (last_of_drain) close_after_answers();
  const protocol::ReplyFrame frame{.date = io().date(),
                                   .close = entry.close || last_of_drain,
                                   .announce_keep_alive = entry.announce_keep_alive,
                                   .head_only = entry.head_only,
                                   .request_id = entry.request_id};
  if (const auto* range = std::get_if<Result<IdRange>>(&entry.answer)) {
    count(entry, *range);
    if (!*range) {
      return write_reply(entry, protocol::problem_reply(protocol::problem_of(range->error())),
                         frame);
    }
    append_range_reply(output(), **range, entry.format, frame);
    put_ids(entry, **range);
  } else if (const auto* reply = std::get_if<protocol::Reply>(&entry.answer)) {
    stats().count(entry.route, ending_of(*reply));
    write_reply(entry, *reply, frame);
  } else {
    output().append(protocol::kContinueReply);
  }
}

// Every error has an id by which it is found again, here and in the log.
void HttpConnection::write_reply(const HttpEntry& entry, const protocol::Reply& reply,
                                 protocol::ReplyFrame frame) {
  std::string new_id;
  if (!reply.code.empty() && entry.request_id.empty()) {
    new_id = node_.gate.new_request_id();
    frame.request_id = new_id;
  }
  if (reply.status >= 500) {
    node_.gate.note_failure(reply, std::string(frame.request_id), base::monotonic_now());
  }
  append_reply(output(), reply, frame);
}

void HttpConnection::shrink() {
  parser_.forget_request();
  PipelinedConnection::shrink();
}

}  // namespace nextid::net
