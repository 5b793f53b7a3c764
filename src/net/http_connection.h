// An HTTP/1.x client: reads pipelined requests, answers them in order, at most kMaxPipeline of them
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <boost/circular_buffer.hpp>

#include "nextid/id_generator.h"

#include "auth/access.h"
#include "net/client_connection.h"
#include "net/http_settings.h"
#include "net/io_thread.h"
#include "net/store_call.h"
#include "protocol/http_reply.h"
#include "protocol/http_request_parser.h"
#include "protocol/http_routes.h"

namespace nextid::net {

class HttpConnection final : public ClientConnection {
 public:
  static constexpr std::size_t kMaxPipeline = 1024;

  /// `settings`, which has a gate, must outlive the connection.
  HttpConnection(IoThread& io, Stream stream, const HttpSettings& settings);

  void deliver(std::uint64_t tag, Result<IdRange> range) override;

 private:
  /// The place of an interim 100 Continue among the answers.
  struct Continue {};

  /// A request that was read, until its answer is in the output.
  struct Pending {
    std::variant<std::monostate, Result<IdRange>, protocol::Reply, Continue> answer;
    std::optional<GeneratorHold> generator;  // Of a request for ids.
    RequestId request = 0;
    base::MonotonicTime taken;  // The same.
    stats::Route route = stats::Route::kOtherHttp;
    bool has_key = false;  // An idempotency key, which keeps its ids: they are never undelivered.
    protocol::RangeFormat format;
    bool close = false;
    bool announce_keep_alive = false;
    bool head_only = false;
    std::string request_id;  // "": none.
  };

  bool take_input() override;
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
  bool in_request() const noexcept override { return parser_.in_request(); }
  bool has_room() const noexcept override {
    return pending_.size() < kMaxPipeline && !store_call_pending_;
  }
  bool has_unanswered() const noexcept override { return !pending_.empty(); }
  void give_up_unanswered() override;
  void shrink() override;
  void refuse_as_too_many() override;
  void refuse_as_too_slow() override;

  // Requests.
  void take(const protocol::HttpRequest& request);
  void take(protocol::Allocate&& call);
  void take(protocol::Health&&);
  void take(protocol::ListCounters&& call) { take_store_call(std::move(call)); }
  void take(protocol::ShowCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::DefineCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::AdvanceCounter&& call) { take_store_call(std::move(call)); }
  void take(protocol::Ready&& call) { take_store_call(call); }
  void take(protocol::Metrics&& call) { take_store_call(call); }
  void take(protocol::Status&& call) { take_store_call(call); }
  void take(protocol::Problem&& problem);
  void take_last(const protocol::Problem& problem);

  void take_store_call(StoreCall call);
  void start_store_call_in_turn();

  // Answers.
  Pending& add_pending(const protocol::HttpRequest& request);
  std::uint64_t last_tag() const noexcept { return first_tag_ + pending_.size() - 1; }
  Pending& pending_of(std::uint64_t tag) noexcept { return pending_[tag - first_tag_]; }
  void answer(std::uint64_t tag, protocol::Reply reply);
  void write_answers();
  void write_answer(Pending& pending);
  void count(const Pending& pending);
  void write_reply(const Pending& pending, const protocol::Reply& reply,
                   protocol::ReplyFrame frame);
  void write_range(Pending& pending, const IdRange& range, const protocol::ReplyFrame& frame);
  static void count_undelivered(const Pending& pending, const IdRange& range);

  const HttpSettings& settings_;
  auth::Session session_;  // Of the sender of the request that was taken last.
  protocol::HttpRequestParser parser_;
  boost::circular_buffer<Pending> pending_;
  std::uint64_t first_tag_ = 0;         // Of pending_.front().
  bool store_call_pending_ = false;     // It is the last of pending_; further requests wait.
  std::optional<StoreCall> next_call_;  // The same call, until those before it are answered.
};

}  // namespace nextid::net
