#include "aws/credential_document.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/cat.h"
#include "http_client/service_words.h"

namespace nextid::aws {
namespace {

using base::cat;

using Time = std::chrono::system_clock::time_point;

// A clock that counts nanoseconds in 64 bits reaches neither the year 1 nor 9999.
constexpr std::chrono::sys_days kFirstDay{std::chrono::year(1970) / 1 / 1};
constexpr std::chrono::sys_days kLastDay{std::chrono::year(2200) / 12 / 31};

// Reads a text from its front; a step that does not fit makes all later ones fail.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    const std::string_view taken = rest_.substr(0, count);
    const auto [end, error] = std::from_chars(taken.data(), taken.data() + taken.size(), value);
    ok_ = ok_ && taken.size() == count && error == std::errc{} &&
          end == taken.data() + taken.size() && taken.front() != '-';
    rest_.remove_prefix(taken.size());
    return value;
  }
  bool skip_if(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip(char c) { ok_ = skip_if(c) && ok_; }
  void skip_fraction() {
    if (!skip_if('.')) return;
    const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    ok_ = ok_ && end > 0;
    rest_.remove_prefix(end);
  }
  bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// The offset of local time from UTC: "Z", "+01:00", "-0530".
std::chrono::seconds read_offset(Reader& reader) {
  if (reader.skip_if('Z')) return std::chrono::seconds(0);
  const bool negative = reader.skip_if('-');
  if (!negative) reader.skip('+');
  const std::chrono::hours hours(reader.digits(2));
  reader.skip_if(':');
  const std::chrono::minutes minutes(reader.digits(2));
  return negative ? -(hours + minutes) : hours + minutes;
}

bool has_unfit_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; });
}

Error unfit(const Credentials& credentials, const std::string& what) {
  return {ErrorCode::kInvalid, cat("The AWS credentials of ", credentials.source, " have ", what,
                                   ". Correct them there.")};
}

Error not_a_document(const std::string& source, const std::string& reason) {
  return {ErrorCode::kUnavailable,
          cat("The answer of ", source, " has no AWS credentials: ", reason, ".")};
}

}  // namespace

std::optional<Time> parse_expiry(std::string_view text) {
  using std::chrono::sys_days;
  Reader reader(text);
  const int year = reader.digits(4);
  reader.skip('-');
  const auto month = static_cast<unsigned>(reader.digits(2));
  reader.skip('-');
  const auto day = static_cast<unsigned>(reader.digits(2));
  reader.skip('T');
  const int hour = reader.digits(2);
  reader.skip(':');
  const int minute = reader.digits(2);
  reader.skip(':');
  const int second = reader.digits(2);
  reader.skip_fraction();
  const std::chrono::seconds offset = read_offset(reader);

  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  // A second of 60 is a leap second.
  if (!reader.complete() || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  return Time(std::clamp(sys_days(date), kFirstDay, kLastDay)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) - offset;
}

Result<Credentials> check_credentials(Credentials credentials,
                                      const std::optional<std::string>& expiration) {
  if (credentials.access_key_id.empty()) return unfit(credentials, "no access key id");
  if (credentials.secret_access_key.empty()) return unfit(credentials, "no secret access key");
  if (has_unfit_character(credentials.access_key_id) ||
      has_unfit_character(credentials.secret_access_key) ||
      has_unfit_character(credentials.session_token)) {
    return unfit(credentials, "a blank, a line break or another character that no key has");
  }
  if (!expiration) return credentials;
  credentials.expires = parse_expiry(*expiration);
  if (!credentials.expires) {
    return Error(ErrorCode::kUnavailable,
                 cat("The expiry of the AWS credentials of ", credentials.source,
                     " is no time like 2026-11-25T12:00:00Z. Correct it there."));
  }
  if (*credentials.expires <= std::chrono::system_clock::now()) {
    return Error(ErrorCode::kUnavailable,
                 cat("The AWS credentials of ", credentials.source, " expired at ",
                     http_client::service_words(*expiration),
                     ". Renew them there, or correct this machine's clock."));
  }
  return credentials;
}

Result<Credentials> parse_credentials_json(std::string_view text, std::string_view token_name,
                                           const std::string& source) {
  boost::system::error_code failure;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), failure);
  if (failure || !value.is_object()) return not_a_document(source, "it is no JSON object");

  std::string wrong;
  const auto read = [&](std::string_view name) -> std::optional<std::string> {
    const auto* member = value.get_object().if_contains({name.data(), name.size()});
    if (member == nullptr || member->is_null()) return std::nullopt;
    if (const auto* string = member->if_string())
      return std::string(string->data(), string->size());
    wrong = name;
    return std::nullopt;
  };
  auto key = read("AccessKeyId");
  auto secret = read("SecretAccessKey");
  auto token = read(token_name);
  const auto expiration = read("Expiration");
  if (!wrong.empty()) return not_a_document(source, cat("its ", wrong, " is no string"));
  if (!key) return not_a_document(source, "it has no AccessKeyId");
  if (!secret) return not_a_document(source, "it has no SecretAccessKey");
  return check_credentials({.access_key_id = *std::move(key),
                            .secret_access_key = *std::move(secret),
                            .session_token = std::move(token).value_or(""),
                            .expires = std::nullopt,
                            .source = source},
                           expiration);
}

std::string parse_failure_json(std::string_view text) {
  boost::system::error_code failure;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), failure);
  if (failure || !value.is_object()) return "";
  const auto read = [&](const char* name, const char* lower_name) -> std::string {
    for (const char* key : {name, lower_name}) {
      const auto* member = value.get_object().if_contains(key);
      if (member != nullptr && member->is_string()) return member->get_string().c_str();
    }
    return "";
  };
  const std::string code = read("Code", "code");
  const std::string message = read("Message", "message");
  if (code.empty() || code == "Success") return "";
  return http_client::service_words(message.empty() ? code : cat(code, ": ", message));
}

}  // namespace nextid::aws
