// An HTTP/1.x client: reads pipelined requests, answers them in order.
//
// Bounds: kMaxPipeline unanswered requests and about kMaxUnsentBytes of answers, beyond which it
// stops reading; the input buffer holds at most one head, the parser one body. The time limits are
// HttpSettings'.
//
// Every id it was given is either handed to the kernel whole, or reported as undelivered (I5), but
// those of an idempotency key, which the key keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/circular_buffer.hpp>
#include <boost/system/error_code.hpp>

#include "nextid/id_generator.h"

#include "net/connection.h"
#include "net/http_settings.h"
#include "net/io_thread.h"
#include "net/store_call.h"
#include "protocol/http_reply.h"
#include "protocol/http_request_parser.h"
#include "protocol/http_routes.h"

namespace nextid::net {

class HttpConnection final : public Connection {
 public:
  static constexpr std::size_t kMaxPipeline = 1024;
  static constexpr std::size_t kMaxUnsentBytes = 256 * 1024;

  /// `settings` must outlive the connection.
  HttpConnection(IoThread& io, Socket socket, const HttpSettings& settings);

  /// Joins the I/O thread and begins to read.
  void start();
  /// Joins the I/O thread to answer 503 and close: the server has too many connections.
  void refuse();

  void deliver(std::uint64_t tag, Result<IdRange> range) override;
  void flush() override;
  void sweep(base::MonotonicTime now) override;
  void drain() override;
  void abort() override;

 private:
  /// The place of an interim 100 Continue among the answers.
  struct Continue {};

  /// A request that was read, until its answer is in output_.
  struct Pending {
    std::variant<std::monostate, Result<IdRange>, protocol::Reply, Continue> answer;
    bool allocates = false;
    bool has_key = false;  // An idempotency key.
    protocol::RangeFormat format;
    RequestId request = 0;
    std::optional<IdGenerator> generator;  // None: the default one.
    bool close = false;
    bool announce_keep_alive = false;
    bool head_only = false;
  };

  /// Ids in output_ before this end.
  struct Unsent {
    std::size_t end;
    std::uint64_t count;
    std::optional<IdGenerator> generator;
  };

  /// kOpen: takes requests. kClosing: answers what it has. kLingering: has said all, and waits
  /// briefly for the client's end, since closing before would cost the client the last answer.
  enum class State { kOpen, kClosing, kLingering, kClosed };

  // Input.
  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t size);
  void discard_input(std::size_t size);
  void take_requests();
  void make_room();
  bool may_take_request() const noexcept;
  void note_partial_request(bool took_request);

  // Requests.
  void take(const protocol::HttpRequest& request);
  void take(protocol::Allocate&& call);
  void take(protocol::Health&&);
  void take(protocol::ListCounters&& call) { take_store_call(std::move(call)); }
  void take(protocol::ShowCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::DefineCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::AdvanceCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::Ready&& call) { take_store_call(call); }
  void take(protocol::ShowAsset&& call);
  void take(protocol::Problem&& problem);
  void take_last(const protocol::Problem& problem);

  void take_store_call(StoreCall call);
  void start_store_call_in_turn();

  // Answers.
  Pending& add_pending(const protocol::HttpRequest& request);
  std::uint64_t last_tag() const noexcept { return first_tag_ + pending_.size() - 1; }
  Pending& pending_of(std::uint64_t tag) noexcept { return pending_[tag - first_tag_]; }
  const IdGenerator& generator_of(const std::optional<IdGenerator>& generator) const noexcept;
  void answer(std::uint64_t tag, protocol::Reply reply);
  void write_answers();
  void write_answer(Pending& pending);
  void schedule_flush();

  // Output and the end.
  bool send_output();
  void wait_until_writable();
  void forget_sent();
  void note_idle();
  void go_on();
  bool is_done() const noexcept;
  void finish();
  void close();
  void give_up_answers();
  void count_undelivered(const Pending& pending, const IdRange& range) const;

  Socket socket_;
  const HttpSettings& settings_;
  State state_ = State::kOpen;

  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  bool reading_ = false;
  bool input_ended_ = false;  // The client half-closed; it still gets its answers.
  base::MonotonicTime now_;   // When the requests now being taken were read.
  protocol::HttpRequestParser parser_;

  boost::circular_buffer<Pending> pending_;
  std::uint64_t first_tag_ = 0;         // Of pending_.front().
  std::size_t outstanding_ = 0;         // Allocations that deliver() is still to be called for.
  bool store_call_pending_ = false;     // It is the last of pending_; further requests wait.
  std::optional<StoreCall> next_call_;  // The same call, until those before it are answered.
  std::shared_ptr<Connection> self_;    // While outstanding_ > 0.

  std::string output_;
  std::size_t sent_ = 0;  // Of output_.
  std::vector<Unsent> unsent_;
  bool flush_scheduled_ = false;

  base::MonotonicTime idle_since_;
  std::optional<base::MonotonicTime> partial_since_;  // When an unfinished request began.
  std::optional<base::MonotonicTime> blocked_since_;  // When the client last took a byte.
  base::MonotonicTime linger_until_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace nextid::net
