#include "http/codec/problem.h"

#include <utility>

namespace nextid::http {
namespace {

unsigned status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kDeleted:
      return 410;
    case ErrorCode::kConflict:
    case ErrorCode::kExhausted:
      return 409;
    case ErrorCode::kPrecondition:
      return 412;
    case ErrorCode::kLimited:
      return 429;
    case ErrorCode::kCorrupt:
      return 500;
    case ErrorCode::kOverloaded:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadline:
      return 504;
  }
  return 500;
}

}  // namespace

Problem invalid(std::string sentence) { return {.detail = std::move(sentence)}; }

Problem precondition_failed(std::string sentence) {
  return {.status = status_of(ErrorCode::kPrecondition),
          .code = to_string(ErrorCode::kPrecondition),
          .detail = std::move(sentence)};
}

Problem forbidden(std::string sentence) {
  return {.status = 403, .code = "forbidden", .detail = std::move(sentence)};
}

Problem limited(std::string sentence, std::chrono::milliseconds retry_after) {
  return {.status = status_of(ErrorCode::kLimited),
          .code = to_string(ErrorCode::kLimited),
          .detail = std::move(sentence),
          .retry_after = retry_after};
}

Problem problem_of(const Error& error) {
  if (error.code() == ErrorCode::kLimited) {
    // Where it says nothing: when counters were idle for a while, or with the next day.
    const auto retry_after = error.retry_after();
    return limited(error.what(), retry_after.count() > 0 ? retry_after : std::chrono::minutes(1));
  }
  return {
      .status = status_of(error.code()), .code = to_string(error.code()), .detail = error.what()};
}

}  // namespace nextid::http
