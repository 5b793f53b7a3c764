#include "store/mysql/session.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;
using Fate = MysqlFailure::Fate;

std::string in_small_letters(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void take_variables(const MysqlAnswer& answer, MysqlVariables& variables) {
  for (const MysqlRow& row : answer.rows) {
    if (row.size() == 2 && row[0]) variables[in_small_letters(*row[0])] = row[1].value_or("");
  }
}

}  // namespace

MysqlShared::MysqlShared(MysqlSettings given, Log log)
    : settings(std::move(given)), tables(settings.tables), log_(std::move(log)) {}

bool MysqlShared::is_same(const std::optional<MysqlStoreRow>& found) {
  const std::string place = cat("the store in ", tables.store, " of ", settings.url);
  if (found && found->identity == identity_) {
    if (found->version <= kMysqlSchemaVersion) return true;
    doubt_because(cat(place, " was brought to the format ", found->version,
                      " by a newer nextid while this one, which knows none after ",
                      kMysqlSchemaVersion,
                      ", was running; install the newer release on this machine, too, and start "
                      "again"));
    return false;
  }
  doubt_because(
      cat(place, " is ",
          found ? cat("another one than this process opened: its identity is ",
                      base::printable(found->identity), " and was ", identity_)
                : cat("gone: the row with its identity ", identity_, " is not there any more"),
          ", so its tables were made anew or restored, and would give ids twice; if they are to be "
          "used as they are, run: nextid recover --all --store '",
          settings.url, "'; then start again"));
  return false;
}

void MysqlShared::doubt_because(std::string why) {
  const base::Lock lock(mutex_);
  if (!doubt_.empty()) return;
  doubt_ = std::move(why);
  in_doubt_ = true;
  if (log_) log_(LogLevel::kError, cat("No id is given out any more: ", doubt_, "."));
}

std::string MysqlShared::doubt() const {
  if (!in_doubt_) return "";
  const base::Lock lock(mutex_);
  return doubt_;
}

void MysqlShared::keep_facts(std::vector<HealthFact> facts) {
  std::vector<std::string> news;
  {
    const base::Lock lock(mutex_);
    for (const HealthFact& fact : facts) {
      const bool is_known = std::any_of(facts_.begin(), facts_.end(), [&](const HealthFact& known) {
        return known.sentence == fact.sentence;
      });
      // At the opening they are its remark; one that fails is why the server is refused.
      const bool is_said = identity_.empty() || fact.verdict != HealthVerdict::kWarn;
      if (!is_known && !is_said) news.push_back(fact.sentence);
    }
    facts_ = std::move(facts);
  }
  for (const std::string& line : news) {
    if (log_) log_(LogLevel::kWarning, line);
  }
}

void MysqlShared::keep_clock_ahead(std::chrono::microseconds ahead) {
  const base::Lock lock(mutex_);
  clock_ahead_ = std::chrono::round<std::chrono::milliseconds>(ahead);
}

StoreHealth MysqlShared::health() const {
  const base::Lock lock(mutex_);
  StoreHealth health;
  if (!doubt_.empty()) {
    health.doubt = doubt_ + ".";
    health.doubt.front() =
        static_cast<char>(std::toupper(static_cast<unsigned char>(doubt_.front())));
  }
  health.facts = facts_;
  health.clock_ahead = clock_ahead_;
  return health;
}

void MysqlSession::make_ready() {
  if (connection_ && connection_->is_usable()) return;
  drop();
  auto connection = std::make_unique<MysqlConnection>(shared_->settings, shared_->watchdog);
  connection_ = std::move(connection);
  try {
    look();
    end_abandoned();
    if (!shared_->identity().empty()) {
      const auto answers = run(store_row_sql(shared_->tables, is_mariadb()));
      if (!shared_->is_same(store_row_of(answers.front()))) {
        throw MysqlFailure(Fate::kNotSent, 0, shared_->doubt());
      }
    }
  } catch (const MysqlFailure& failure) {
    connection_.reset();
    if (failure.kind() == MysqlErrorKind::kGone && !shared_->identity().empty()) {
      shared_->is_same(std::nullopt);
    }
    throw MysqlFailure(Fate::kNotSent, failure.code(), failure.what());
  }
}

