#include "net/reactor.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace nextid::net {
namespace {

thread_local const Reactor* current = nullptr;

Socket opened(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), what);
  return Socket(descriptor);
}

Readiness readiness(std::uint32_t events) {
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool ended = failed || (events & EPOLLRDHUP) != 0;
  return {.readable = ended || (events & EPOLLIN) != 0,
          .writable = failed || (events & EPOLLOUT) != 0,
          .ended = ended};
}

}  // namespace

Reactor::Reactor()
    : epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wakeup_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, wakeup_.descriptor(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

bool Reactor::in_this_thread() const noexcept { return current == this; }

void Reactor::post(Task task) {
  // Under the lock: once the task can run, this object may go.
  const base::Lock lock(tasks_mutex_);
  // This thread looks at the tasks before it waits.
  if (tasks_.empty() && !in_this_thread()) wake();
  tasks_.push_back(std::move(task));
}

// Each write is an event of its own, so nobody has to read the count, which takes centuries to
// overflow.
void Reactor::wake() noexcept { static_cast<void>(::eventfd_write(wakeup_.descriptor(), 1)); }

void Reactor::stop() noexcept {
  stopped_.store(true);
  wake();
}

boost::system::error_code Reactor::add(int descriptor, Handler& handler) {
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT | EPOLLET, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_.descriptor(), EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
  return {errno, boost::system::system_category()};
}

// The kernel forgets a descriptor that is closed; what it has told already is forgotten here.
void Reactor::remove(Handler& handler) noexcept {
  for (epoll_event& event : untold_) {
    if (event.data.ptr == &handler) event.data.ptr = nullptr;
  }
  std::erase(again_, &handler);
  std::replace(untold_again_.begin(), untold_again_.end(), &handler,
               static_cast<Handler*>(nullptr));
}

void Reactor::run_after(std::chrono::milliseconds delay, Task task) {
  timers_.emplace(base::monotonic_now() + delay, std::move(task));
}

void Reactor::turn(Wait wait) {
  current = this;
  const int timeout = timeout_ms(wait);
  untold_again_.swap(again_);  // Who asks in this turn is called in the next one.
  const int count = ::epoll_wait(epoll_.descriptor(), events_.data(), kMostEvents, timeout);
  NEXTID_CHECK(count >= 0 || errno == EINTR);
  tell_events(static_cast<std::size_t>(std::max(count, 0)));
  tell_again();
  run_tasks();
  run_timers();
}

int Reactor::timeout_ms(Wait wait) const {
  if (wait == Wait::kNot || !again_.empty() || stopped() || has_tasks()) return 0;
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - base::monotonic_now());
  constexpr std::chrono::milliseconds::rep kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp(left.count(), std::chrono::milliseconds::rep{0}, kMost));
}

bool Reactor::has_tasks() const {
  const base::Lock lock(tasks_mutex_);
  return !tasks_.empty();
}

void Reactor::tell_events(std::size_t count) {
  untold_ = std::span(events_).first(count);
  while (!untold_.empty()) {
    const epoll_event event = untold_.front();
    untold_ = untold_.subspan(1);
    if (event.data.ptr == nullptr) continue;  // A wake-up, or removed.
    static_cast<Handler*>(event.data.ptr)->on_ready(readiness(event.events));
  }
}

void Reactor::tell_again() {
  for (std::size_t i = 0; i < untold_again_.size(); ++i) {
    if (Handler* handler = std::exchange(untold_again_[i], nullptr)) handler->on_ready({});
  }
  untold_again_.clear();
}

void Reactor::run_tasks() {
  std::vector<Task> tasks;
  {
    const base::Lock lock(tasks_mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task();
}

void Reactor::run_timers() {
  while (!timers_.empty() && timers_.begin()->first <= base::monotonic_now()) {
    const auto due = timers_.extract(timers_.begin());
    due.mapped()();
  }
}

}  // namespace nextid::net
