// Writes HTTP/1.1 answers. Pure formatting, appended to a caller's string; the answers that carry
// ids take no allocation beyond that string's growth.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "nextid/counter.h"
#include "nextid/id_range.h"

#include "http/codec/counter_json.h"
#include "http/codec/preconditions.h"
#include "http/codec/problem.h"
#include "service/call.h"
#include "web/asset.h"

namespace nextid::http {

/// What the connection, and not the call, decides about an answer.
struct ReplyFrame {
  std::string_view date = {};        ///< base::gmt_text() of about now.
  bool close = false;                ///< The connection ends with this answer.
  bool announce_keep_alive = false;  ///< An HTTP/1.0 client asked to go on.
  bool head_only = false;            ///< HEAD: all headers, no body.
  bool of_browser = false;           ///< The request is a browser's.
  bool only_tls = false;             ///< Strict-Transport-Security: browsers are to keep to TLS.
  std::string_view request_id = {};  ///< X-Request-Id, and a member of problems, when not empty.
};

/// An answer of any call. The string_views point to static text.
struct Reply {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  bool no_store = false;            ///< Cache-Control: no-store
  bool retry_soon = false;          ///< Retry-After: 1
  std::string_view allow = {};      ///< Allow, when not empty.
  std::string location = {};        ///< Location, when not empty.
  std::string_view challenge = {};  ///< WWW-Authenticate, when not empty.
  std::string_view code = {};       ///< Of the problem, when it is one.
  std::string detail = {};          ///< The same.
  std::string etag = {};            ///< ETag, when not empty.
  bool is_page = false;  ///< Cache-Control: no-cache, and the fields that confine it in a browser.
  std::string body;
  std::string_view static_body = {};  ///< In the place of `body`, when not empty.
};

/// The memory that a reply keeps.
inline std::size_t held_bytes(const Reply& reply) noexcept {
  return reply.location.capacity() + reply.detail.capacity() + reply.etag.capacity() +
         reply.body.capacity();
}

Reply problem_reply(const Problem& problem);
/// 204 with these methods.
Reply options_reply(std::string_view allow);
/// {"status":"ok"} and the like.
Reply status_reply(std::string_view status);
/// Whether the server can give ids. Why not is said to those alone who may see its state: it names
/// paths, tables and accounts.
Reply readiness_reply(const Result<service::CheckReady::Answer>& readiness, bool tells_why);
/// A counter with its ETag, for a GET with these conditions: 304 or 412 where they do not hold.
Reply counter_reply(const Result<CounterInfo>& counter, IdFormat ids,
                    const Preconditions& conditions);
// The answers to a service::Call, by its Answer.
Reply reply_of(const CounterInfo& counter, IdFormat ids);
/// With its ETag; 201 with its Location if the call made it.
Reply reply_of(const DefinedCounter& defined, IdFormat ids);
Reply reply_of(const CounterPage& page, IdFormat ids);
Reply reply_of(const service::Page& page, IdFormat ids);
/// The same, or the problem.
template <typename Answer>
Reply reply_of(const Result<Answer>& answer, IdFormat ids) {
  return answer ? reply_of(*answer, ids) : problem_reply(problem_of(answer.error()));
}

/// For the sender of a change who may not look at the counter: 204, or a problem that has no word
/// of what the counter is.
Reply reply_without_counter(const Result<void>& done);

/// A file of the page; 304 or 412 where the conditions do not hold.
Reply asset_reply(const web::Asset& asset, const Preconditions& conditions);

void append_reply(std::string& out, const Reply& reply, const ReplyFrame& frame);
/// The whole answer of an allocating call.
void append_range_reply(std::string& out, const IdRange& range, RangeFormat format,
                        const ReplyFrame& frame);
/// The interim answer to `Expect: 100-continue`.
inline constexpr std::string_view kContinueReply = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace nextid::http
