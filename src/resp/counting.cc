#include "resp/counting.h"

#include <array>

namespace nextid::resp {
namespace {

using stats::Ending;

struct Code {
  std::string_view code;
  Ending ending;
};

constexpr std::array kCodes{
    Code{"ERR", Ending::kInvalid},
    Code{"NOAUTH", Ending::kUnauthorized},
    Code{"WRONGPASS", Ending::kUnauthorized},
    Code{"NOPERM", Ending::kForbidden},
    Code{"NOTFOUND", Ending::kNotFound},
    Code{"DELETED", Ending::kDeleted},
    Code{"EXECABORT", Ending::kInvalid},
    Code{"CONFLICT", Ending::kConflict},
    Code{"PRECONDITION", Ending::kPreconditionFailed},
    Code{"EXHAUSTED", Ending::kExhausted},
    Code{"CORRUPT", Ending::kCorrupt},
    Code{"BUSY", Ending::kOverloaded},
    Code{"UNAVAILABLE", Ending::kUnavailable},
    Code{"DEADLINE", Ending::kDeadline},
};

}  // namespace

stats::Ending ending_of_resp(std::string_view answer) noexcept {
  if (!answer.starts_with('-')) return Ending::kOk;
  const std::string_view code = answer.substr(1, answer.find(' ') - 1);
  for (const Code& known : kCodes) {
    if (known.code == code) return known.ending;
  }
  return Ending::kOther;
}

}  // namespace nextid::resp
