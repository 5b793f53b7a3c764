#include "store/sqlite/store.h"

#include <condition_variable>
#include <iterator>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "store/sqlite/committer.h"

namespace nextid::store {

/// The queue, and who commits what is in it. One thread at a time leads; only the leader touches
/// the committer.
class SqliteStore::Impl : public std::enable_shared_from_this<SqliteStore::Impl> {
 public:
  Impl(SqliteFile file, WallClock wall_clock)
      : committer_(std::move(file), std::move(wall_clock)) {}

  void submit(std::vector<contract::Call> calls);
  void list(Listing listing);
  const StoreOpening& opening() const noexcept { return committer_.opening(); }
  /// Ends the helper once it has done what waits. Nothing is submitted afterwards, except by calls
  /// that are being answered.
  void stop();

 private:
  void lead_if_nobody_does(std::unique_lock<std::mutex> lock);
  void commit_waiting(std::unique_lock<std::mutex>& lock);
  bool hand_over();
  void help();

  std::mutex mutex_;
  std::condition_variable wake_;
  Group waiting_;
  bool has_leader_ = false;
  bool helper_leads_ = false;
  bool stopping_ = false;
  std::thread helper_;
  SqliteCommitter committer_;
};

void SqliteStore::Impl::submit(std::vector<contract::Call> calls) {
  std::unique_lock lock(mutex_);
  if (waiting_.calls.empty()) {
    waiting_.calls = std::move(calls);
  } else {
    waiting_.calls.insert(waiting_.calls.end(), std::make_move_iterator(calls.begin()),
                          std::make_move_iterator(calls.end()));
  }
  lead_if_nobody_does(std::move(lock));
}

void SqliteStore::Impl::list(Listing listing) {
  std::unique_lock lock(mutex_);
  waiting_.listings.push_back(std::move(listing));
  lead_if_nobody_does(std::move(lock));
}

void SqliteStore::Impl::lead_if_nobody_does(std::unique_lock<std::mutex> lock) {
  if (has_leader_ || waiting_.empty()) return;
  has_leader_ = true;
  commit_waiting(lock);
  if (!waiting_.empty() && hand_over()) return;
  // Only when there is no helper does a caller lead for longer.
  while (!waiting_.empty()) commit_waiting(lock);
  has_leader_ = false;
}

/// One commit for all that waits. What its answers submit waits for the next one.
void SqliteStore::Impl::commit_waiting(std::unique_lock<std::mutex>& lock) {
  Group group = std::exchange(waiting_, Group());
  lock.unlock();
  Answers answers = committer_.commit(group);
  for (std::size_t i = 0; i < group.calls.size(); ++i) {
    group.calls[i].done(std::move(answers.outcomes[i]));
  }
  for (std::size_t i = 0; i < group.listings.size(); ++i) {
    group.listings[i].done(std::move(answers.pages[i]));
  }
  committer_.tidy();
  lock.lock();
}

/// Makes the helper the leader, unless it has ended or the system has no thread for it.
bool SqliteStore::Impl::hand_over() {
  if (stopping_) return false;
  if (!helper_.joinable()) {
    try {
      helper_ = std::thread([self = shared_from_this()] { self->help(); });
    } catch (const std::system_error&) {
      return false;
    }
  }
  helper_leads_ = true;
  wake_.notify_one();
  return true;
}

void SqliteStore::Impl::help() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return helper_leads_ || stopping_; });
    if (!helper_leads_) return;
    while (!waiting_.empty()) commit_waiting(lock);
    helper_leads_ = false;
    has_leader_ = false;
  }
}

void SqliteStore::Impl::stop() {
  std::thread helper;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    helper = std::move(helper_);
  }
  wake_.notify_one();
  if (!helper.joinable()) return;
  // From one of the helper's own answers: it ends by itself, and keeps this object until then.
  if (helper.get_id() == std::this_thread::get_id()) {
    helper.detach();
  } else {
    helper.join();
  }
}

SqliteStore::SqliteStore(std::shared_ptr<Impl> impl)
    : opening_(impl->opening()), impl_(std::move(impl)) {}

Result<std::shared_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       const SqliteOpenOptions& options,
                                                       WallClock wall_clock) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalid, "an SQLite store needs the path of a file: sqlite:PATH");
  }
  try {
    auto impl = std::make_shared<Impl>(open_sqlite_file(path, options), std::move(wall_clock));
    return std::shared_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
  } catch (const SqliteFailure& failure) {
    return error_of(failure);
  }
}

SqliteStore::~SqliteStore() {
  if (fork_guard_.in_child()) {
    // Its connection, locks and thread are the parent's: not even their memory is let go of.
    static_cast<void>(new std::shared_ptr<Impl>(std::move(impl_)));
    return;
  }
  impl_->stop();
}

void SqliteStore::submit(std::vector<contract::Call> calls) {
  const auto impl = impl_;  // An answer may destroy this store.
  impl->submit(std::move(calls));
}

void SqliteStore::list(const std::string& after, std::size_t limit,
                       std::function<void(Result<CounterPage>)> done) {
  const auto impl = impl_;
  impl->list({after, limit, std::move(done)});
}

}  // namespace nextid::store
