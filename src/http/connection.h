// An HTTP/1.x client: reads pipelined requests, answers them in order, at most kMaxPipeline of them
// at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "nextid/id_generator.h"

#include "auth/access.h"
#include "http/codec/reply.h"
#include "http/codec/request_parser.h"
#include "http/codec/routes.h"
#include "http/front_end.h"
#include "net/pipelined_connection.h"
#include "service/audit.h"

namespace nextid::http {

/// The place of an interim 100 Continue among the answers.
struct Continue {};
inline std::size_t held_bytes(Continue) noexcept { return 0; }

/// A whole Reply is five times what an answer with ids takes: it has a place of its own.
using WaitingReply = std::unique_ptr<const Reply>;
inline std::size_t held_bytes(const WaitingReply& reply) noexcept {
  return sizeof(Reply) + held_bytes(*reply);
}

/// A request, and how its answer is to be framed.
struct Entry : net::Unanswered<WaitingReply, Continue> {
  RangeFormat format;
  bool close = false;
  bool announce_keep_alive = false;
  bool head_only = false;
  bool of_browser = false;
  bool only_tls = false;
  std::string request_id;  ///< "": none.
  /// Of a range that belongs in the audit log; else null.
  std::unique_ptr<service::AuditRecord> noted;
};

class Connection final : public net::PipelinedConnection<Entry> {
 public:
  /// `front` must outlive the connection.
  Connection(net::IoThread& io, net::Stream stream, FrontEnd& front);

 private:
  bool take_input() override;
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
  bool in_request() const noexcept override { return parser_.in_request(); }
  void shrink() override;
  std::size_t held_by_protocol() const noexcept override;
  void rest() override;
  bool answers_probes() const noexcept override { return true; }
  void refuse_as_too_many() override;
  void refuse_as_too_slow() override;
  void refuse_as_plain() override;
  void refuse_as_in_the_way() override;
  void look_at_token() override;
  void note_tls_client() override;

  // Requests.
  void take(const Request& request);
  void take(Allocate&& call);
  void take(Health&&);
  void take(ShowOptions&& call);
  void take(ServiceCall&& call);
  void take(ShowAsset&& call);
  void take(Problem&& problem);
  void take_last(const Problem& problem);
  Problem too_many() const;
  bool is_too_much(const Call& call) const;
  void note_sender(const Routed& routed);

  // The audit log.
  service::AuditRecord by_sender(service::AuditRecord record) const;
  std::optional<service::AuditRecord> record_of(const ServiceCall& call) const;
  void note_refusal(const Routed& routed, const Problem& refusal) const;

  // Answers.
  Entry& add_request(const Request& request);
  void answer_now(Reply reply) {
    answer(last_tag(), std::make_unique<const Reply>(std::move(reply)));
  }
  void write(Entry& entry) override;
  void end_later(Reply reply);
  void write_reply(const Entry& entry, const Reply& reply, ReplyFrame frame);

  FrontEnd& front_;
  auth::Session session_;  // Of the sender of the request that was taken last.
  RequestParser parser_;
  std::string client_;  // Its address, where there is an audit log.
};

}  // namespace nextid::http
