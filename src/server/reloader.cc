#include "server/reloader.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/cat.h"

namespace nextid::server {
namespace {

using base::cat;

// One file is open at a time; the others are for clients that are accepted just then.
constexpr std::size_t kSpares = 4;

}  // namespace

Reloader::Reloader(std::vector<Reloadable> parts, const Logger& logger,
                   std::chrono::milliseconds first_retry)
    : logger_(logger), first_retry_(first_retry), spares_(kSpares), pause_(first_retry) {
  for (Reloadable& part : parts) parts_.push_back({.what = std::move(part)});
  thread_ = std::thread([this] { run(); });
}

Reloader::~Reloader() {
  {
    const base::Lock lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Reloader::reload() {
  const base::Lock lock(mutex_);
  const base::SpareDescriptors::Lent lent(spares_);
  for (Part& part : parts_) {
    part.told.clear();
    read(part);
  }
  pause_ = first_retry_;
  next_try_ = base::monotonic_now() + pause_;
  changed_.notify_all();
}

void Reloader::read(Part& part) {
  const auto done = part.what.read();
  part.has_failed = done.has_error();
  if (done) return logger_.info(*done);
  const std::string sentence = done.error().what();
  if (sentence == part.told) return;
  part.told = sentence;
  logger_(LogLevel::kError,
          cat(part.what.what_stays, " ", sentence, " It is tried again until it works."));
}

void Reloader::read_failed() {
  const base::SpareDescriptors::Lent lent(spares_);
  for (Part& part : parts_) {
    if (part.has_failed) read(part);
  }
  pause_ = std::min(2 * pause_, kLastRetry);
  next_try_ = base::monotonic_now() + pause_;
}

bool Reloader::any_failed() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.has_failed; });
}

void Reloader::run() {
  base::Lock lock(mutex_);
  while (!ends_) {
    if (!any_failed()) {
      changed_.wait(lock.native());
    } else if (base::monotonic_now() < next_try_) {
      changed_.wait_until(lock.native(), next_try_);
    } else {
      read_failed();
    }
  }
}

}  // namespace nextid::server
