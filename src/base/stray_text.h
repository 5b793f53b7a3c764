// Invisible characters in settings. A file saved on another system, or text copied from a page,
// brings them along; then two names look the same and differ.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nextid::base {

/// Says which character does not belong in a name, path, URL or number, and where it stands, as in
/// "it ends in a carriage return; remove it". Nothing if all is well. Refused are control
/// characters and line separators anywhere, and at either end blanks of all kinds and byte order
/// marks.
std::optional<std::string> stray_character(std::string_view text);

/// `text` for messages: a character that would not show, or that a terminal would act on, becomes
/// an escape such as \r or \u{a0}. Plain blanks stay.
std::string visible(std::string_view text);

}  // namespace nextid::base
