// A Redis client: reads pipelined commands, answers them in order, at most kMaxPipeline of them at
// a time. Past that it stops reading.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "auth/access.h"
#include "net/pipelined_connection.h"
#include "net/resp_node.h"
#include "protocol/resp_commands.h"
#include "protocol/resp_parser.h"

namespace nextid::net {

/// A command; its answer is ids, or bytes.
using RespEntry = Unanswered<std::string>;

class RespConnection final : public PipelinedConnection<RespEntry> {
 public:
  /// `node` must outlive the connection.
  RespConnection(IoThread& io, Stream stream, RespNode& node);

 private:
  bool take_input() override;
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
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

  std::string greeting() const;
  std::string info() const;
  void scan(const protocol::RespScan& call, const std::string& after);
  std::string scan_answer(const protocol::RespScan& call, const CounterPage& page);
  std::string lookup_answer(protocol::RespLookup::Kind kind,
                            const std::vector<Result<CounterInfo>>& found) const;

  // Answers.
  void answer_now(std::string bytes);
  void answer_error(std::string_view code, std::string_view sentence);
  void write(RespEntry& entry) override;

  /// Runs `call`, when all before it are answered, with where its answer goes, from any thread.
  using Answer = std::function<void(std::function<std::string(RespConnection&)>)>;
  void call_store(std::function<void(Answer)> call);

  RespNode& node_;
  protocol::RespParser parser_;
  protocol::RespSession session_;
  auth::Session caller_;
  stats::Route route_ = stats::Route::kOtherResp;  // Of the command that is being taken.
};

}  // namespace nextid::net