void MysqlSession::drop() noexcept {
  if (connection_) {
    if (const auto session = connection_->abandoned_session()) {
      abandoned_ = session;
      abandoned_at_ = server_text(variables_);
    }
  }
  connection_.reset();
}

/// Statements that were given up go on at the server: they would keep their locks, and as many
/// connections as there are attempts while no replica answers. To kill them loses nothing: they are
/// in doubt. Another server may have the number for somebody else's session.
void MysqlSession::end_abandoned() {
  const auto session = std::exchange(abandoned_, std::nullopt);
  if (!session || server_text(variables_) != abandoned_at_) return;
  const auto found = run(cat("SELECT 1 FROM information_schema.processlist WHERE id = ", *session,
                             " AND user = SUBSTRING_INDEX(USER(), '@', 1) AND db = DATABASE()"));
  if (found.front().rows.empty()) return;
  try {
    run(cat("KILL ", *session));
  } catch (const MysqlFailure& failure) {
    // It has ended in the meantime.
    if (failure.fate() != Fate::kAnswered) throw;
  }
}

/// Throws if the server is refused.
void MysqlSession::look() {
  const auto answers = run(mysql_variables_sql());
  looked_ = base::monotonic_now();
  variables_.clear();
  for (const MysqlAnswer& answer : answers) take_variables(answer, variables_);
  const auto server_us = integer_of(answers.back().rows.front().front());
  const auto own_us = static_cast<std::int64_t>(base::wall_now_us());
  shared_->keep_clock_ahead(std::chrono::microseconds(own_us - server_us));
  semi_sync_ = semi_sync_of(variables_);
  shared_->keep_facts(facts_of(variables_));
  if (const auto why = refusal_of(variables_, shared_->settings.require_semi_sync)) {
    throw MysqlFailure(Fate::kNotSent, 0, *why);
  }
}

void MysqlSession::look_again() noexcept {
  if (!connection_ || base::monotonic_now() - looked_ < kLook) return;
  try {
    look();
  } catch (const MysqlFailure&) {
    // The next attempt connects anew, and is told why not.
    drop();
  }
}

std::vector<MysqlAnswer> MysqlSession::run(const std::string& statements) {
  return connection_->run(statements);
}

std::vector<MysqlAnswer> MysqlSession::run(const std::string& statements,
                                           std::chrono::milliseconds limit) {
  return connection_->run(statements, limit);
}

MysqlSession::Committed MysqlSession::run_commit(const std::string& statements) {
  if (!has_semi_sync(variables_)) return {run(statements), true};
  // A commit whose wait for its replica was killed is answered as any other: only this counts it.
  Committed committed{run(cat(statements, "; ", kSemiSyncSql)), false};
  MysqlVariables status;
  take_variables(committed.answers.back(), status);
  committed.answers.pop_back();
  const SemiSyncStatus now = semi_sync_of(status);
  const bool is_acknowledged = now.is_on && now.unacknowledged == semi_sync_.unacknowledged;
  // A server that gave up waiting does as it was told, unless the URL says otherwise.
  const bool is_left_to_server = !now.is_on && !shared_->settings.require_semi_sync;
  committed.lasts = is_acknowledged || is_left_to_server;
  semi_sync_ = now;
  return committed;
}

void MysqlSession::roll_back() noexcept {
  if (!connection_) return;
  try {
    if (connection_->is_usable()) {
      run("ROLLBACK");
      return;
    }
  } catch (const MysqlFailure&) {
    // As below.
  }
  drop();
}

}  // namespace nextid::store
