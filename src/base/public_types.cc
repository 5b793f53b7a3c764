// The few lines behind the plain types of include/nextid.
#include <algorithm>
#include <numeric>

#include "nextid/accounting.h"
#include "nextid/counter.h"
#include "nextid/error.h"
#include "nextid/id_generator.h"

namespace nextid {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kPrecondition:
      return "precondition_failed";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kOverloaded:
      return "overloaded";
    case ErrorCode::kLimited:
      return "limited";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDeadline:
      return "deadline";
  }
  return "unknown";
}

std::string_view to_string(BurnReason reason) noexcept {
  switch (reason) {
    case BurnReason::kDeadline:
      return "deadline";
    case BurnReason::kDisconnect:
      return "disconnect";
    case BurnReason::kDiscard:
      return "discard";
    case BurnReason::kIdempotency:
      return "idempotency";
    case BurnReason::kAdvance:
      return "advance";
  }
  return "unknown";
}

bool is_counter_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxCounterNameBytes) return false;
  if (!is_alphanumeric(name.front()) && name.front() != '_') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == ':' || c == '-';
  });
}

bool is_idempotency_key(std::string_view key) noexcept {
  return !key.empty() && key.size() <= kMaxIdempotencyKeyBytes &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::uint64_t Accounting::burned_total() const noexcept {
  return std::accumulate(burned.begin(), burned.end(), std::uint64_t{0});
}

Accounting& Accounting::operator+=(const Accounting& other) noexcept {
  returned += other.returned;
  for (std::size_t i = 0; i < burned.size(); ++i) burned[i] += other.burned[i];
  reservations += other.reservations;
  store_writes += other.store_writes;
  refills += other.refills;
  waits += other.waits;
  largest_batch = std::max(largest_batch, other.largest_batch);
  for (std::size_t i = 0; i < batch_sizes.size(); ++i) batch_sizes[i] += other.batch_sizes[i];
  return *this;
}

}  // namespace nextid
