// The URL of a DynamoDB store: dynamodb://TABLE?region=...&endpoint=...
#pragma once

#include <chrono>
#include <string>

#include "nextid/error.h"

namespace nextid::store {

struct DynamodbSettings {
  std::string url;  ///< As given, for sentences.
  std::string table = "id_counters";
  std::string region;  ///< Empty: from the environment or the profile, as are the next two.
  std::string endpoint;
  bool plain_http = false;  ///< Whether that may be http:// on another machine.
  std::string profile;
  std::string ca_file;    ///< PEM file of the authorities to trust; empty for the system's.
  bool create = true;     ///< Make the table when it is missing, and that of idempotency records.
  bool is_known = false;  ///< The table was there before: only that of idempotency records is made.
  std::chrono::milliseconds attempt_timeout{500};  ///< For each call to DynamoDB.
};

/// Parses what follows "dynamodb:". `create` holds where the URL does not say. kInvalid names the
/// part that is wrong and what it may be.
Result<DynamodbSettings> parse_dynamodb_url(const std::string& rest, bool create = true);

}  // namespace nextid::store
