// The store of a simulated world, and the network that leads to it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contract/op.h"
#include "simulation/context.h"
#include "simulation/ledger.h"
#include "store/memory/store.h"

namespace nextid::simulation {

/// Keeps the store's contract under its faults. Ops are applied as they arrive, and what waits is
/// made durable together, a moment later; only then do outcomes leave. A restart loses what is not
/// durable. Requests and answers are delayed, so they overtake one another; they are lost, and
/// requests arrive a second time, perhaps much later.
class SimulatedStore {
 public:
  using Done = std::function<void(contract::Outcome)>;
  static constexpr std::chrono::milliseconds kAttemptLimit{500};

  SimulatedStore(Context& context, Ledger& ledger);

  /// Which store it is: another number after an exchange.
  std::uint64_t identity() const noexcept { return here_.identity; }
  /// One attempt over the network; `done` is called once, within kAttemptLimit. Who
  /// opened another store than the one that it comes to learns that it is Damaged.
  void attempt(contract::Op op, std::uint64_t opened, Done done);

  /// Makes the counter, before the nodes start.
  void define(const Definition& definition);
  /// Another program adds to the value, with no regard to max or stride.
  void add(std::uint64_t step);
  /// Another program loads the counter.
  void prune();
  /// As somebody who waits for no answer: the counter is in use again, if it was deleted.
  void bring_back();
  void restart();
  /// All that it holds is as it was some time ago, as after a backup was restored.
  void set_back();
  /// Another store is in its place, which may know the counter; or the first one is back.
  void exchange();
  /// Raises the counter above all that it ever was, as `nextid recover` does.
  void recover();
  void clock_jumps(std::int64_t by_us) noexcept { clock_offset_us_ += by_us; }

 private:
  struct Exchange {
    Done done;
    bool over = false;
  };
  using ExchangePtr = std::shared_ptr<Exchange>;
  struct Arrived {
    contract::Op op;
    contract::Outcome outcome;
    ExchangePtr exchange;  // Null for a late copy, which nobody waits for.
    base::WallMicros wall_us = 0;
  };
  struct Logged {
    contract::Op op;
    base::WallMicros wall_us = 0;
    std::size_t timeline = 0;  // The ledger's, in which it was done.
  };

  /// One store: what it holds now, and what of it is durable.
  struct Contents {
    std::uint64_t identity = 0;
    std::size_t timeline = 0;  // The ledger's.
    std::unique_ptr<store::MemoryStore> current;
    std::unique_ptr<store::MemoryStore> durable;
    std::vector<Logged> log;  // What made `durable` what it is.
  };

  Contents new_contents(std::uint64_t identity);
  void drop_undurable();
  void arrive(const contract::Op& op, std::uint64_t opened, const ExchangePtr& exchange);
  contract::Outcome apply_now(const contract::Op& op, const ExchangePtr& exchange);
  void commit(bool answers);
  void answer(const ExchangePtr& exchange, contract::Outcome outcome);
  void end(const ExchangePtr& exchange, contract::Outcome outcome);
  contract::Outcome apply(store::MemoryStore& store, const contract::Op& op,
                          base::WallMicros wall_us);
  void check_durable_value();
  base::WallMicros wall_now() const;
  std::unique_ptr<store::MemoryStore> new_store();

  Context& context_;
  Ledger& ledger_;
  std::int64_t clock_offset_us_ = 0;
  base::WallMicros applying_at_us_ = 0;
  Contents here_;
  Contents elsewhere_;              // The other one, once there was an exchange.
  std::vector<Arrived> undurable_;  // Applied to here_.current only.
  std::uint64_t starts_ = 0;
  bool down_ = false;
};

/// Seconds since 1970 at the start of a world, as microseconds; each clock counts on from here.
base::WallMicros wall_clock(const Context& context, std::int64_t offset_us);

}  // namespace nextid::simulation
