#include "http/codec/request_parser.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "base/ascii.h"
#include "base/cat.h"
#include "base/quoting.h"
#include "base/wipe.h"

namespace nextid::http {
namespace {

using base::cat;

namespace http = boost::beast::http;

constexpr std::size_t kMaxMethodBytes = 32;

// The shortest rest of a chunked body, "0\r\n\r\n". Beast asserts that it is never given less of a
// last chunk, and nothing is lost by waiting for what must come anyway.
constexpr std::size_t kMinChunkedRest = 5;

// How much of a large body's memory is kept for the next one.
constexpr std::size_t kKeptBodyBytes = 4 * 1024;

std::string_view std_view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

bool is_token_char(char c) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

// How many of `bytes` it takes to show that they begin no request line; 0 when they may begin one.
// Tells garbage, such as a TLS handshake, from the head of a slow client.
std::size_t bytes_of_no_method(std::string_view bytes) noexcept {
  const auto candidate = bytes.substr(0, kMaxMethodBytes + 1);
  const auto end = std::find_if_not(candidate.begin(), candidate.end(), is_token_char);
  if (end == candidate.end()) return candidate.size() <= kMaxMethodBytes ? 0 : candidate.size();
  if (*end == ' ' && end != candidate.begin()) return 0;
  return static_cast<std::size_t>(end - candidate.begin()) + 1;
}

// The one of kProxyFields that this is; "" of others.
std::string_view proxy_field_of(std::string_view name) noexcept {
  for (const std::string_view known : kProxyFields) {
    const bool is_prefix = known.ends_with('*');
    const auto expected = known.substr(0, known.size() - (is_prefix ? 1 : 0));
    if (base::equal_words(is_prefix ? name.substr(0, expected.size()) : name, expected)) {
      return known;
    }
  }
  return {};
}

std::size_t count_empty_lines_bytes(std::string_view bytes) noexcept {
  std::size_t size = 0;
  while (bytes.substr(size, 2) == "\r\n") size += 2;
  return size;
}

}  // namespace

void RequestParser::Message::on_request_impl(http::verb, string_view method, string_view target,
                                             int version, error_code&) {
  request_.method = std_view(method);
  request_.target = std_view(target);
  request_.http_1_0 = version == 10;
}

void RequestParser::Message::on_field_impl(http::field name, string_view name_text,
                                           string_view value, error_code&) {
  if (is_header_done()) return;  // A trailer.
  if (name == http::field::expect)
    expects_continue = base::equal_words(std_view(value), "100-continue");
  if (name == http::field::transfer_encoding) note_transfer_encoding(std_view(value));
  if (name == http::field::user_agent) request_.of_browser = value.starts_with("Mozilla/");
  if (request_.proxy_field.empty()) request_.proxy_field = proxy_field_of(std_view(name_text));
  for (const HttpFieldName& known : kHttpFields) {
    if (!base::equal_words(std_view(name_text), known.name)) continue;
    Field& field = request_.*known.field;
    if (field.count++ == 0) field.value = std_view(value);
  }
}

// One field that says nothing else: what another reader of the same bytes could take for something
// else is refused, such as a list, a parameter or an empty element.
void RequestParser::Message::note_transfer_encoding(std::string_view value) noexcept {
  transfer_encoding =
      transfer_encoding == TransferEncoding::kNone && base::equal_words(value, "chunked")
          ? TransferEncoding::kChunked
          : TransferEncoding::kOther;
}

std::size_t RequestParser::Message::on_body_impl(string_view body, error_code&) {
  body_.append(body.data(), body.size());
  return body.size();
}

void RequestParser::Message::on_chunk_header_impl(std::uint64_t size, string_view,
                                                  error_code& error) {
  if (size > max_body_bytes_ - body_.size()) error = http::error::body_limit;
}

std::size_t RequestParser::Message::on_chunk_body_impl(std::uint64_t, string_view body,
                                                       error_code&) {
  body_.append(body.data(), body.size());
  return body.size();
}

RequestParser::Outcome RequestParser::feed(std::string_view bytes) {
  if (state_ == State::kDone) begin_request();
  std::size_t consumed = 0;
  if (state_ == State::kHead) {
    // Old clients send an empty line after a body (RFC 9112, 2.2).
    if (scanned_ == 0) consumed = count_empty_lines_bytes(bytes);
    const auto rest = bytes.substr(consumed);
    if (const auto head_size = find_head(rest); head_size > 0) {
      parse_head(rest.substr(0, head_size));
      consumed += head_size;
    }
  }
  if (state_ == State::kBody) {
    consumed += parse_body(bytes.substr(consumed));
    if (state_ == State::kBody) keep_views();
  }
  if (state_ == State::kFailed) return {bytes.size(), Status::kError};
  return {consumed, state_ == State::kDone ? Status::kRequest : Status::kNeedMore};
}

void RequestParser::forget_request() noexcept {
  if (body_.capacity() > kKeptBodyBytes) rest();
}

void RequestParser::rest() noexcept {
  if (state_ != State::kDone) return;
  request_ = {};
  std::string().swap(body_);  // An assignment would keep its capacity.
  base::wipe(kept_);
  std::string().swap(kept_);
}

bool RequestParser::take_expectation() noexcept { return std::exchange(expectation_, false); }

void RequestParser::begin_request() noexcept {
  state_ = State::kHead;
  request_ = {};
  base::wipe(kept_);  // It may have a token.
  body_.clear();
  scanned_ = 0;
  line_begin_ = 0;
  body_wire_bytes_ = 0;
  expectation_ = false;
}

// The size of the head at the front of `bytes`, or 0 when its end has not come or it is refused.
// Looks at each byte once however often it is called.
std::size_t RequestParser::find_head(std::string_view bytes) {
  const auto window = bytes.substr(0, limits_.max_head_bytes);
  if (window == "\r") return 0;  // Perhaps half of an empty line.
  if (const std::size_t wrong = bytes_of_no_method(window); wrong > 0) {
    fail(400, "invalid",
         cat("This is not HTTP: no request begins with '",
             base::printable(window.substr(0, wrong), 16), "'."));
    return 0;
  }
  for (;;) {
    const auto line_end = window.find('\n', scanned_);
    if (line_end == std::string_view::npos) break;
    if (line_end == line_begin_ || window[line_end - 1] != '\r') {
      fail(400, "invalid", "A line of the request's head ends without a carriage return.");
      return 0;
    }
    if (line_end == line_begin_ + 1) return line_end + 1;
    if (window[line_begin_] == ' ' || window[line_begin_] == '\t') {
      // Beast shows a copy of such a field, which ends with the callback. RFC 9112, 5.2 allows
      // refusing it.
      fail(400, "invalid", "A field of the request's head goes on in a second line.");
      return 0;
    }
    scanned_ = line_begin_ = line_end + 1;
  }
  scanned_ = window.size();
  if (bytes.size() >= limits_.max_head_bytes) {
    fail(431, "too_large", cat("The request's head exceeds ", limits_.max_head_bytes, " bytes."));
  }
  return 0;
}

void RequestParser::parse_head(std::string_view head) {
  message_.emplace(request_, body_, limits_.max_body_bytes);
  message_->eager(true);
  message_->header_limit(std::numeric_limits<std::uint32_t>::max());
  message_->body_limit(limits_.max_body_bytes);
  boost::beast::error_code error;
  message_->put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (error) return fail(error);
  // Beast would count a chunk again each time that it reads the same header again, for more of it.
  if (message_->chunked()) message_->body_limit(boost::none);

  if (request_.host.count > 1 || (request_.host.count == 0 && !request_.http_1_0)) {
    return fail(400, "invalid", "An HTTP/1.1 request needs one Host field.");
  }
  if (message_->transfer_encoding == TransferEncoding::kOther ||
      (message_->transfer_encoding == TransferEncoding::kChunked && request_.http_1_0)) {
    return fail(400, "invalid",
                "The only transfer encoding taken is 'chunked', in one field that says nothing "
                "else, and only in HTTP/1.1.");
  }
  request_.keep_alive = message_->keep_alive();
  state_ = message_->is_done() ? State::kDone : State::kBody;
  expectation_ = state_ == State::kBody && message_->expects_continue && !request_.http_1_0;
}

// Returns how much of `bytes` it consumed.
std::size_t RequestParser::parse_body(std::string_view bytes) {
  std::size_t consumed = 0;
  boost::beast::error_code error;
  while (!message_->is_done() && !error) {
    const auto rest = bytes.substr(consumed);
    if (rest.empty() || (message_->chunked() && rest.size() < kMinChunkedRest)) break;
    expectation_ = false;  // The client did not wait.
    consumed += message_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
  }
  if (error && error != http::error::need_more) {
    fail(error);
    return consumed;
  }
  body_wire_bytes_ += consumed;
  if (message_->is_done()) {
    state_ = State::kDone;
    request_.body = body_;
  }

  // Chunk sizes, extensions and trailers are bounded like a head, torn or not.
  const auto unconsumed = error ? bytes.size() - consumed : 0;
  if (body_wire_bytes_ - body_.size() + unconsumed > limits_.max_head_bytes) {
    fail(400, "invalid",
         cat("The framing of the chunked body exceeds ", limits_.max_head_bytes, " bytes."));
  }
  return consumed;
}

// The caller may drop the head's bytes before the body's end comes.
void RequestParser::keep_views() {
  if (request_.method.data() == kept_.data()) return;
  std::array<std::string_view*, kHttpFields.size() + 2> views{&request_.method, &request_.target};
  std::transform(kHttpFields.begin(), kHttpFields.end(), views.begin() + 2,
                 [this](const HttpFieldName& known) { return &(request_.*known.field).value; });
  kept_.clear();
  for (const auto* view : views) kept_.append(*view);
  std::size_t begin = 0;
  for (auto* view : views) {
    *view = std::string_view(kept_).substr(begin, view->size());
    begin += view->size();
  }
}

void RequestParser::fail(unsigned status, std::string_view code, std::string sentence) {
  state_ = State::kFailed;
  problem_ = {.status = status, .code = code, .detail = std::move(sentence)};
}

void RequestParser::fail(const boost::beast::error_code& error) {
  if (error == http::error::body_limit) {
    return fail(413, "too_large",
                cat("The request's body exceeds ", limits_.max_body_bytes, " bytes."));
  }
  fail(400, "invalid", cat("The request is not well-formed HTTP/1.1 (", error.message(), ")."));
}

}  // namespace nextid::http
