// What the connections of all protocols have in common: input, output, the client's time limits,
// and the end. A protocol finds requests in the input and appends answers to the output.
//
// Bounds: it stops reading at kMaxHeldBytes of answers that wait or are not sent, and at the
// protocol's own bound of unanswered requests. No answer is appended to that many bytes of output.
// The input buffer grows to one request at most. All connections together have the bound of
// ClientMemory.
//
// A client that has to show a token and has not yet is a stranger: it makes way for others (Lobby).
//
// Every id it was given is either handed to the kernel whole, or reported as undelivered (I5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/error_code.hpp>

#include "nextid/id_generator.h"

#include "net/address.h"
#include "net/client_settings.h"
#include "net/connection.h"
#include "net/io_thread.h"
#include "net/lobby.h"
#include "net/places.h"
#include "net/shared_generator.h"
#include "net/stream.h"
#include "stats/front_end_stats.h"

namespace nextid::net {

class ClientConnection : public Connection, public Lobby::Guest, private Reactor::Handler {
 public:
  static constexpr std::size_t kMaxHeldBytes = 64 * 1024;

  /// Joins the I/O thread and begins to read.
  void start(Place place);
  /// The server has too many connections: says so and closes, after a first request where
  /// answers_probes().
  void refuse();

  void flush() final;
  void sweep(base::MonotonicTime now) final;
  void drain() final;
  void abort() final;
  /// With a word about it, if the client takes that at once.
  void make_way() final;

 protected:
  /// `settings` and `stats`, which are of this thread, must outlive the connection.
  ClientConnection(IoThread& io, Stream stream, const ClientSettings& settings,
                   std::size_t first_input_bytes, stats::FrontEndStats& stats);

  // ---- What a protocol provides ----

  /// Takes requests from input(), with consume(), while may_take_request(); true if it took any.
  virtual bool take_input() = 0;
  /// Bytes of input() that an unfinished request may need.
  virtual std::size_t max_input_bytes() const noexcept = 0;
  /// True when a part of a request was consumed.
  virtual bool in_request() const noexcept { return false; }
  /// False at the protocol's bounds.
  virtual bool has_room() const noexcept = 0;
  virtual bool has_unanswered() const noexcept = 0;
  /// Appends the answers that are ready to the output, while has_output_room().
  virtual void write_answers() = 0;
  /// Bytes of the protocol's own objects and buffers.
  virtual std::size_t held_by_protocol() const noexcept = 0;
  /// Whether take_input() has something to take.
  virtual bool has_input() const noexcept { return !input().empty(); }
  /// Cancels the requests that wait for ids, and counts the ids of answers that were not written as
  /// undelivered.
  virtual void give_up_unanswered() = 0;
  /// Frees the memory that a busy time took; called while nothing is unanswered.
  virtual void shrink() = 0;
  /// Frees what shrink() leaves for the next request; called when none came for a while.
  virtual void rest() = 0;
  /// Whether it takes a request when the server has too many connections, since it may be one about
  /// the server's health.
  virtual bool answers_probes() const noexcept { return false; }
  /// Sends a final answer that gives the reason.
  virtual void refuse_as_too_many() = 0;
  virtual void refuse_as_too_slow() = 0;
  /// Its place is for another client.
  virtual void refuse_as_in_the_way() = 0;
  /// Whether a stranger has no longer than a request may take to arrive.
  virtual bool must_sign_in_soon() const noexcept { return false; }
  virtual void refuse_as_stranger() {}
  /// Looks whether the client's token is still in force: set_signed_in(). Called in sweeps.
  virtual void look_at_token() {}
  /// The same, without TLS, to a client that does not speak TLS where it has to.
  virtual void refuse_as_plain() = 0;
  /// Logs that the client speaks TLS where it must not.
  virtual void note_tls_client() = 0;

  // ---- What it may use ----

  /// See peer_of().
  std::string peer() const { return peer_of(stream_.descriptor()); }
  const ClientSettings& settings() const noexcept { return settings_; }
  std::string_view input() const noexcept {
    return {input_.data() + input_begin_, input_end_ - input_begin_};
  }
  /// Clients send tokens: nothing of the input stays in memory once it was taken.
  void wipe_input() noexcept { has_secrets_ = true; }
  void consume(std::size_t bytes) noexcept { input_begin_ += bytes; }
  /// When the requests now being taken were read.
  base::MonotonicTime now() const noexcept { return now_; }
  bool may_take_request() const noexcept;
  bool open() const noexcept { return state_ == State::kOpen; }
  bool closed() const noexcept { return state_ == State::kClosed; }
  /// Whether this is one connection too many, which is for one probe.
  bool over_limit() const noexcept { return over_limit_; }
  /// True until the first false, which is for the constructor where clients have to show tokens.
  void set_signed_in(bool signed_in);
  /// Takes no further request.
  void close_after_answers() noexcept {
    if (open()) state_ = State::kClosing;
  }

