#include "service/sign_in_log.h"

#include "base/cat.h"

namespace nextid::service {

using base::cat;

void SignInLog::note(std::string_view protocol, const std::string& client,
                     base::MonotonicTime now) {
  {
    const base::Lock lock(mutex_);
    untold_.last = cat(protocol, " from ", client);
    if (untold_.count++ == 0) untold_.first = untold_.last;
  }
  tick(now);
}

void SignInLog::tick(base::MonotonicTime now) {
  Failures failures;
  {
    const base::Lock lock(mutex_);
    const bool is_first = told_at_ == base::MonotonicTime();
    if (untold_.count == 0 || (!is_first && now - told_at_ < kPeriod)) return;
    std::swap(failures, untold_);
    told_at_ = now;
  }
  if (log_) write(failures);
}

void SignInLog::write(const Failures& failures) const {
  const bool is_one = failures.count == 1;
  const std::string sentence =
      is_one ? cat("A token that this server does not know was refused: ", failures.last, ".")
             : cat(failures.count, " tokens that this server does not know were refused: first ",
                   failures.first, ", last ", failures.last, ".");
  log_(LogLevel::kWarning, sentence,
       {{"failed_sign_ins", failures.count},
        {"first_client", failures.first},
        {"last_client", failures.last}});
}

}  // namespace nextid::service
