// A Redis client: reads pipelined commands, answers them in order, at most kMaxPipeline of them at
// a time. Past that it stops reading.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "auth/access.h"
#include "net/pipelined_connection.h"
#include "resp/codec/commands.h"
#include "resp/codec/parser.h"
#include "resp/front_end.h"
#include "resp/transaction.h"
#include "service/audit.h"

namespace nextid::resp {

/// A command; its answer is ids, or bytes.
struct Entry : net::Unanswered<std::string> {
  /// Of a range that belongs in the audit log; else null.
  std::unique_ptr<service::AuditRecord> noted;
};

class Connection final : public net::PipelinedConnection<Entry> {
 public:
  /// `front` must outlive the connection.
  Connection(net::IoThread& io, net::Stream stream, FrontEnd& front);

 private:
  bool take_input() override;
  bool has_input() const noexcept override { return transaction_.has_next() || !input().empty(); }
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
  void refuse_as_too_many() override;
  void refuse_as_too_slow() override;
  void refuse_as_plain() override;
  void refuse_as_in_the_way() override;
  bool must_sign_in_soon() const noexcept override { return true; }
  void refuse_as_stranger() override;
  void look_at_token() override;
  void rest() override;
  void note_tls_client() override;

  // Commands.
  void take(const Command& command);
  bool is_too_much(const Call& call) const;
  std::size_t held_by_protocol() const noexcept override;
  void serve(Routed&& routed);
  void take(const Increment& call);
  template <AsksService Asked>
  void take(Asked&& command);
  void take(Scan&& call);
  void take(Info&& call);
  void take(Greeting&& call);
  void take(const Rename& call);
  void take(Multi);
  void take(Exec);
  void take(Discard);
  void take(Reset);
  void take(Quit);
  void take(SpokeHttp);
  void take(Answer&& answer) { answer_now(std::move(answer.bytes)); }

  /// Starts the call when all before it are answered. `render` makes bytes of its answer, on this
  /// connection's thread.
  template <typename Asked, typename Render>
  void start(Asked call, Render render);
  void queue_up(const Command& command, const Routed& routed);
  std::string info(const std::vector<std::string_view>& sections,
                   const Accounting* accounting) const;
  std::string page_answer(const Scan& scan, const Result<CounterPage>& page);

  // The audit log.
  service::AuditRecord by_caller(service::AuditRecord record) const;
  template <typename Asked>
  std::optional<service::AuditRecord> record_of(const Asked& call) const;
  void note_refusal(stats::Route call, std::string_view code,
                    std::span<const std::string_view> counters = {}) const;
  void note_refusal(const Routed& routed, std::string_view answer) const;

  // Answers.
  void answer_now(std::string bytes);
  void answer_error(std::string_view code, std::string_view sentence);
  void write(Entry& entry) override;

  FrontEnd& front_;
  Parser parser_;
  Session session_;
  auth::Session caller_;
  Transaction transaction_;
  std::string client_;                       // Its address, where there is an audit log.
  stats::Route route_ = stats::kOtherRoute;  // Of the command that is being taken.
};

}  // namespace nextid::resp
