// What one call to DynamoDB came to: facts and a sentence, from what came back over HTTP.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "aws/signed_http.h"

namespace nextid::aws {

struct DynamodbReply {
  enum class Kind {
    kDone,             ///< Applied or read; `body` is the answer.
    kConditionFailed,  ///< Not applied; `body` has the "Item" where the service sends it.
    kTableMissing,     ///< Not applied: there is no such table.
    kTableInUse,       ///< Not applied: the table exists, or is being made or deleted.
    kThrottled,        ///< Not applied; slow down.
    kNotApplied,       ///< Not applied for another reason, which often only a person can mend.
    kInDoubt,          ///< May have been applied, or may yet be.
  };

  Kind kind = Kind::kInDoubt;
  boost::json::object body;
  /// What happened and what to do, without a full stop; empty for kDone and kConditionFailed.
  std::string why;
  /// Other credentials may work: the token has expired, or the key is unknown.
  bool credentials_refused = false;
  bool certificate_refused = false;  ///< The endpoint can't be trusted; trying again won't help.
  std::optional<std::chrono::system_clock::time_point> date = {};  ///< By the service's clock.
};

/// What a call was, for its sentences.
struct CallContext {
  std::string operation;  ///< "UpdateItem"
  std::string table;
  std::string region;
  std::string endpoint;
  std::string credentials_source;
  std::string credentials_trouble;            ///< Why the last renewal failed, if it did.
  std::chrono::system_clock::time_point now;  ///< When the answer arrived.
};

/// Reads an answer. An answer counts as not applied only if it is whole, its checksum is right, and
/// DynamoDB documents its error as not applied; all else is in doubt.
DynamodbReply read_reply(const SignedAnswer& answer, const CallContext& context);

}  // namespace nextid::aws
