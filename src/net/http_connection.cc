#include "net/http_connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace nextid::net {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kFirstInputBytes = 4 * 1024;
// What an idle connection keeps of what a busy one grew.
constexpr std::size_t kIdlePipeline = 64;
constexpr std::size_t kIdleOutputBytes = 64 * 1024;

constexpr milliseconds kLinger{1000};
constexpr std::size_t kMaxLingerBytes = 256 * 1024;

}  // namespace

HttpConnection::HttpConnection(IoThread& io, Socket socket, const HttpSettings& settings)
    : Connection(io),
      socket_(std::move(socket)),
      settings_(settings),
      input_(std::min(kFirstInputBytes,
                      protocol::HttpRequestParser(settings.limits).max_unconsumed_bytes())),
      now_(base::monotonic_now()),
      parser_(settings.limits),
      pending_(1),
      idle_since_(now_) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

void HttpConnection::start() {
  io().adopt(shared_from_this());
  read_more();
  if (io().draining()) drain();
}

void HttpConnection::refuse() {
  io().adopt(shared_from_this());
  take_last({.status = 503,
             .code = "overloaded",
             .detail = "The server has its limit of " + std::to_string(settings_.max_connections) +
                       " connections; try again soon, or elsewhere."});
}

// --- Input

void HttpConnection::read_more() {
  const bool wanted = state_ == State::kLingering || may_take_request();
  if (!wanted || reading_ || input_ended_) return;
  reading_ = true;
  socket_.async_read_some(
      boost::asio::buffer(input_.data() + input_end_, input_.size() - input_end_),
      [self = shared_from_this(), this](const error_code& error, std::size_t size) {
        on_read(error, size);
      });
}

void HttpConnection::on_read(const error_code& error, std::size_t size) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  if (error == boost::asio::error::eof) {
    input_ended_ = true;
    return go_on();
  }
  if (error) return abort();
  if (state_ == State::kLingering) return discard_input(size);
  input_end_ += size;
  take_requests();
  if (io().draining() && is_done()) return finish();
  read_more();
}

void HttpConnection::discard_input(std::size_t size) {
  lingered_bytes_ += size;
  if (lingered_bytes_ > kMaxLingerBytes) return close();
  read_more();
}

void HttpConnection::take_requests() {
  now_ = base::monotonic_now();
  bool took_request = false;
  while (may_take_request() && input_begin_ < input_end_) {
    const auto outcome = parser_.feed({input_.data() + input_begin_, input_end_ - input_begin_});
    input_begin_ += outcome.consumed;
    if (outcome.status == protocol::HttpRequestParser::Status::kNeedMore) break;
    if (outcome.status == protocol::HttpRequestParser::Status::kError) {
      take_last(parser_.problem());
      break;
    }
    took_request = true;
    take(parser_.request());
  }
  if (state_ == State::kOpen && parser_.take_expectation()) {
    add_pending({}).answer = Continue{};
    write_answers();
  }
  make_room();
  note_partial_request(took_request);
}

// Moves what is left of the input to the front, and grows the buffer when a head fills it.
void HttpConnection::make_room() {
  const std::size_t left = input_end_ - input_begin_;
  if (left > 0 && input_begin_ > 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, left);
  }
  input_begin_ = 0;
  input_end_ = left;
  if (input_end_ == input_.size()) {
    input_.resize(std::min(2 * input_.size(), parser_.max_unconsumed_bytes() + 1));
  }
}

bool HttpConnection::may_take_request() const noexcept {
  return state_ == State::kOpen && pending_.size() < kMaxPipeline &&
         output_.size() - sent_ < kMaxUnsentBytes && !store_call_pending_;
}

void HttpConnection::note_partial_request(bool took_request) {
  const bool partial = input_begin_ < input_end_ || parser_.in_request();
  if (!partial || !may_take_request()) {
    partial_since_.reset();
  } else if (took_request || !partial_since_) {
    partial_since_ = now_;
  }
}

