// A Redis client: reads pipelined commands, answers them in order, at most kMaxPipeline of them at
// a time. Past that it stops reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/circular_buffer.hpp>

#include "auth/access.h"
#include "net/client_connection.h"
#include "net/resp_node.h"
#include "protocol/resp_commands.h"
#include "protocol/resp_parser.h"

namespace nextid::net {

class RespConnection final : public ClientConnection {
 public:
  static constexpr std::size_t kMaxPipeline = 1024;

  /// `node` must outlive the connection.
  RespConnection(IoThread& io, Stream stream, RespNode& node);

  void deliver(std::uint64_t tag, Result<IdRange> range) override;

 private:
  /// A command that was read, until its answer is in the output.
  struct Pending {
    std::variant<std::monostate, Result<IdRange>, std::string> answer;
    std::optional<GeneratorHold> generator;  // Of a request for ids.
    RequestId request = 0;
    stats::Route route = stats::Route::kOtherResp;
    base::MonotonicTime taken;
  };

  bool take_input() override;
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
  bool has_room() const noexcept override {
    return pending_.size() < kMaxPipeline && !store_call_pending_;
  }
  bool has_unanswered() const noexcept override { return !pending_.empty(); }
  void give_up_unanswered() override;
  void shrink() override;
  void refuse_as_too_many() override;
  void refuse_as_too_slow() override;

  // Commands.
  void take(const protocol::RespCommand& command);
  void take(const protocol::RespIncrement& call);
  void take(protocol::RespLookup&& call);
  void take(protocol::RespScan&& call);
  void take(protocol::RespCountCounters);
  void take(protocol::RespInfo);
  void take(protocol::RespGreeting&& call);
  void take(protocol::RespReset);
  void take(protocol::RespQuit);
  void take(protocol::RespHttp);
  void take(protocol::RespAnswer&& answer) { answer_now(std::move(answer.bytes)); }

  bool may(auth::Verdict verdict, std::string_view what);
  std::string greeting() const;
  std::string info() const;
  void scan(const protocol::RespScan& call, const std::string& after);
  std::string scan_answer(const protocol::RespScan& call, const CounterPage& page);
  std::string lookup_answer(protocol::RespLookup::Kind kind,
                            const std::vector<Result<CounterInfo>>& found) const;

  // Answers.
  Pending& add_pending();
  std::uint64_t last_tag() const noexcept { return first_tag_ + pending_.size() - 1; }
  Pending& pending_of(std::uint64_t tag) noexcept { return pending_[tag - first_tag_]; }
  void answer_now(std::string bytes);
  void answer_error(std::string_view code, std::string_view sentence);
  void write_answers();
  void count(const Pending& pending);
  void write_range(const IdRange& range, GeneratorHold generator);

  /// Runs `call`, when all before it are answered, with where its answer goes, from any thread.
  using Answer = std::function<void(std::function<std::string(RespConnection&)>)>;
  void call_store(std::function<void(Answer)> call);
  void start_store_call_in_turn();

  RespNode& node_;
  protocol::RespParser parser_;
  protocol::RespSession session_;
  auth::Session caller_;
  stats::Route route_ = stats::Route::kOtherResp;  // Of the command that is being taken.
  boost::circular_buffer<Pending> pending_;
  std::uint64_t first_tag_ = 0;            // Of pending_.front().
  bool store_call_pending_ = false;        // It is the last of pending_; others wait.
  std::function<void(Answer)> next_call_;  // The same call, until its turn.
};

}  // namespace nextid::net
