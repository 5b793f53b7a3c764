#include "simulation/world.h"

#include <algorithm>
#include <string>
#include <variant>

namespace nextid::simulation {
namespace {

using history::Invariant;

/// A world that is still busy after so many events is busy with nothing.
constexpr std::uint64_t kMostEvents = 300'000;
/// Within this time of virtual time after the last fault, all must be well.
constexpr std::chrono::seconds kRecovery{30};

std::int64_t signed_jump(Random& random, std::uint64_t largest_us) {
  const auto jump = static_cast<std::int64_t>(random.between_orders(1, largest_us));
  return random.chance(500) ? jump : -jump;
}

}  // namespace

World::World(const Parameters& parameters, bool prints)
    : context_(parameters, prints), ledger_(context_), store_(context_, ledger_) {
  if (parameters.defined) store_.define(parameters.definition);
  for (std::size_t i = 0; i < parameters.nodes; ++i) {
    nodes_.push_back(std::make_unique<Node>(context_, ledger_, store_, i));
  }
  for (std::size_t i = 0; i < parameters.clients; ++i) {
    clients_.push_back(std::make_unique<Client>(context_, ledger_, nodes_, i));
  }
}

void World::run() {
  run_under_faults();
  heal();
  close();
  judge();
}

void World::run_under_faults() {
  for (const auto& client : clients_) client->start([this] { disrupt(); });
  const MonotonicTime end = context_.queue.now() + std::chrono::hours(3);
  const auto done = [&] {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& client) { return client->done(); });
  };
  while (!done() && !context_.queue.empty() && context_.queue.next_time() < end &&
         context_.queue.happened() < kMostEvents / 2) {
    context_.queue.run_next();
  }
  for (const auto& client : clients_) client->stop();
}

// --- Faults

void World::disrupt() {
  const Parameters& p = context_.parameters;
  Random& random = context_.random;
  const bool somebody_must_define = !p.rules.first_use.creates && !ledger_.definition();
  if (somebody_must_define && random.chance(50)) store_.define(p.definition);
  disrupt_node(*nodes_[random.below(nodes_.size())]);
  if (context_.fails(p.store_restarts)) store_.restart();
  if (context_.fails(p.set_backs)) set_back();
  if (context_.fails(p.exchanges)) store_.exchange();
  if (context_.fails(p.recoveries)) recover();
  if (context_.fails(p.prunings)) store_.prune();
  if (context_.fails(p.clock_jumps / 2)) store_.clock_jumps(signed_jump(random, p.largest_jump_us));
  if (context_.fails(p.redefinitions)) redefine();
  if (context_.fails(p.deletions)) delete_or_bring_back();
  if (context_.fails(p.foreign_adds)) store_.add(random.between_orders(1, 200));
}

/// Under the nodes, or while they are down.
void World::set_back() {
  if (context_.random.chance(300)) {
    for (const auto& node : nodes_) {
      if (context_.fails(context_.parameters.state_writes)) node->write_state_file();
      node->crash();
    }
  }
  store_.set_back();
}

/// As an operator does: all nodes are stopped, `nextid recover` raises the counter and accepts the
/// store, and the nodes start again.
void World::recover() {
  if (ledger_.last_switch() == 0) return;
  context_.note("recover");
  for (const auto& node : nodes_) node->crash();
  store_.recover();
  for (const auto& node : nodes_) node->accept_store();
}

void World::disrupt_node(Node& node) {
  const Parameters& p = context_.parameters;
  Random& random = context_.random;
  if (context_.fails(p.restarts)) {
    node.restart(microseconds(static_cast<std::int64_t>(p.close_timeout_us)));
  }
  if (context_.fails(p.rests)) {
    node.rest(microseconds(static_cast<std::int64_t>(p.rest_timeout_us)));
  }
  if (context_.fails(p.state_writes)) node.write_state_file();
  if (context_.fails(p.crashes)) node.crash();
  if (context_.fails(p.pauses)) {
    const std::uint64_t length = random.between_orders(1, p.longest_pause_us);
    context_.note("pause", {length});
    node.machine().sleep(microseconds(static_cast<std::int64_t>(length)));
  }
  if (context_.fails(p.clock_jumps)) {
    const std::int64_t jump = signed_jump(random, p.largest_jump_us);
    context_.note("clock jumps", {static_cast<std::uint64_t>(jump)});
    node.machine().clock_jumps(jump);
  }
}

/// As Store::define() does it, without its repeats.
void World::redefine() {
  const std::uint64_t opened = store_.identity();
  const auto on_loaded = [this, opened](const contract::Outcome& loaded) {
    const auto* found = std::get_if<contract::Found>(&loaded);
    if (found == nullptr) return;
    const Definition changed = change(found->state);
    context_.note("redefine", {changed.revision, changed.max, changed.cache});
    store_.attempt(contract::Redefine{kCounter, 0, changed}, opened,
                   [](const contract::Outcome&) {});
  };
  store_.attempt(contract::Load{kCounter, 0}, opened, on_loaded);
}

