#include "http/codec/request_id.h"

#include <algorithm>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::http {

using base::cat;

Refusal parse_request_id(const Field& field, std::string& id) {
  if (field.count == 0) return std::nullopt;
  const bool is_printable = std::all_of(field.value.begin(), field.value.end(),
                                        [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (!is_printable || field.value.empty() || field.value.size() > kMaxRequestIdBytes) {
    return invalid(cat("The X-Request-Id ", base::in_quotes(field.value), " is not 1 to ",
                       kMaxRequestIdBytes, " printable ASCII characters."));
  }
  id = field.value;
  return std::nullopt;
}

}  // namespace nextid::http
