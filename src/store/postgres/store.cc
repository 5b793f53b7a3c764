#include "store/postgres/store.h"

#include <utility>

#include "base/cat.h"
#include "store/postgres/opening.h"

namespace nextid::store {
namespace {

/// Connections: one for what comes, the others for when it is kept waiting.
constexpr std::size_t kLanes = 4;

void warn_of(const PostgresServer& server, const Log& log) {
  if (!log) return;
  for (const HealthFact& fact : facts_of(server)) {
    if (fact.verdict != HealthVerdict::kOk) log(LogLevel::kWarning, fact.sentence);
  }
}

}  // namespace

Result<std::shared_ptr<PostgresStore>> PostgresStore::open(const PostgresSettings& settings,
                                                           Log log, WallClock wall_clock) {
  auto opened = open_postgres(settings);
  if (!opened) return opened.error();
  const PostgresServer& server = opened->session.server;
  warn_of(server, log);
  StoreOpening opening{.identity = opened->row.identity, .made = opened->made};
  const std::shared_ptr<PostgresShared> shared(
      new PostgresShared{.tables = PostgresTables(opened->schema),
                         .attempt_timeout = settings.attempt_timeout,
                         .identity{{opened->row.identity, server.system, settings.url}, log},
                         .wall_clock = std::move(wall_clock),
                         .server = server});
  std::vector<std::unique_ptr<Committer>> committers;
  for (std::size_t i = 1; i < kLanes; ++i) {
    committers.push_back(std::make_unique<PostgresCommitter>(shared, opened->servers));
  }
  committers.insert(committers.begin(),
                    std::make_unique<PostgresCommitter>(shared, std::move(opened->servers),
                                                        std::move(opened->session)));
  auto lanes = CommitLanes::start(std::move(committers));
  return std::shared_ptr<PostgresStore>(
      new PostgresStore(std::move(opening), shared, std::move(lanes)));
}

PostgresStore::~PostgresStore() {
  if (fork_guard_.in_child()) {
    // Its connections and threads are the parent's: not even their memory is freed.
    static_cast<void>(new std::shared_ptr<CommitLanes>(std::move(lanes_)));
    return;
  }
  lanes_->stop();
}

void PostgresStore::submit(std::vector<contract::Call> calls) {
  const auto lanes = lanes_;  // An answer may destroy this store.
  lanes->submit(std::move(calls));
}

void PostgresStore::list(const contract::PageWanted& wanted,
                         std::function<void(Result<CounterPage>)> done) {
  const auto lanes = lanes_;
  lanes->list({wanted, std::move(done)});
}

std::uint64_t PostgresStore::commits() const noexcept { return lanes_->commits(); }

StoreHealth PostgresStore::health() const {
  StoreHealth health;
  health.doubt = shared_->identity.doubt();
  const base::Lock lock(shared_->mutex);
  health.facts = facts_of(shared_->server);
  health.clock_ahead =
      std::chrono::milliseconds(shared_->server.asked_ms - shared_->server.clock_ms);
  return health;
}

}  // namespace nextid::store
