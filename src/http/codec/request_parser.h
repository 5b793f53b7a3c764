// Finds requests in the bytes of an HTTP/1.x connection. No I/O, no allocation for a request
// without a body, whose bytes are copied; Beast parses the head and the body's framing. Not
// thread-safe.
//
// However the bytes are torn, the same requests and the same error come out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// Both inclusive: a head or body of exactly this size is taken.
struct Limits {
  std::size_t max_head_bytes = 16 * 1024;  ///< Request line and fields, up to the empty line; 431.
  std::uint64_t max_body_bytes = 64 * 1024;  ///< Without its framing; 413.
};

class RequestParser {
 public:
  enum class Status {
    kNeedMore,  ///< Keep what was not consumed, append, feed again.
    kRequest,   ///< request() is whole; feed what was not consumed for the next one.
    kError,     ///< No request can be found any more: answer problem() and close.
  };
  struct Outcome {
    std::size_t consumed;  ///< Bytes from the front that will not be needed again.
    Status status;
  };

  explicit RequestParser(Limits limits) noexcept : limits_(limits) {}

  /// Takes at most one request from `bytes`. What the caller must keep never exceeds
  /// max_unconsumed_bytes().
  Outcome feed(std::string_view bytes);

  /// The request found by the last feed(), with views into its bytes: valid while those are, and
  /// until the next feed() or forget_request().
  const Request& request() const noexcept { return request_; }

  /// Why the last feed() returned kError.
  const Problem& problem() const noexcept { return problem_; }

  /// True once for a request whose body the client holds back until it reads 100 Continue.
  bool take_expectation() noexcept;

  /// For times without requests: frees the memory that a large body took.
  void forget_request() noexcept;
  /// The same, of any request.
  void rest() noexcept;

  /// Of its own memory, beside its input.
  std::size_t held_bytes() const noexcept { return body_.capacity() + kept_.capacity(); }

  /// True when a part of a request was consumed.
  bool in_request() const noexcept { return state_ == State::kBody; }

  std::size_t max_unconsumed_bytes() const noexcept { return limits_.max_head_bytes + 16; }

 private:
  enum class State { kHead, kBody, kDone, kFailed };

  enum class TransferEncoding { kNone, kChunked, kOther };

  // Beast's parser of one message; it can't be used twice, and costs little to make.
  class Message final : public boost::beast::http::basic_parser<true> {
   public:
    Message(Request& request, std::string& body, std::uint64_t max_body_bytes) noexcept
        : request_(request), body_(body), max_body_bytes_(max_body_bytes) {}

    bool expects_continue = false;
    TransferEncoding transfer_encoding = TransferEncoding::kNone;

   private:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;

    void note_transfer_encoding(std::string_view value) noexcept;
    void on_request_impl(boost::beast::http::verb, string_view method, string_view target,
                         int version, error_code&) override;
    void on_field_impl(boost::beast::http::field name, string_view name_text, string_view value,
                       error_code&) override;
    std::size_t on_body_impl(string_view body, error_code&) override;
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    void on_chunk_header_impl(std::uint64_t size, string_view, error_code&) override;
    void on_finish_impl(error_code&) override {}

    Request& request_;
    std::string& body_;
    const std::uint64_t max_body_bytes_;
  };

  void begin_request() noexcept;
  std::size_t find_head(std::string_view bytes);
  void parse_head(std::string_view head);
  std::size_t parse_body(std::string_view bytes);
  void keep_views();
  void fail(unsigned status, std::string_view code, std::string sentence);
  void fail(const boost::beast::error_code& error);

  const Limits limits_;
  State state_ = State::kHead;
  Request request_;
  Problem problem_;
  std::optional<Message> message_;
  std::size_t scanned_ = 0;            // Bytes of the head in which no end was found.
  std::size_t line_begin_ = 0;         // Where the line that scanned_ is in begins.
  std::uint64_t body_wire_bytes_ = 0;  // Of the body, with its framing.
  bool expectation_ = false;
  std::string body_;  // Of request_.
  std::string kept_;  // The head that request_ views, when that is consumed before the body ends.
};

}  // namespace nextid::http
