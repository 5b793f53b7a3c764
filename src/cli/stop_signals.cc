#include "cli/stop_signals.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace nextid::cli {
namespace {

// The end of a pipe that the handler writes signal numbers to: one of the few things that it may do
// (signal-safety(7)).
int writer = -1;

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

extern "C" void note_signal(int signal) {
  const int saved_errno = errno;
  if (signal != SIGHUP) {
    set_handler(SIGTERM, SIG_DFL);
    set_handler(SIGINT, SIG_DFL);
  }
  const auto number = static_cast<unsigned char>(signal);
  [[maybe_unused]] const auto written = ::write(writer, &number, 1);  // Full of others: enough.
  errno = saved_errno;
}

}  // namespace

StopSignals::StopSignals() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
  reader_ = ends[0];
  writer = ends[1];
  ::fcntl(writer, F_SETFL, O_NONBLOCK);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGXFSZ, SIGPIPE}) {
    set_handler(signal, SIG_IGN);
  }
}

void StopSignals::take_over() {
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) set_handler(signal, note_signal);
}

void StopSignals::wait(const std::function<void()>& reload) {
  for (;;) {
    unsigned char signal = 0;
    if (::read(reader_, &signal, 1) != 1) continue;  // EINTR
    if (signal != SIGHUP) return;
    reload();
  }
}

}  // namespace nextid::cli
