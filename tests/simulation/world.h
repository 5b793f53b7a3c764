// A whole world from one seed: it runs under faults, heals, and is judged.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "history/checker.h"
#include "simulation/client.h"
#include "simulation/context.h"
#include "simulation/ledger.h"
#include "simulation/node.h"
#include "simulation/simulated_store.h"

namespace nextid::simulation {

class World {
 public:
  explicit World(const Parameters& parameters, bool prints = false);

  /// Runs it from its start to its end; once. What was violated is in report().
  void run();

  const history::Report& report() const noexcept { return context_.report; }
  /// See Context::abandoned.
  bool abandoned() const noexcept { return context_.abandoned; }
  const history::History& history() const noexcept { return context_.history; }
  std::uint64_t trace_hash() const noexcept { return context_.trace.hash(); }
  /// Of all processes.
  Accounting accounting() const;

 private:
  void run_under_faults();
  void disrupt();
  void disrupt_node(Node& node);
  void set_back();
  void recover();
  void redefine();
  void delete_or_bring_back();
  Definition change(const contract::CounterState& state);
  void heal();
  void probe(Node& node);
  void close();
  template <typename Condition>
  void run_until(const Condition& condition, microseconds limit, const char* otherwise);
  void judge();
  void judge(std::size_t timeline);

  Context context_;
  Ledger ledger_;
  SimulatedStore store_;
  Client::Nodes nodes_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace nextid::simulation
