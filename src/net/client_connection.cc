#include "net/client_connection.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "base/wipe.h"
#include "net/first_byte.h"

namespace nextid::net {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

// What an idle connection keeps of the output that a busy one grew.
constexpr std::size_t kIdleOutputBytes = 64 * 1024;

// After so long without a request a connection has no more memory than a new one.
constexpr milliseconds kRestAfter{1000};

// Of one turn, so that a client that sends a lot does not keep others waiting.
constexpr int kMostReads = 4;
// A record with one fatal alert (RFC 8446, 5.1 and 6).
constexpr std::string_view kHandshakeFailure("\x15\x03\x01\x00\x02\x02\x28", 7);

// How long a connection may hold too much.
constexpr milliseconds kMemoryPatience{1000};

constexpr milliseconds kLinger{1000};
constexpr std::size_t kMaxLingerBytes = 256 * 1024;

}  // namespace

ClientConnection::ClientConnection(IoThread& io, Stream stream, const ClientSettings& settings,
                                   std::size_t first_input_bytes, stats::FrontEndStats& stats)
    : Connection(io),
      stream_(std::move(stream)),
      settings_(settings),
      stats_(stats),
      first_input_bytes_(first_input_bytes),
      input_(first_input_bytes),
      now_(base::monotonic_now()),
      idle_since_(now_) {}

// False when the system has no memory to watch the socket.
bool ClientConnection::join() {
  io().adopt(shared_from_this());
  has_joined_ = true;
  stats_.connection_opened();
  count_memory();
  if (!io().reactor().add(stream_.descriptor(), *this)) return true;
  abort();
  return false;
}

void ClientConnection::start(Place place) {
  place_ = std::move(place);
  if (!join()) return;
  if (!signed_in_) enter_lobby();
  if (io().draining()) drain();
}

void ClientConnection::refuse() {
  stats_.turned_away(stats::TurnedAway::kLimit);
  if (!join()) return;
  over_limit_ = true;
  enter_lobby();
  if (!answers_probes()) return refuse_as_too_many();
  partial_since_ = now_;  // It has no longer than a request that has begun.
}

// --- Strangers

void ClientConnection::enter_lobby() {
  const std::size_t front_end = io().front_end_of(stats_);
  Lobby& lobby = io().lobby();
  ticket_ =
      over_limit_ ? lobby.add_refused(front_end, *this) : lobby.add_stranger(front_end, *this);
}

void ClientConnection::set_signed_in(bool signed_in) {
  if (std::exchange(signed_in_, signed_in) == signed_in) return;
  stranger_since_ = now_;
  if (over_limit_ || !has_joined_) return;
  signed_in ? ticket_.give_back() : enter_lobby();
}

bool ClientConnection::is_late_to_sign_in(base::MonotonicTime now) const noexcept {
  return !signed_in_ && must_sign_in_soon() && now - stranger_since_ >= settings_.header_timeout;
}

void ClientConnection::make_way() {
  if (closed()) return;
  if (!over_limit_) stats_.turned_away(stats::TurnedAway::kMadeWay);
  if (open() && is_done() && !stream_.in_handshake()) {
    refuse_as_in_the_way();
    send_output(base::monotonic_now());
  }
  abort();
}

// --- Input

void ClientConnection::on_ready(Readiness ready) {
  const auto self = shared_from_this();
  stream_.note(ready);
  if (blocked_since_ && stream_.may_write()) {
    blocked_since_.reset();
    if (send_output(base::monotonic_now())) go_on();
  }
  read();
}

bool ClientConnection::wants_input() const noexcept {
  return (state_ == State::kLingering || may_take_request()) && !input_ended_;
}

void ClientConnection::read() {
  for (int i = 0; i < kMostReads && wants_input() && stream_.may_read(); ++i) read_some();
  read_later();
}

// What is still there is told by nobody again.
void ClientConnection::read_later() {
  if (wants_input() && stream_.may_read()) io().reactor().call_again(*this);
}

void ClientConnection::read_some() {
  error_code error;
  const std::size_t size = stream_.read_some(
      boost::asio::buffer(input_.data() + input_end_, input_.size() - input_end_), error);
  if (error == boost::asio::error::would_block) return;
  if (error == boost::asio::error::eof) {
    input_ended_ = true;
    return go_on();
  }
  if (error && stream_.turned_plain() && open()) return refuse_as_plain();
  if (error) return abort();
  stats_.received(size);
  if (state_ == State::kLingering) return discard_input(size);
  input_end_ += size;
  const bool is_first = !std::exchange(has_read_, true);
  if (is_first && !stream_.is_tls() && kind_of_first_byte(input().front()) == FirstByte::kTls) {
    return refuse_tls_client();
  }
  take_requests();
  if (io().draining() && is_done()) finish();
}