/// As Store::delete_counter() and Store::define() do it, without their repeats.
void World::delete_or_bring_back() {
  const std::uint64_t opened = store_.identity();
  const auto on_loaded = [this, opened](const contract::Outcome& loaded) {
    const auto* found = std::get_if<contract::Found>(&loaded);
    if (found == nullptr) return;
    Definition next = found->state.definition;
    ++next.revision;
    const bool deletes = !found->state.deleted;
    context_.note(deletes ? "delete" : "bring back", {next.revision});
    store_.attempt(contract::Redefine{kCounter, 0, next, deletes}, opened,
                   [](const contract::Outcome&) {});
  };
  store_.attempt(contract::Load{kCounter, 0}, opened, on_loaded);
}

Definition World::change(const contract::CounterState& state) {
  Random& random = context_.random;
  Definition changed = state.definition;
  ++changed.revision;
  if (random.chance(600)) changed.cache = random.pick({1, 2, 3, 5, 20, 100, 10'000});
  if (random.chance(600)) {
    const auto value =
        static_cast<std::uint64_t>(std::max(state.value, static_cast<std::int64_t>(changed.start)));
    const std::uint64_t span = random.between_orders(1, 300 * changed.increment);
    changed.max = random.chance(300) || kMaxId - value < span ? kMaxId : value + span;
  }
  return changed;
}

// --- The end of the faults, and of the world

template <typename Condition>
void World::run_until(const Condition& condition, microseconds limit, const char* otherwise) {
  EventQueue& queue = context_.queue;
  const MonotonicTime end = queue.now() + limit;
  while (!condition()) {
    if (queue.empty() || queue.next_time() > end || queue.happened() > kMostEvents) {
      return context_.violated(Invariant::kLive, otherwise);
    }
    queue.run_next();
  }
}

void World::heal() {
  context_.faulty = false;
  context_.note("healed");
  for (const auto& node : nodes_) node->machine().wake();
  recover();
  const auto is_running = [](const auto& node) {
    const auto process = node->process();
    return process && process->is_open();
  };
  const auto all_run = [&] { return std::all_of(nodes_.begin(), nodes_.end(), is_running); };
  run_until(all_run, kRecovery, "a process did not close");
  const auto none_waits = [&] {
    return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
      return !node->process() || node->process()->waiting() == 0;
    });
  };
  run_until(none_waits, kRecovery, "a request did not end");
  store_.bring_back();
  for (const auto& node : nodes_) probe(*node);
  run_until(none_waits, kRecovery, "a request that was sent after the faults did not end");
}

/// A request without a deadline to speak of: it gets ids, or a refusal that is checked like all.
void World::probe(Node& node) {
  if (const auto process = node.process()) {
    process->ask("probe", 1, std::chrono::hours(1'000), [] {});
  }
}

void World::close() {
  for (const auto& node : nodes_) node->close(std::chrono::hours(1'000));
  const auto all_closed = [&] {
    return std::all_of(nodes_.begin(), nodes_.end(),
                       [](const auto& node) { return !node->process(); });
  };
  run_until(all_closed, kRecovery, "a process did not close after the faults");
  // Copies that are still on their way arrive after all is over.
  while (!context_.queue.empty() && context_.queue.happened() < 2 * kMostEvents) {
    context_.queue.run_next();
  }
  for (const auto& client : clients_) client->end_cursor();
}

void World::judge() {
  for (const auto& node : nodes_) {
    for (const auto& process : node->processes()) process->check_accounts();
  }
  ledger_.check_total();
  if (!ledger_.definition()) return;
  // An engine may find that nothing is to be done by a look that began before the request did: that
  // says nothing of the timeline that the store is on by then.
  const bool was_set_back = ledger_.timelines() > 1;
  std::erase_if(context_.history.records, [this, was_set_back](const history::Record& record) {
    if (record.advanced && was_set_back) return true;
    return record.advanced &&
           ledger_.fell_below(static_cast<std::int64_t>(record.end), record.sent_ns);
  });
  for (std::size_t i = 0; i < ledger_.timelines(); ++i) judge(i);
}

void World::judge(std::size_t timeline) {
  const Parameters& p = context_.parameters;
  history::Expectations expected;
  expected.counter = name_of_timeline(timeline);
  expected.start = p.definition.start;
  expected.increment = p.definition.increment;
  const bool strict = p.definition.cache == 1 && p.redefinitions == 0;
  if (!strict) expected.order = history::Expectations::Order::kWithinNode;
  if (ledger_.timelines() == 1) {
    expected.value = static_cast<std::uint64_t>(std::max<std::int64_t>(ledger_.value(), 0));
    expected.burned = ledger_.unreturned();
  }
  if (p.leaves_no_gap()) expected.exact = ledger_.ids_up_to_value();
  if (!context_.abandoned) context_.report.add(history::check(context_.history, expected));
}

Accounting World::accounting() const {
  Accounting sum;
  for (const auto& node : nodes_) {
    for (const auto& process : node->processes()) sum += process->accounting();
  }
  return sum;
}

}  // namespace nextid::simulation
