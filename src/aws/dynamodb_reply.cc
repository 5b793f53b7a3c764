#include "aws/dynamodb_reply.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <boost/crc.hpp>
#include <boost/json/parse.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "http_client/service_words.h"

namespace nextid::aws {
namespace {

using base::cat;

namespace json = boost::json;
using Kind = DynamodbReply::Kind;

/// A signature is good for five minutes; less than this is no reason to blame the clock.
constexpr std::chrono::minutes kSkewToTell{4};

/// Of the service's own words: enough for the names of a user, an action and a table.
constexpr std::size_t kMaxMessageBytes = 1'000;

/// One error that DynamoDB names, with what it means and what to say of it.
struct KnownError {
  std::string_view code;
  Kind kind;
  std::string (*why)(const CallContext& context, const std::string& message);
  bool credentials = false;
};

std::string table_in(const CallContext& context) {
  return cat("table '", context.table, "' in ", context.region);
}

std::string says(const std::string& message) {
  return message.empty()
             ? ""
             : cat(" (DynamoDB says: ", base::printable(message, kMaxMessageBytes), ")");
}

std::string condition_failed(const CallContext&, const std::string&) { return ""; }

std::string table_missing(const CallContext& context, const std::string&) {
  return cat("there is no ", table_in(context), " at ", context.endpoint);
}

std::string table_in_use(const CallContext& context, const std::string& message) {
  return cat(table_in(context), " is being changed", says(message));
}

std::string throttled(const CallContext& context, const std::string& message) {
  return cat("DynamoDB throttles ", table_in(context), says(message));
}

std::string busy(const CallContext& context, const std::string& message) {
  return cat("another write to the same item in ", table_in(context), " was under way",
             says(message));
}

std::string denied(const CallContext& context, const std::string& message) {
  return cat("access denied: the credentials from ", context.credentials_source,
             " lack the permission dynamodb:", context.operation, " on ", table_in(context),
             "; grant it", says(message));
}

std::string unknown_key(const CallContext& context, const std::string& message) {
  return cat("the access key or session token from ", context.credentials_source,
             " is not accepted in ", context.region, "; give valid credentials", says(message));
}

std::string expired(const CallContext& context, const std::string& message) {
  const std::string renewal = context.credentials_trouble.empty()
                                  ? "new ones are being looked for"
                                  : "renewing them fails: " + context.credentials_trouble;
  return cat("the credentials from ", context.credentials_source, " have expired; ", renewal,
             says(message));
}

std::string bad_signature(const CallContext& context, const std::string& message) {
  return cat("the signature is not accepted: the secret key from ", context.credentials_source,
             " does not belong to its access key, or a proxy changed the request; check both",
             says(message));
}

std::string invalid(const CallContext& context, const std::string& message) {
  return cat(context.operation, " on ", table_in(context), " was refused as invalid",
             says(message));
}

constexpr std::array kKnownErrors{
    KnownError{"ConditionalCheckFailedException", Kind::kConditionFailed, &condition_failed},
    KnownError{"ResourceNotFoundException", Kind::kTableMissing, &table_missing},
    KnownError{"ResourceInUseException", Kind::kTableInUse, &table_in_use},
    KnownError{"ProvisionedThroughputExceededException", Kind::kThrottled, &throttled},
    KnownError{"ProvisionedThroughputExceeded", Kind::kThrottled, &throttled},
    KnownError{"ThrottlingException", Kind::kThrottled, &throttled},
    KnownError{"Throttling", Kind::kThrottled, &throttled},
    KnownError{"RequestLimitExceeded", Kind::kThrottled, &throttled},
    KnownError{"LimitExceededException", Kind::kThrottled, &throttled},
    KnownError{"TransactionInProgressException", Kind::kNotApplied, &busy},
    KnownError{"TransactionConflictException", Kind::kNotApplied, &busy},
    KnownError{"ReplicatedWriteConflictException", Kind::kNotApplied, &busy},
    KnownError{"AccessDeniedException", Kind::kNotApplied, &denied},
    KnownError{"UnrecognizedClientException", Kind::kNotApplied, &unknown_key, true},
    KnownError{"InvalidClientTokenId", Kind::kNotApplied, &unknown_key, true},
    KnownError{"MissingAuthenticationTokenException", Kind::kNotApplied, &unknown_key, true},
    KnownError{"ExpiredTokenException", Kind::kNotApplied, &expired, true},
    KnownError{"ExpiredToken", Kind::kNotApplied, &expired, true},
    KnownError{"InvalidSignatureException", Kind::kNotApplied, &bad_signature, true},
    KnownError{"SignatureDoesNotMatch", Kind::kNotApplied, &bad_signature, true},
    KnownError{"IncompleteSignatureException", Kind::kNotApplied, &bad_signature, true},
    KnownError{"RequestTimeTooSkewed", Kind::kNotApplied, &bad_signature},
    KnownError{"RequestExpired", Kind::kNotApplied, &bad_signature},
    KnownError{"ValidationException", Kind::kNotApplied, &invalid},
    KnownError{"SerializationException", Kind::kNotApplied, &invalid},
    KnownError{"UnknownOperationException", Kind::kNotApplied, &invalid},
};

/// How far this machine's clock is from the server's, if that explains a refused signature.
std::string clock_skew(const SignedAnswer& answer, const CallContext& context) {
  if (!answer.date) return "";
  using std::chrono::minutes;
  const auto skew = std::chrono::duration_cast<minutes>(context.now - *answer.date);
  if (std::chrono::abs(skew) < kSkewToTell) return "";
  return cat("this machine's clock is ", std::abs(skew.count()), " minutes ",
             skew.count() > 0 ? "ahead of" : "behind",
             " DynamoDB's, and so its signatures are not accepted; set the clock (with NTP)");
}

std::string text_of(const json::object& body, const char* name) {
  const json::value* value = body.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// "com.amazonaws.dynamodb.v20120810#ThrottlingException" without its namespace.
std::string code_of(const json::object& body) {
  const std::string type = text_of(body, "__type");
  return type.substr(type.find('#') + 1);
}

DynamodbReply in_doubt(std::string why) {
  DynamodbReply reply;
  reply.why = std::move(why);
  return reply;
}

/// The error by its name, for a status that says "not applied".
const KnownError* known_error(long status, const std::string& code) {
  if (status < 400 || status >= 500) return nullptr;
  const auto* known = std::find_if(kKnownErrors.begin(), kKnownErrors.end(),
                                   [&](const KnownError& each) { return each.code == code; });
  return known == kKnownErrors.end() ? nullptr : known;
}

/// The sentence of a known error, or of what lies behind it.
std::string explain(const KnownError& known, const SignedAnswer& answer, const CallContext& context,
                    const std::string& message) {
  if (known.why == &bad_signature) {
    if (std::string skew = clock_skew(answer, context); !skew.empty()) return skew;
  }
  // Not parsed: the member's name and place differ between the exceptions that carry it.
  if (answer.body.find("KeyRangeThroughputExceeded") != std::string::npos) {
    return cat("DynamoDB throttles a hot key of ", table_in(context),
               ": one item takes about 1,000 writes a second on any table", says(message));
  }
  return known.why(context, message);
}

DynamodbReply read_error(const SignedAnswer& answer, const CallContext& context) {
  boost::system::error_code unreadable;
  json::value parsed = json::parse(answer.body, unreadable);
  json::object body =
      !unreadable && parsed.is_object() ? std::move(parsed.get_object()) : json::object();
  const std::string code = code_of(body);
  std::string message = text_of(body, "message");
  if (message.empty()) message = text_of(body, "Message");
  if (const KnownError* known = known_error(answer.status, code)) {
    DynamodbReply reply{
        known->kind, {}, explain(*known, answer, context, message), known->credentials, false};
    if (known->kind == Kind::kConditionFailed) reply.body = std::move(body);
    return reply;
  }
  if (answer.status == 429) {
    return {Kind::kThrottled, {}, throttled(context, message), false, false};
  }
  if (code.empty()) {
    return in_doubt(cat("something that is not DynamoDB answered at ", context.endpoint,
                        " with HTTP status ", answer.status, "; check the endpoint"));
  }
  return in_doubt(cat("DynamoDB failed with HTTP status ", answer.status, ", ",
                      http_client::service_words(code), says(message),
                      answer.request_id.empty()
                          ? ""
                          : ", request " + http_client::service_words(answer.request_id)));
}

DynamodbReply no_answer(const SignedAnswer& answer, const CallContext& context) {
  DynamodbReply reply;
  reply.certificate_refused = answer.certificate_refused;
  reply.why =
      answer.certificate_refused
          ? cat("the certificate of ", context.endpoint, " is not accepted (", answer.failure,
                "); if its authority is your own, name its file with ca_file=")
          : cat(context.endpoint, " gave no answer (", answer.failure,
                "); check the endpoint, the region and the network");
  return reply;
}

bool checksum_holds(const SignedAnswer& answer) {
  if (!answer.crc32) return true;
  boost::crc_32_type crc;
  crc.process_bytes(answer.body.data(), answer.body.size());
  return crc.checksum() == *answer.crc32;
}

DynamodbReply read_answer(const SignedAnswer& answer, const CallContext& context) {
  if (!answer.failure.empty()) return no_answer(answer, context);
  if (!checksum_holds(answer)) {
    return in_doubt(
        cat("an answer from ", context.endpoint, " was damaged on its way: its CRC32 is wrong"));
  }
  if (answer.status != 200) return read_error(answer, context);
  boost::system::error_code unreadable;
  json::value parsed = json::parse(answer.body, unreadable);
  if (unreadable || !parsed.is_object()) {
    return in_doubt(cat("an answer from ", context.endpoint, " is not the JSON of DynamoDB"));
  }
  return {Kind::kDone, std::move(parsed.get_object()), "", false, false};
}

}  // namespace

DynamodbReply read_reply(const SignedAnswer& answer, const CallContext& context) {
  DynamodbReply reply = read_answer(answer, context);
  reply.date = answer.date;
  return reply;
}

}  // namespace nextid::aws
