#include "store/sqlite/store.h"

#include <utility>

#include "store/sqlite/committer.h"

namespace nextid::store {

Result<std::shared_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       const SqliteOpenOptions& options,
                                                       MachineClocks clocks) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Error(ErrorCode::kInvalid, "an SQLite store needs the path of a file: sqlite:PATH");
  }
  try {
    SqliteFile file = open_sqlite_file(path, options, std::move(clocks));
    StoreOpening opening = file.opening;
    auto clock = file.clock;
    auto committer = std::make_unique<SqliteCommitter>(std::move(file));
    auto commits = GroupCommit::start(std::move(committer));
    return std::shared_ptr<SqliteStore>(
        new SqliteStore(std::move(opening), std::move(clock), std::move(commits)));
  } catch (const SqliteFailure& failure) {
    return error_of(failure);
  }
}

SqliteStore::~SqliteStore() {
  if (fork_guard_.in_child()) {
    // Its connection, locks and thread are the parent's: not even their memory is freed.
    static_cast<void>(new std::shared_ptr<GroupCommit>(std::move(commits_)));
    return;
  }
  commits_->stop();
}

void SqliteStore::submit(std::vector<contract::Call> calls) {
  const auto commits = commits_;  // An answer may destroy this store.
  commits->submit(std::move(calls));
}

void SqliteStore::list(const contract::PageWanted& wanted,
                       std::function<void(Result<CounterPage>)> done) {
  const auto commits = commits_;
  commits->list({wanted, std::move(done)});
}

}  // namespace nextid::store
