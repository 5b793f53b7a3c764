// The text format of the AWS `config` and `credentials` files, without the files.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::aws {

/// By lower-case name; a setting indented below `dynamodb =` has the name "dynamodb.NAME".
using Settings = std::map<std::string, std::string>;

/// By what stands between the brackets, blanks made one: "default", "profile dev", "services
/// local". Sections of one name are merged; of two equal settings the later counts.
using Sections = std::map<std::string, Settings>;

/// Comments are lines that begin with # or ;, and the rest of a line after a blank and one of
/// these. A setting ends with its line or, as for credential_process, goes on in deeper indented
/// lines, which are joined by line breaks. The error's sentence names `path` and the line, and
/// never shows the line, as it may be a key.
Result<Sections> parse_settings_file(std::string_view text, const std::string& path);

}  // namespace nextid::aws