// In its own words, so that the client shows a failure of TLS, not garbage.
void ClientConnection::refuse_tls_client() {
  note_tls_client();
  consume(input().size());
  output_.append(kHandshakeFailure);
  close_after_answers();
  schedule_flush();
}

void ClientConnection::discard_input(std::size_t size) {
  lingered_bytes_ += size;
  if (lingered_bytes_ > kMaxLingerBytes) close();
}

void ClientConnection::take_requests() {
  now_ = base::monotonic_now();
  rested_ = false;
  const bool took_request = take_input();
  if (closed()) return;
  make_room();
  note_partial_request(took_request);
  count_memory();
}

// Moves what is left of the input to the front, and grows the buffer when a request fills it.
void ClientConnection::make_room() {
  const std::size_t left = input_end_ - input_begin_;
  if (left > 0 && input_begin_ > 0) {
    std::memmove(input_.data(), input_.data() + input_begin_, left);
  }
  if (has_secrets_) base::wipe(input_.data() + left, input_end_ - left);
  input_begin_ = 0;
  input_end_ = left;
  if (input_end_ == input_.size()) {
    // A client that signs out has a smaller bound from then on.
    grow_input(std::max(input_.size(), std::min(2 * input_.size(), max_input_bytes() + 1)));
  }
}

void ClientConnection::grow_input(std::size_t size) {
  std::vector<char> larger(size);
  std::memcpy(larger.data(), input_.data(), input_end_);
  if (has_secrets_) base::wipe(input_.data(), input_end_);
  input_.swap(larger);
}

bool ClientConnection::may_take_request() const noexcept {
  return open() && unsent_bytes() + waiting_bytes_ < kMaxHeldBytes && has_room() &&
         !(holds_too_much() && (has_unanswered() || !output_.empty()));
}

// --- Memory

void ClientConnection::count_memory() noexcept {
  const std::size_t held = input_.capacity() + output_.capacity() +
                           unsent_.capacity() * sizeof(Unsent) + waiting_bytes_ +
                           stream_.held_bytes() + held_by_protocol();
  if (held == counted_bytes_) return;
  io().memory().note(counted_bytes_, held);
  counted_bytes_ = held;
}

bool ClientConnection::holds_too_much() const noexcept {
  const ClientMemory& memory = io().memory();
  return memory.is_short() && counted_bytes_ > memory.share_bytes();
}

// True when the connection was closed.
bool ClientConnection::sweep_memory(base::MonotonicTime now) {
  if (!holds_too_much()) {
    too_much_since_.reset();
    return false;
  }
  if (!too_much_since_) too_much_since_ = now;
  if (now - *too_much_since_ < kMemoryPatience) return false;
  io().memory().note_eviction(peer());
  abort();
  return true;
}

void ClientConnection::note_partial_request(bool took_request) {
  const bool partial = input_begin_ < input_end_ || in_request();
  if (!partial || !may_take_request()) {
    partial_since_.reset();
  } else if (took_request || !partial_since_) {
    partial_since_ = now_;
  }
}

// --- Ids

RequestId ClientConnection::allocate(const IdGenerator& generator, std::uint64_t count,
                                     std::uint64_t tag, const node::RequestKey* key) {
  if (outstanding_++ == 0) self_ = shared_from_this();
  return io().allocate(generator, count, now_ + settings_.request_timeout, *this, tag, key);
}

std::shared_ptr<Connection> ClientConnection::delivered() noexcept {
  if (--outstanding_ > 0) return nullptr;
  return std::exchange(self_, nullptr);
}

void ClientConnection::withdraw(const IdGenerator& generator, RequestId request) {
  if (generator.cancel(request)) --outstanding_;
}

// --- Output and the end

void ClientConnection::schedule_flush() {
  if (std::exchange(flush_scheduled_, true)) return;
  io().flush_at_turn_end(shared_from_this());
}

void ClientConnection::note_answer(base::MonotonicTime taken) {
  if (answered_.empty() || answered_.back().taken != taken) answered_.push_back({taken, 0});
  ++answered_.back().count;
}

void ClientConnection::count_latencies(base::MonotonicTime now) {
  for (const Answered& answered : answered_) {
    stats_.answered(now - answered.taken, answered.count);
  }
  answered_.clear();
}

void ClientConnection::flush() {
  flush_scheduled_ = false;
  if (closed()) return;
  const base::MonotonicTime now = base::monotonic_now();
  count_latencies(now);
  if (!blocked_since_ && send_output(now)) go_on();
  if (!closed()) count_memory();
}

