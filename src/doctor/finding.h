// What a check of `nextid doctor` has to say.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nextid/statistics.h"

namespace nextid::doctor {

using Verdict = HealthVerdict;

/// One line: what was looked at, and a sentence; unless all is well, also what to do.
struct Finding {
  Verdict verdict = Verdict::kOk;
  std::string subject;
  std::string sentence;
};

using Findings = std::vector<Finding>;

inline Finding ok(std::string subject, std::string sentence) {
  return {Verdict::kOk, std::move(subject), std::move(sentence)};
}
inline Finding warn(std::string subject, std::string sentence) {
  return {Verdict::kWarn, std::move(subject), std::move(sentence)};
}
inline Finding fail(std::string subject, std::string sentence) {
  return {Verdict::kFail, std::move(subject), std::move(sentence)};
}

}  // namespace nextid::doctor
