#include "store/mysql/store.h"

#include <system_error>

#include "base/cat.h"
#include "store/mysql/committer.h"
#include "store/mysql/opening.h"

namespace nextid::store {
namespace {

constexpr int kLanes = 4;

Error error_of(const MysqlFailure& failure) {
  return Error(ErrorCode::kUnavailable, std::string(failure.what()) + ".");
}

}  // namespace

Result<std::shared_ptr<MysqlStore>> MysqlStore::open(MysqlSettings settings, Log log,
                                                     WallClock wall_clock) {
  try {
    auto shared = std::make_shared<MysqlShared>(std::move(settings), std::move(log));
    auto opening = open_mysql_store(shared);
    if (!opening) return opening.error();
    std::vector<std::unique_ptr<Committer>> committers;
    for (int i = 0; i < kLanes; ++i) {
      committers.push_back(std::make_unique<MysqlCommitter>(shared, wall_clock));
    }
    auto commits = CommitLanes::start(std::move(committers));
    return std::shared_ptr<MysqlStore>(new MysqlStore(*std::move(opening), std::move(shared),
                                                      std::move(wall_clock), std::move(commits)));
  } catch (const MysqlFailure& failure) {
    return error_of(failure);
  }
}

bool MysqlStore::is_missing(const MysqlSettings& settings) {
  try {
    return is_mysql_store_missing(std::make_shared<MysqlShared>(settings, Log()));
  } catch (const MysqlFailure&) {
    return false;
  }
}

Result<void> MysqlStore::end_recovery(const MysqlSettings& settings, std::uint64_t skip_for_new) {
  try {
    end_mysql_recovery(std::make_shared<MysqlShared>(settings, Log()), skip_for_new);
    return {};
  } catch (const MysqlFailure& failure) {
    return error_of(failure);
  }
}

MysqlStore::~MysqlStore() {
  if (fork_guard_.in_child()) {
    // Its connections and threads are the parent's: not even their memory is freed.
    static_cast<void>(new std::shared_ptr<CommitLanes>(std::move(commits_)));
    static_cast<void>(new std::shared_ptr<MysqlShared>(shared_));
    return;
  }
  commits_->stop();
}

void MysqlStore::submit(std::vector<contract::Call> calls) {
  const auto commits = commits_;  // An answer may destroy this store.
  commits->submit(std::move(calls));
}

void MysqlStore::list(const contract::PageWanted& wanted,
                      std::function<void(Result<CounterPage>)> done) {
  const auto commits = commits_;
  commits->list({wanted, std::move(done)});
}

}  // namespace nextid::store
