// Reads a JSON object of plain values, such as a call's body, field by field. Keeps no document,
// and goes no level deeper.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "http/codec/problem.h"

namespace nextid::http {

enum class JsonKind { kInteger, kString };

/// One field that an object may have, at most once.
struct JsonField {
  std::string_view name;
  std::string expected;  ///< Ends "The field 'max' is 0; it must be ...".
  /// Takes the value: the digits of an integer, a string as UTF-8. False when it is not as
  /// expected.
  std::function<bool(JsonKind kind, std::string_view text)> take;
  bool may_be_null = false;  ///< Then null is as if it were not there.
};

/// Reads `text`, which must be one JSON object of these fields and nothing else. The sentence of a
/// refusal names the field, or says where the text is no JSON.
Refusal read_json_object(std::string_view text, std::span<const JsonField> fields);

}  // namespace nextid::http
