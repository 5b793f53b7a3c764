// The signals of a server process.
#pragma once

#include <functional>

namespace nextid::cli {

/// One a process; none of it is thread-safe, and the signals may come to any thread.
///
/// SIGTERM and SIGINT end the process at once until take_over(), then in good order, and a second
/// one at once again. SIGHUP does nothing before that. SIGUSR1, SIGUSR2, SIGALRM and SIGXFSZ, whose
/// default is to end the process, do nothing: it holds ids. A write past a file size limit fails
/// with an error instead.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// To be called before the first id is given out.
  void take_over();
  /// Blocks until SIGTERM or SIGINT; each SIGHUP before calls `reload`.
  void wait(const std::function<void()>& reload);

 private:
  int reader_;
};

}  // namespace nextid::cli
