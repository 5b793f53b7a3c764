// What is written down about callers for those who must know later who did it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nextid/error.h"
#include "nextid/id_range.h"

#include "service/call.h"

namespace nextid::service {

/// Holds nothing secret: no token's text, no idempotency key.
struct AuditRecord {
  enum class Kind {
    kDefine,
    kDelete,
    kAdvance,
    kTakeRange,
    kRefuse,  ///< Nobody is signed in, or the token lacks the right.
  };

  Kind kind = Kind::kRefuse;
  std::string_view protocol = {};        ///< Static text.
  std::string client = {};               ///< "192.0.2.7:51234"; "" where it is unknown.
  std::string token = {};                ///< Its name; "" where nobody is signed in.
  std::string_view call = {};            ///< Of a refusal: the call's name in metrics. Static text.
  std::string counter = {};              ///< "" where there is none.
  std::string code = {};                 ///< Why it was refused or failed; "" where it succeeded.
  std::optional<std::uint64_t> to = {};  ///< Of an advance.
  std::optional<IdRange> ids = {};       ///< Of a range.
};

/// Thread-safe.
class Audit {
 public:
  /// Never waits.
  virtual void note(const AuditRecord& record) = 0;

  /// Ranges of so many ids are noted, and larger ones.
  virtual std::uint64_t least_range() const noexcept = 0;

 protected:
  ~Audit() = default;
};

/// The record of a call, but for who makes it and how it ends; nothing for calls that leave none.
template <typename Asked>
std::optional<AuditRecord> record_of(const Asked&) {
  return std::nullopt;
}
inline std::optional<AuditRecord> record_of(const DefineCounter& call) {
  return AuditRecord{.kind = AuditRecord::Kind::kDefine, .counter = call.counter};
}
inline std::optional<AuditRecord> record_of(const DeleteCounter& call) {
  return AuditRecord{.kind = AuditRecord::Kind::kDelete, .counter = call.counter};
}
inline std::optional<AuditRecord> record_of(const AdvanceCounter& call) {
  return AuditRecord{.kind = AuditRecord::Kind::kAdvance, .counter = call.counter, .to = call.to};
}

/// Notes how the call of the record ended, where it has one.
template <typename Answer>
void note_end(Audit* audit, std::optional<AuditRecord> record, const Result<Answer>& answer) {
  if (!record) return;
  if (!answer) record->code = to_string(answer.error().code());
  audit->note(*record);
}

}  // namespace nextid::service
