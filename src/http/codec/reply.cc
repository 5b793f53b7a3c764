#include "http/codec/reply.h"

#include <array>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "http/codec/digits.h"

namespace nextid::http {
namespace {

namespace json = boost::json;

struct StatusLine {
  unsigned status;
  std::string_view reason;
};

constexpr std::array kStatusLines{
    StatusLine{200, "OK"},
    StatusLine{201, "Created"},
    StatusLine{204, "No Content"},
    StatusLine{304, "Not Modified"},
    StatusLine{400, "Bad Request"},
    StatusLine{401, "Unauthorized"},
    StatusLine{403, "Forbidden"},
    StatusLine{404, "Not Found"},
    StatusLine{405, "Method Not Allowed"},
    StatusLine{408, "Request Timeout"},
    StatusLine{409, "Conflict"},
    StatusLine{410, "Gone"},
    StatusLine{412, "Precondition Failed"},
    StatusLine{413, "Content Too Large"},
    StatusLine{429, "Too Many Requests"},
    StatusLine{431, "Request Header Fields Too Large"},
    StatusLine{500, "Internal Server Error"},
    StatusLine{503, "Service Unavailable"},
    StatusLine{504, "Gateway Timeout"},
};

std::string_view reason_of(unsigned status) noexcept {
  for (const auto& line : kStatusLines) {
    if (line.status == status) return line.reason;
  }
  return "Unknown";
}

struct Title {
  std::string_view code;
  std::string_view title;
};

constexpr std::array kTitles{
    Title{"invalid", "The request is wrong"},
    Title{"unauthorized", "The request needs a token"},
    Title{"forbidden", "The caller may not do this"},
    Title{"not_found", "Not found"},
    Title{"deleted", "The counter was deleted"},
    Title{"method_not_allowed", "The method is not for this path"},
    Title{"conflict", "The request conflicts with what the store has"},
    Title{"precondition_failed", "A condition of the request does not hold"},
    Title{"exhausted", "The counter has too few ids left"},
    Title{"too_large", "The request is too large"},
    Title{"corrupt", "The store contradicts itself"},
    Title{"overloaded", "The server has too much to do"},
    Title{"limited", "The token has reached a limit"},
    Title{"unavailable", "The store does not answer"},
    Title{"deadline", "The time limit passed"},
};

std::string_view title_of(std::string_view code) noexcept {
  for (const auto& title : kTitles) {
    if (title.code == code) return title.title;
  }
  return code;
}

json::string_view json_view(std::string_view text) noexcept { return {text.data(), text.size()}; }

struct Head {
  unsigned status;
  std::string_view content_type;
  bool no_store;
  std::uint64_t retry_after_s;
  std::string_view allow;
  std::string_view location;
  std::string_view challenge;
  std::string_view etag;
  bool is_page;
  bool is_ids;
};

// What a page of ours may do in a browser: load from and talk to this server, and nothing else.
constexpr std::string_view kPageFields =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n";

// How a browser may take any answer of ours: as what its type says, and in pages of ours alone.
// Ids for programs go without, to be short: a browser is told by its User-Agent, and their bytes
// are of one form that nobody chooses a part of.
constexpr std::string_view kBrowserFields =
    "X-Content-Type-Options: nosniff\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

// 30 days. It holds for the name on all ports, but not below it.
constexpr std::string_view kOnlyTlsField = "Strict-Transport-Security: max-age=2592000\r\n";

void append(std::string& out, std::initializer_list<std::string_view> pieces) {
  for (const auto piece : pieces) out.append(piece);
}

void append_head(std::string& out, const Head& head, std::size_t body_bytes,
                 const ReplyFrame& frame) {
  append(out, {"HTTP/1.1 ", Digits(head.status).view(), " ", reason_of(head.status),
               "\r\nDate: ", frame.date, "\r\n"});
  if (head.status != 204 && head.status != 304) {
    append(out, {"Content-Type: ", head.content_type,
                 "\r\nContent-Length: ", Digits(body_bytes).view(), "\r\n"});
  }
  if (head.no_store) out.append("Cache-Control: no-store\r\n");
  if (head.retry_after_s > 0) {
    append(out, {"Retry-After: ", Digits(head.retry_after_s).view(), "\r\n"});
  }
  if (!head.allow.empty()) append(out, {"Allow: ", head.allow, "\r\n"});
  if (!head.location.empty()) append(out, {"Location: ", head.location, "\r\n"});
  if (!head.challenge.empty()) append(out, {"WWW-Authenticate: ", head.challenge, "\r\n"});
  if (!frame.request_id.empty()) append(out, {"X-Request-Id: ", frame.request_id, "\r\n"});
  if (!head.etag.empty()) append(out, {"ETag: ", head.etag, "\r\n"});
  if (head.is_page) out.append(kPageFields);
  if (!head.is_ids || frame.of_browser) {
    out.append(kBrowserFields);
    if (frame.only_tls) out.append(kOnlyTlsField);
  }
  if (frame.close) {
    out.append("Connection: close\r\n");
  } else if (frame.announce_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

// A further member of a JSON object, with its comma; "" without an id.
std::string request_id_member(std::string_view id) {
  if (id.empty()) return "";
  return ",\"request_id\":" + json::serialize(json::value(json_view(id)));
}

std::uint64_t retry_after_s(const Problem& problem) {
  constexpr std::uint64_t kSoon = 1;
  if (problem.status == 503) return kSoon;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(problem.retry_after);
  return static_cast<std::uint64_t>(seconds.count());
}

// The answer to a GET whose conditions do not hold for what has this ETag; nothing where they hold.
std::optional<Reply> reply_of_failed(const Preconditions& conditions, const std::string& etag) {
  switch (conditions.verdict(etag)) {
    case Preconditions::Verdict::kHold:
      return std::nullopt;
    case Preconditions::Verdict::kNoneMatchFailed:
      return Reply{.status = 304, .etag = etag, .body = {}};
    case Preconditions::Verdict::kMatchFailed:
      break;
  }
  return problem_reply(
      precondition_failed(base::cat("The ETag is ", etag, ", which If-Match does not name.")));
}

}  // namespace

Reply problem_reply(const Problem& problem) {
  // The detail may quote bytes of requests, paths and store errors, and JSON must be UTF-8.
  json::object body{
      {"type", base::cat("urn:nextid:error:", problem.code)},
      {"title", json_view(title_of(problem.code))},
      {"status", problem.status},
      {"detail", json_view(base::printable(problem.detail, problem.detail.size()))},
  };
  if (problem.retry_after.count() > 0) body["retry_after_ms"] = problem.retry_after.count();
  return {.status = problem.status,
          .content_type = "application/problem+json",
          .no_store = true,
          .retry_after_s = retry_after_s(problem),
          .allow = problem.allow,
          .location = {},
          .challenge = problem.challenge,
          .code = problem.code,
          .detail = problem.detail,
          .body = json::serialize(body)};
}

Reply options_reply(std::string_view allow) { return {.status = 204, .allow = allow, .body = {}}; }

Reply status_reply(std::string_view status) {
  return {.body = json::serialize(json::object{{"status", json_view(status)}})};
}

Reply reply_of(const CounterInfo& counter, IdFormat ids) {
  // The next id changes the value, so no cache is right.
  return {.no_store = true, .body = counter_json(counter, ids)};
}

Reply counter_reply(const Result<CounterInfo>& counter, IdFormat ids,
                    const Preconditions& conditions) {
  if (!counter) return problem_reply(problem_of(counter.error()));
  std::string etag = etag_of(counter->definition);
  if (auto other = reply_of_failed(conditions, etag)) {
    other->no_store = true;
    return *std::move(other);
  }
  Reply reply = reply_of(*counter, ids);
  reply.etag = std::move(etag);
  return reply;
}

Reply reply_of(const DefinedCounter& defined, IdFormat ids) {
  Reply reply = reply_of(defined.counter, ids);
  reply.etag = etag_of(defined.counter.definition);
  if (defined.created) {
    reply.status = 201;
    // From the path that was asked for, which may be a proxy's. No character of it needs encoding,
    // but "a:b" alone would have a scheme.
    reply.location = "./" + defined.counter.name;
  }
  return reply;
}

Reply reply_without_counter(const Result<void>& done) {
  if (done) return {.status = 204, .no_store = true, .body = {}};
  Problem problem = problem_of(done.error());
  const ErrorCode code = done.error().code();
  if (code == ErrorCode::kInvalid || code == ErrorCode::kConflict ||
      code == ErrorCode::kPrecondition || code == ErrorCode::kCorrupt) {
    problem.detail =
        "The counter, as it is, does not allow that; what it is takes the right to read.";
  }
  return problem_reply(problem);
}

Reply reply_of(const CounterPage& page, IdFormat ids) { return {.body = page_json(page, ids)}; }

// Doubt is for good, so its code is `corrupt`; its status is 503, which probes act on.
Reply readiness_reply(const Result<service::CheckReady::Answer>& readiness, bool tells_why) {
  if (readiness && readiness->doubt.empty()) return status_reply("ready");
  Problem problem = readiness ? Problem{.status = 503,
                                        .code = to_string(ErrorCode::kCorrupt),
                                        .detail = readiness->doubt}
                              : problem_of(readiness.error());
  if (!tells_why) problem.detail = "The server gives no ids now; its log and /v1/status say why.";
  return problem_reply(problem);
}

Reply reply_of(const service::Page& page, IdFormat) {
  return {.content_type = page.content_type, .no_store = true, .body = page.text};
}

Reply asset_reply(const web::Asset& asset, const Preconditions& conditions) {
  std::string etag(asset.etag);
  Reply reply = reply_of_failed(conditions, etag)
                    .value_or(Reply{.content_type = asset.content_type,
                                    .etag = std::move(etag),
                                    .body = {},
                                    .static_body = asset.body});
  reply.is_page = true;
  return reply;
}

void append_reply(std::string& out, const Reply& reply, const ReplyFrame& frame) {
  const Head head{.status = reply.status,
                  .content_type = reply.content_type,
                  .no_store = reply.no_store,
                  .retry_after_s = reply.retry_after_s,
                  .allow = reply.allow,
                  .location = reply.location,
                  .challenge = reply.challenge,
                  .etag = reply.etag,
                  .is_page = reply.is_page,
                  .is_ids = false};
  const std::string id_member = reply.code.empty() ? "" : request_id_member(frame.request_id);
  const std::string_view body = reply.static_body.empty() ? reply.body : reply.static_body;
  append_head(out, head, body.size() + id_member.size(), frame);
  if (frame.head_only) return;
  out.append(body);
  out.insert(out.size() - (id_member.empty() ? 0 : 1), id_member);  // Before the object's brace.
}

void append_range_reply(std::string& out, const IdRange& range, RangeFormat format,
                        const ReplyFrame& frame) {
  const RangeJson body(range, format);
  constexpr Head kHead{.status = 200,
                       .content_type = "application/json",
                       .no_store = true,
                       .retry_after_s = 0,
                       .allow = {},
                       .location = {},
                       .challenge = {},
                       .etag = {},
                       .is_page = false,
                       .is_ids = true};
  append_head(out, kHead, body.view().size(), frame);
  out.append(body.view());
}

}  // namespace nextid::http
