#include "server/line_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <utility>

#include <climits>

#include "base/mutex.h"

namespace nextid::server {

struct LineWriter::State {
  explicit State(int to) : descriptor(to) {}

  const int descriptor;
  std::atomic<bool> closing{false};

  mutable base::Mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> lines NEXTID_GUARDED_BY(mutex);  // The first one may be half written.
  std::size_t bytes NEXTID_GUARDED_BY(mutex) = 0;          // Of `lines`.
  std::uint64_t dropped NEXTID_GUARDED_BY(mutex) = 0;
  std::uint64_t told NEXTID_GUARDED_BY(mutex) = 0;  // Of those dropped.
};

LineWriter::LineWriter(int descriptor, std::chrono::milliseconds courtesy)
    : state_(std::make_shared<State>(descriptor)),
      courtesy_(courtesy),
      thread_([state = state_] { run(state); }) {}

// A thread that may be held up by the reader is not waited for: the process wants to end.
LineWriter::~LineWriter() {
  const bool idle = flush(kLastWait);
  {
    const base::Lock lock(state_->mutex);
    state_->closing = true;
    state_->changed.notify_all();
  }
  idle ? thread_.join() : thread_.detach();
}

void LineWriter::write(std::string line) {
  base::Lock lock(state_->mutex);
  const bool waits_for_none = state_->lines.empty();
  if (state_->bytes + line.size() > kMostWaitingBytes) {
    ++state_->dropped;
    return;
  }
  state_->bytes += line.size();
  state_->lines.push_back(std::move(line));
  state_->changed.notify_all();
  if (!waits_for_none || courtesy_ == courtesy_.zero()) return;
  const auto deadline = std::chrono::steady_clock::now() + courtesy_;
  while (!state_->lines.empty()) {
    if (state_->changed.wait_until(lock.native(), deadline) == std::cv_status::timeout) return;
  }
}

bool LineWriter::flush(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  base::Lock lock(state_->mutex);
  while (!state_->lines.empty()) {
    if (state_->changed.wait_until(lock.native(), deadline) == std::cv_status::timeout) {
      return state_->lines.empty();
    }
  }
  return true;
}

std::uint64_t LineWriter::dropped() const {
  const base::Lock lock(state_->mutex);
  return state_->dropped;
}

std::uint64_t LineWriter::take_untold() {
  const base::Lock lock(state_->mutex);
  if (state_->bytes > kMostWaitingBytes / 2) return 0;
  return state_->dropped - std::exchange(state_->told, state_->dropped);
}

void LineWriter::run(const std::shared_ptr<State>& state) {
  sigset_t signals;
  sigfillset(&signals);  // A reader that went away is an error of write(), and no SIGPIPE.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  base::Lock lock(state->mutex);
  for (;;) {
    while (state->lines.empty() && !state->closing) state->changed.wait(lock.native());
    if (state->lines.empty()) return;
    const std::string line = state->lines.front();
    lock.unlock();
    const bool written = write_whole(*state, line);
    lock.lock();
    if (!written) ++state->dropped;
    state->bytes -= line.size();
    state->lines.pop_front();
    state->changed.notify_all();
    if (!written && state->closing) return;
  }
}

// In pieces that a pipe takes whole when poll() finds room in it, so that closing is noticed.
bool LineWriter::write_whole(const State& state, const std::string& line) {
  for (std::size_t begin = 0; begin < line.size();) {
    pollfd wanted{state.descriptor, POLLOUT, 0};
    if (::poll(&wanted, 1, 100) <= 0) {
      if (state.closing) return false;
      continue;
    }
    const auto size = std::min<std::size_t>(line.size() - begin, PIPE_BUF);
    const ssize_t written = ::write(state.descriptor, line.data() + begin, size);
    if (written >= 0) {
      begin += static_cast<std::size_t>(written);
    } else if (errno != EINTR && errno != EAGAIN) {
      return false;
    }
  }
  return true;
}

}  // namespace nextid::server
