// Bytes as JSON carries them in etcd's gateway: base64 with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nextid::store {

std::string to_base64(std::string_view bytes);

/// Nothing for text that is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace nextid::store