// False when the client is gone, or takes no more for now.
bool ClientConnection::send_output(base::MonotonicTime now) {
  while (sent_ < output_.size()) {
    error_code error;
    const std::size_t size = stream_.write_some(
        boost::asio::buffer(output_.data() + sent_, output_.size() - sent_), error);
    sent_ += size;
    stats_.sent(size);
    if (error == boost::asio::error::would_block) {
      forget_sent();  // Else the output of a client that is always a little behind grows for ever.
      blocked_since_ = now;
      return false;
    }
    if (error) {
      abort();
      return false;
    }
  }
  forget_sent();
  note_idle(now);
  return true;
}

void ClientConnection::forget_sent() {
  const std::size_t sent = std::exchange(sent_, 0);
  if (sent == output_.size()) {
    output_.clear();
    unsent_.clear();
    return;
  }
  output_.erase(0, sent);
  std::erase_if(unsent_, [sent](const Unsent& unsent) { return unsent.end <= sent; });
  for (auto& unsent : unsent_) unsent.end -= sent;
}

void ClientConnection::note_idle(base::MonotonicTime now) {
  if (has_unanswered()) return;
  idle_since_ = now;
  shrink();
  if (output_.capacity() > kIdleOutputBytes) output_.shrink_to_fit();
}

// After answers went out or the input ended: takes the requests that had to wait, and closes when
// nothing is left to do.
void ClientConnection::go_on() {
  if (state_ == State::kLingering && input_ended_) return close();
  if (has_unanswered()) {
    write_answers();
    if (!output_.empty()) schedule_flush();
  }
  if (has_input() && may_take_request()) take_requests();
  if (closed()) return;
  const bool no_more = state_ == State::kClosing || input_ended_ || io().draining();
  if (no_more && is_done()) return finish();
  read_later();
}

bool ClientConnection::is_done() const noexcept {
  return !has_unanswered() && output_.empty() && state_ != State::kLingering;
}

// Nothing is left to say.
void ClientConnection::finish() {
  if (input_ended_) return close();
  error_code error;
  stream_.shutdown_send(error);
  if (error) return close();
  state_ = State::kLingering;
  linger_until_ = base::monotonic_now() + kLinger;
  input_begin_ = input_end_ = 0;
  read_later();
}

// With large requests and answers in between, capacity would come and go if it were freed at once.
void ClientConnection::rest_if_idle(base::MonotonicTime now) {
  if (rested_ || !is_done() || !input().empty() || now - idle_since_ < kRestAfter) return;
  rested_ = true;
  io().note_freed(grown_bytes());
  rest();
  if (input_.size() > first_input_bytes_) std::vector<char>(first_input_bytes_).swap(input_);
  std::string().swap(output_);
  std::vector<Unsent>().swap(unsent_);
  std::vector<Answered>().swap(answered_);
  count_memory();
}

void ClientConnection::sweep(base::MonotonicTime now) {
  if (closed()) return;
  if (stream_.is_revoked()) return abort();
  look_at_token();
  rest_if_idle(now);
  if (sweep_memory(now)) return;
  if (state_ == State::kLingering) {
    if (now >= linger_until_) close();
  } else if (is_late_to_sign_in(now)) {
    if (open()) stats_.turned_away(stats::TurnedAway::kNoSignIn);
    if (!open() || blocked_since_ || stream_.in_handshake()) return abort();
    refuse_as_stranger();
  } else if (stream_.in_handshake()) {
    if (now - idle_since_ >= settings_.header_timeout) abort();
  } else if (blocked_since_) {
    if (now - *blocked_since_ >= settings_.write_timeout) abort();
  } else if (open() && partial_since_) {
    if (now - *partial_since_ < settings_.header_timeout) return;
    partial_since_.reset();
    refuse_as_too_slow();
  } else if (is_done() && now - idle_since_ >= settings_.idle_timeout) {
    close();
  }
}

void ClientConnection::drain() {
  if (!open() || !is_done()) return;
  // A request that the client has sent already is still answered.
  if (!input_ended_ && stream_.has_input()) return;
  close();
}

void ClientConnection::abort() {
  if (closed()) return;
  for (const auto& unsent : unsent_) {
    if (unsent.end > sent_) unsent.generator->count_undelivered(unsent.count);
  }
  unsent_.clear();
  give_up_unanswered();
  if (outstanding_ == 0) self_.reset();
  close();
}

void ClientConnection::close() {
  state_ = State::kClosed;
  io().memory().note(std::exchange(counted_bytes_, 0), 0);
  ticket_.give_back();
  place_.give_back();
  io().note_freed(grown_bytes());
  io().reactor().remove(*this);
  stream_.close();
  stats_.connection_closed();
  io().forget(shared_from_this());
}

}  // namespace nextid::net
