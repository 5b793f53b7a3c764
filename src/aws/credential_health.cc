#include "aws/credential_health.h"

#include <utility>

#include "base/time_text.h"

namespace nextid::aws {
namespace {

using std::chrono::system_clock;

/// Temporary credentials are renewed several minutes before their end.
constexpr std::chrono::minutes kSoon{2};

struct Judged {
  HealthVerdict verdict;
  std::string sentence;
};

Judged judge(const Credentials& credentials, const std::string& trouble,
             system_clock::time_point now) {
  const std::string from = "They are from " + credentials.source;
  if (!trouble.empty()) {
    return {HealthVerdict::kWarn, from + ", and can't be renewed: " + trouble};
  }
  if (!credentials.expires) return {HealthVerdict::kOk, from + ", and do not expire."};
  const auto left = *credentials.expires - now;
  const std::string until =
      " until " + base::gmt_text(system_clock::to_time_t(*credentials.expires));
  if (left <= system_clock::duration::zero()) {
    return {HealthVerdict::kFail,
            from + ", and were valid" + until + ". Get new ones: log in again."};
  }
  if (left <= kSoon) {
    return {HealthVerdict::kWarn,
            from + ", and are valid only" + until + ". See that they are renewed."};
  }
  return {HealthVerdict::kOk, from + ", and are valid" + until + "."};
}

}  // namespace

HealthFact health_of(const Credentials& credentials, const std::string& trouble,
                     system_clock::time_point now) {
  auto [verdict, sentence] = judge(credentials, trouble, now);
  HealthFact fact{
      .subject = "credentials", .verdict = verdict, .sentence = std::move(sentence), .figures = {}};
  if (credentials.expires) {
    const std::chrono::duration<double> since_1970 = credentials.expires->time_since_epoch();
    fact.figures.push_back({"credentials_expiry_timestamp_seconds",
                            "When the store's credentials in use end, since 1970.",
                            since_1970.count()});
  }
  fact.figures.push_back(
      {"credentials_renewal_failing",
       "1 when the last attempt to renew the store's credentials failed, else 0.",
       trouble.empty() ? 0.0 : 1.0});
  return fact;
}

}  // namespace nextid::aws