// --- Requests

void HttpConnection::take(const protocol::HttpRequest& request) {
  add_pending(request);
  std::visit([this](auto&& call) { take(std::move(call)); },
             protocol::route_of(request, settings_.max_range));
}

void HttpConnection::take(protocol::Allocate&& call) {
  Pending& pending = pending_.back();
  pending.allocates = true;
  pending.format = {.range = call.range, .as_string = call.as_string};
  if (call.counter != kDefaultCounter) pending.generator.emplace(io().store(), call.counter);
  std::optional<IdempotencyKey> key;
  if (!call.key.empty()) key = call.key;
  pending.has_key = key.has_value();
  if (outstanding_++ == 0) self_ = shared_from_this();
  pending.request = io().allocate(generator_of(pending.generator), call.count,
                                  now_ + settings_.request_timeout, *this, last_tag(), key);
}

void HttpConnection::take(protocol::Health&&) { answer(last_tag(), protocol::status_reply("ok")); }

void HttpConnection::take(protocol::ShowAsset&& call) {
  answer(last_tag(), protocol::asset_reply(*call.asset, call.if_none_match));
}

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
  start_store_call(call, io().store(), [self, tag = last_tag()](protocol::Reply reply) {
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
  if (pending.close) state_ = State::kClosing;
  return pending;
}

const IdGenerator& HttpConnection::generator_of(
    const std::optional<IdGenerator>& generator) const noexcept {
  return generator ? *generator : io().default_generator();
}

void HttpConnection::deliver(std::uint64_t tag, Result<IdRange> range) {
  std::shared_ptr<Connection> last_hold;
  if (--outstanding_ == 0) last_hold = std::move(self_);
  Pending& pending = pending_of(tag);
  if (state_ == State::kClosed) {
    if (range) count_undelivered(pending, *range);
    return;
  }
  pending.answer = std::move(range);
  if (tag == first_tag_) write_answers();
}

void HttpConnection::answer(std::uint64_t tag, protocol::Reply reply) {
  if (state_ == State::kClosed) return;
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

void HttpConnection::write_answer(Pending& pending) {
  const bool last_of_drain = io().draining() && pending_.size() == 1 && input_begin_ == input_end_;
  if (last_of_drain && state_ == State::kOpen) state_ = State::kClosing;
  const protocol::ReplyFrame frame{.date = io().date(),
                                   .close = pending.close || last_of_drain,
                                   .announce_keep_alive = pending.announce_keep_alive,
                                   .head_only = pending.head_only};
  if (const auto* range = std::get_if<Result<IdRange>>(&pending.answer)) {
    if (range->has_error()) {
      const auto problem = protocol::problem_of(range->error());
      return append_reply(output_, protocol::problem_reply(problem), frame);
    }
    append_range_reply(output_, **range, pending.format, frame);
    if (pending.has_key) return;
    unsent_.push_back({output_.size(), (*range)->count(), std::move(pending.generator)});
  } else if (const auto* reply = std::get_if<protocol::Reply>(&pending.answer)) {
    append_reply(output_, *reply, frame);
  } else {
    output_.append(protocol::kContinueReply);
  }
}

void HttpConnection::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  io().flush_at_turn_end(shared_from_this());
}

// --- Output and the end

void HttpConnection::flush() {
  flush_scheduled_ = false;
  if (state_ == State::kClosed || blocked_since_) return;
  if (send_output()) go_on();
}

// False when the client is gone, or takes no more for now.
bool HttpConnection::send_output() {
  while (sent_ < output_.size()) {
    error_code error;
    sent_ += socket_.write_some(boost::asio::buffer(output_.data() + sent_, output_.size() - sent_),
                                error);
    if (error == boost::asio::error::would_block) {
      wait_until_writable();
      return false;
    }
    if (error) {
      abort();
      return false;
    }
  }
  forget_sent();
  note_idle();
  return true;
}

void HttpConnection::wait_until_writable() {
  forget_sent();  // Or the output of a client that is always a little behind would grow for ever.
  blocked_since_ = base::monotonic_now();
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this(), this](const error_code& error) {
                       if (state_ == State::kClosed) return;
                       if (error) return abort();
                       blocked_since_.reset();
                       if (send_output()) go_on();
                     });
}

