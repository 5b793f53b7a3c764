#include "aws/text_file.h"

#include "base/bom.h"
#include "base/cat.h"
#include "base/file_access.h"
#include "base/file_reading.h"

namespace nextid::aws {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return {ErrorCode::kInvalid, sentence}; }

}  // namespace

Result<std::optional<std::string>> read_text_file(const std::string& path,
                                                  std::size_t limit_bytes) {
  auto text = base::read_file(path, limit_bytes);
  if (text.has_error()) return invalid(cat("Can't read ", path, ": ", text.error().what(), "."));
  if (!text.value()) return text;
  // Who can write it could have nextid use another account, or run a program of theirs.
  if (const auto why = base::why_others_can_write(path)) {
    return invalid(cat(path, " can't be relied on: ", *why, "."));
  }
  return std::optional(std::string(base::without_bom(*text.value())));
}

}  // namespace nextid::aws