  /// `payer`, if any, is charged for the counter's place in memory.
  GeneratorHold generator(std::string_view counter, contract::Payer* payer) {
    return io().generators().get(counter, now_, payer);
  }
  /// Asks for ids: deliver() will be called with `tag`, unless withdraw() comes first.
  RequestId allocate(const IdGenerator& generator, std::uint64_t count, std::uint64_t tag,
                     const node::RequestKey* key = nullptr);
  /// To be called first in deliver(): keeps this alive until the end of its scope.
  std::shared_ptr<Connection> delivered() noexcept;
  void withdraw(const IdGenerator& generator, RequestId request);

  std::string& output() noexcept { return output_; }
  bool has_output_room() const noexcept { return unsent_bytes() < kMaxHeldBytes; }
  /// Answers that wait for their turn keep so many bytes more, or fewer.
  void hold(std::size_t bytes) noexcept { waiting_bytes_ += bytes; }
  void let_go(std::size_t bytes) noexcept { waiting_bytes_ -= bytes; }
  /// Memory is short, and this connection holds more than its share: it gets nothing served.
  bool holds_too_much() const noexcept;
  /// The answer that ends the output now carries `count` ids.
  void output_has_ids(GeneratorHold generator, std::uint64_t count) {
    unsent_.push_back({output_.size(), count, std::move(generator)});
  }
  /// The output now has the answer to a request for ids that was taken at `taken`.
  void note_answer(base::MonotonicTime taken);
  /// The counts of the front end on this thread.
  stats::FrontEndStats& stats() noexcept { return stats_; }
  /// The output is sent at the end of this turn.
  void schedule_flush();

 private:
  /// Ids in output_ before this end.
  struct Unsent {
    std::size_t end;
    std::uint64_t count;
    GeneratorHold generator;
  };

  /// Answers in output_ to requests for ids that were taken at the same time.
  struct Answered {
    base::MonotonicTime taken;
    std::uint64_t count;
  };

  /// kOpen: takes requests. kClosing: answers what it has. kLingering: has sent all, and waits
  /// briefly for the client to close; closing first could cost the client the last answer.
  enum class State { kOpen, kClosing, kLingering, kClosed };

  void on_ready(Readiness ready) final;
  bool wants_input() const noexcept;
  void read();
  void read_some();
  void read_later();
  void refuse_tls_client();
  void discard_input(std::size_t size);
  void take_requests();
  void make_room();
  void grow_input(std::size_t size);
  void note_partial_request(bool took_request);
  std::size_t unsent_bytes() const noexcept {
    return output_.size() - sent_ + unsent_.size() * sizeof(Unsent);
  }
  void count_memory() noexcept;
  bool sweep_memory(base::MonotonicTime now);

  bool join();
  void enter_lobby();
  bool is_late_to_sign_in(base::MonotonicTime now) const noexcept;
  /// What it has beyond a new connection.
  std::size_t grown_bytes() const noexcept {
    return input_.size() - first_input_bytes_ + output_.capacity();
  }
  void rest_if_idle(base::MonotonicTime now);
  void count_latencies(base::MonotonicTime now);
  bool send_output(base::MonotonicTime now);
  void forget_sent();
  void note_idle(base::MonotonicTime now);
  void go_on();
  bool is_done() const noexcept;
  void finish();
  void close();

  Stream stream_;
  const ClientSettings& settings_;
  stats::FrontEndStats& stats_;
  State state_ = State::kOpen;
  Place place_;
  Lobby::Ticket ticket_;
  bool has_joined_ = false;
  bool signed_in_ = true;
  base::MonotonicTime stranger_since_;  // Unless signed_in_.

  const std::size_t first_input_bytes_;
  std::vector<char> input_;
  std::size_t input_begin_ = 0;
  std::size_t input_end_ = 0;
  bool has_read_ = false;
  bool over_limit_ = false;
  bool has_secrets_ = false;  // In the input: it is wiped once it was taken.
  bool input_ended_ = false;  // The client half-closed; it still gets its answers.
  base::MonotonicTime now_;

  std::size_t outstanding_ = 0;       // Allocations that deliver() is still to be called for.
  std::shared_ptr<Connection> self_;  // While outstanding_ > 0.

  std::string output_;
  std::size_t sent_ = 0;  // Of output_.
  std::vector<Unsent> unsent_;
  std::vector<Answered> answered_;  // Since the last flush.
  std::size_t waiting_bytes_ = 0;   // Of answers that wait for their turn.
  std::size_t counted_bytes_ = 0;   // As ClientMemory has it.
  bool flush_scheduled_ = false;
  bool rested_ = true;  // Since the last request.

  base::MonotonicTime idle_since_;
  std::optional<base::MonotonicTime> partial_since_;  // When an unfinished request began.
  std::optional<base::MonotonicTime> blocked_since_;  // When the client last took a byte.
  std::optional<base::MonotonicTime> too_much_since_;
  base::MonotonicTime linger_until_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace nextid::net