void HttpConnection::forget_sent() {
  const std::size_t sent = std::exchange(sent_, 0);
  output_.erase(0, sent);
  std::erase_if(unsent_, [sent](const Unsent& unsent) { return unsent.end <= sent; });
  for (auto& unsent : unsent_) unsent.end -= sent;
}

void HttpConnection::note_idle() {
  if (!pending_.empty()) return;
  idle_since_ = base::monotonic_now();
  parser_.forget_request();
  if (pending_.capacity() > kIdlePipeline) pending_.set_capacity(kIdlePipeline);
  if (output_.capacity() > kIdleOutputBytes) output_.shrink_to_fit();
}

// After answers went out or the input ended: takes the requests that had to wait, and closes when
// nothing is left to do.
void HttpConnection::go_on() {
  if (state_ == State::kLingering && input_ended_) return close();
  // While a read is under way its buffer must stay where it is; what is in it is no whole request.
  if (!reading_ && input_begin_ < input_end_ && may_take_request()) take_requests();
  const bool no_more = state_ == State::kClosing || input_ended_ || io().draining();
  if (no_more && is_done()) return finish();
  read_more();
}

bool HttpConnection::is_done() const noexcept {
  return pending_.empty() && output_.empty() && state_ != State::kLingering;
}

// Nothing is left to say.
void HttpConnection::finish() {
  if (input_ended_) return close();
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return close();
  state_ = State::kLingering;
  linger_until_ = base::monotonic_now() + kLinger;
  input_begin_ = input_end_ = 0;
  read_more();
}

void HttpConnection::sweep(base::MonotonicTime now) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kLingering) {
    if (now >= linger_until_) close();
  } else if (blocked_since_) {
    if (now - *blocked_since_ >= settings_.write_timeout) abort();
  } else if (state_ == State::kOpen && partial_since_) {
    if (now - *partial_since_ < settings_.header_timeout) return;
    partial_since_.reset();
    take_last({.status = 408,
               .code = "deadline",
               .detail = "The request did not arrive whole within " +
                         std::to_string(settings_.header_timeout.count()) + " ms."});
  } else if (is_done() && now - idle_since_ >= settings_.idle_timeout) {
    close();
  }
}

void HttpConnection::drain() {
  if (state_ != State::kOpen || !is_done()) return;
  // A request that the client has sent already is still answered.
  error_code error;
  if (!input_ended_ && socket_.available(error) > 0) return;
  close();
}

void HttpConnection::abort() {
  if (state_ == State::kClosed) return;
  give_up_answers();
  close();
}

void HttpConnection::give_up_answers() {
  for (const auto& unsent : unsent_) {
    if (unsent.end > sent_) generator_of(unsent.generator).count_undelivered(unsent.count);
  }
  unsent_.clear();
  for (const auto& pending : pending_) {
    if (const auto* range = std::get_if<Result<IdRange>>(&pending.answer)) {
      if (*range) count_undelivered(pending, **range);
    } else if (pending.allocates && generator_of(pending.generator).cancel(pending.request)) {
      --outstanding_;
    }
  }
  if (outstanding_ == 0) self_.reset();
}

// A repeat with the same idempotency key gets the ids that it stands for.
void HttpConnection::count_undelivered(const Pending& pending, const IdRange& range) const {
  if (!pending.has_key) generator_of(pending.generator).count_undelivered(range.count());
}

void HttpConnection::close() {
  state_ = State::kClosed;
  error_code ignored;
  socket_.close(ignored);
  io().forget(shared_from_this());
}

}  // namespace nextid::net
