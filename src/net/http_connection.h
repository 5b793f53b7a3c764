// An HTTP/1.x client: reads pipelined requests, answers them in order, at most kMaxPipeline of them
// at a time.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "nextid/id_generator.h"

#include "auth/access.h"
#include "net/http_node.h"
#include "net/io_thread.h"
#include "net/pipelined_connection.h"
#include "net/store_call.h"
#include "protocol/http_reply.h"
#include "protocol/http_request_parser.h"
#include "protocol/http_routes.h"

namespace nextid::net {

/// The place of an interim 100 Continue among the answers.
struct Continue {};

/// A request, and how its answer is to be framed.
struct HttpEntry : Unanswered<protocol::Reply, Continue> {
  protocol::RangeFormat format;
  bool close = false;
  bool announce_keep_alive = false;
  bool head_only = false;
  std::string request_id;  ///< "": none.
};

class HttpConnection final : public PipelinedConnection<HttpEntry> {
 public:
  /// `node` must outlive the connection.
  HttpConnection(IoThread& io, Stream stream, const HttpNode& node);

 private:
  bool take_input() override;
  std::size_t max_input_bytes() const noexcept override { return parser_.max_unconsumed_bytes(); }
  bool in_request() const noexcept override { return parser_.in_request(); }
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
  void take(protocol::ShowAsset&& call);
  void take(protocol::Problem&& problem);
  void take_last(const protocol::Problem& problem);

  void take_store_call(StoreCall call);

  // Answers.
  HttpEntry& add_request(const protocol::HttpRequest& request);
  void answer_now(protocol::Reply reply) { answer(last_tag(), std::move(reply)); }
  void write(HttpEntry& entry) override;
  void write_reply(const HttpEntry& entry, const protocol::Reply& reply,
                   protocol::ReplyFrame frame);

  const HttpNode& node_;
  auth::Session session_;  // Of the sender of the request that was taken last.
  protocol::HttpRequestParser parser_;
};

}  // namespace nextid::net
