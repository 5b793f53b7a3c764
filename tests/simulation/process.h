// One process of a node: its counter's engines, bound to the store as src/node binds them, and the
// books of what its clients got.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "node/high_waters.h"
#include "node/succession.h"
#include "simulation/context.h"
#include "simulation/ledger.h"
#include "simulation/machine.h"
#include "simulation/simulated_store.h"

namespace nextid::simulation {

/// What a node's state file says, and what the judge knows of the time when it was written.
struct StateFile {
  std::uint64_t identity = 0;  ///< Of the store; 0 before the first process.
  node::HighWaters::Known known;

  std::uint64_t since = 0;    ///< The moment from which on it knows all switches of the store.
  bool told_corrupt = false;  ///< A client was told by then that the counter has stopped.
  std::map<std::size_t, std::uint64_t> highest;  ///< The highest id returned, by timeline.
};

class Process : public std::enable_shared_from_this<Process> {
 public:
  /// Called once for each request, whatever its answer.
  using Ended = std::function<void()>;

  /// `file` is the node's, and outlives it; null where it has none.
  Process(Context& context, Ledger& ledger, SimulatedStore& store, Machine& machine,
          std::string name, StateFile* file);

  void ask(std::string client, std::uint64_t count, microseconds timeout, Ended ended);
  void advance(std::string client, std::int64_t to, microseconds timeout, Ended ended);

  /// For a cursor: ids, one of them handed out, and the end of the loan. A cursor outlives a
  /// process that closed, but not one that crashed.
  std::optional<engine::Loan> lend(std::uint64_t most);
  void hands_out(const std::string& client, const engine::Loan& lent, std::uint64_t id);
  void settle(std::uint64_t lent, const engine::Loan& left);

  /// As for a counter that was idle for long, however short it was: it comes to rest, and the next
  /// time it is forgotten, if nobody holds it.
  void rest(microseconds timeout);
  void write_state_file();
  /// `over` is called when the process has ended.
  void close(microseconds timeout, Ended over);
  void crash();
  bool is_open() const noexcept { return !closing_ && !over_; }
  bool over() const noexcept { return over_; }
  bool crashed() const noexcept { return crashed_; }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  Accounting accounting() const;

  /// I5, when nothing of this process is under way any more.
  void check_accounts() const;

 private:
  struct Waiting {
    std::string client;
    std::uint64_t count = 0;  // 0 of an advance.
    std::uint64_t sent = 0;   // A moment of the history.
    MonotonicTime deadline;
    Ended ended;
    std::int64_t advances_to = 0;
  };

  engine::Engine& engine();
  void forget();
  std::uint64_t held() const;
  contract::WriterId writer() const noexcept { return writers_.empty() ? 0 : writers_.back(); }
  std::optional<IdRange> take_from_lane();
  void cancel_later(std::uint64_t ticket);
  void pump_soon();
  void pump();
  void arm();
  void send(const engine::Attempt& attempt);
  void on_outcome(const engine::Attempt& attempt, const contract::Outcome& outcome);
  void note(std::uint64_t attempt, const contract::Outcome& outcome);
  void learn(const contract::Op& op, const contract::Outcome& outcome);
  void on_grant(const engine::Grant& grant);
  void on_refusal(std::uint64_t ticket, const Error& error);
  void on_advance(const engine::AdvanceAnswer& answer);
  void check_part(const Ledger::Part& part) const;
  bool may_be_corrupt() const noexcept;
  void check_refusal(const Waiting& waiting, const Error& error);
  void check_held();
  Waiting take_waiting(std::uint64_t ticket);
  history::Record record(const Waiting& waiting) const;
  void record_ids(const Waiting& waiting, const IdRange& range, bool cursor);
  void record_none(const Waiting& waiting, std::string reason);
  void end();

  Context& context_;
  Ledger& ledger_;
  SimulatedStore& store_;
  Machine& machine_;
  const std::string name_;
  StateFile* const file_;
  const std::uint64_t identity_;  // Of the store that it opened.
  const std::uint64_t knows_;     // That of its state file, or else the same.
  const bool refuses_;
  node::HighWaters high_waters_;
  std::shared_ptr<node::Succession> counter_;  // Held by whoever needs its engine again.
  Accounting forgotten_;                       // Of those before.
  std::vector<contract::WriterId> writers_;    // Of all engines; the last one is this one's.

  std::map<std::uint64_t, Waiting> waiting_;  // By ticket.
  std::optional<MonotonicTime> armed_at_;
  std::optional<contract::Reserve> reserving_;  // Until the engine learns that it was applied.
  contract::Seq giving_back_ = 0;               // The same of a give-back.
  std::uint64_t last_cache_ = 1;                // Of the definition of the last op that reserves.
  std::uint64_t largest_cache_ = 1;  // Of the definitions by which what is held was reserved.

  std::uint64_t got_ = 0;  // Ids that clients got.
  std::uint64_t undelivered_ = 0;
  std::uint64_t unsettled_ = 0;  // Ids that cursors handed out of loans that have not ended.
  bool ever_lent_ = false;
  std::uint64_t loans_ = 0;      // That have not ended.
  const std::uint64_t started_;  // A moment.
  std::uint64_t since_;          // See StateFile.
  bool told_corrupt_ = false;
  std::map<std::size_t, std::uint64_t> highest_;

  bool closing_ = false;
  MonotonicTime close_deadline_;
  Ended on_over_;
  bool over_ = false;
  bool crashed_ = false;
  bool has_slot_ = false;
  bool lost_slot_ = false;
  bool ended_in_time_ = true;
  std::uint64_t held_at_end_ = 0;
};

}  // namespace nextid::simulation
