#include "simulation/simulated_store.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "base/canary.h"
#include "contract/store_driver.h"

namespace nextid::simulation {

using contract::InDoubt;
using contract::NotApplied;

base::WallMicros wall_clock(const Context& context, std::int64_t offset_us) {
  constexpr std::int64_t kStartUs = 1'700'000'000'000'000;
  const auto passed =
      std::chrono::duration_cast<microseconds>(context.queue.now().time_since_epoch());
  return static_cast<base::WallMicros>(kStartUs + passed.count() + offset_us);
}

SimulatedStore::SimulatedStore(Context& context, Ledger& ledger)
    : context_(context), ledger_(ledger), here_(new_contents(1)) {}

SimulatedStore::Contents SimulatedStore::new_contents(std::uint64_t identity) {
  return {identity, ledger_.begin(identity), new_store(), new_store(), {}};
}

std::unique_ptr<store::MemoryStore> SimulatedStore::new_store() {
  return std::make_unique<store::MemoryStore>([this] { return applying_at_us_; });
}

base::WallMicros SimulatedStore::wall_now() const { return wall_clock(context_, clock_offset_us_); }

void SimulatedStore::attempt(contract::Op op, std::uint64_t opened, Done done) {
  const auto exchange = std::make_shared<Exchange>(Exchange{std::move(done)});
  context_.queue.after(kAttemptLimit,
                       [this, exchange] { end(exchange, InDoubt{"no answer in time"}); });
  const Parameters& p = context_.parameters;
  if (context_.fails(p.late_copies)) {
    const std::uint64_t late = context_.random.between_orders(1, p.latest_copy_us);
    context_.queue.after(microseconds(static_cast<std::int64_t>(late)),
                         [this, op, opened] { arrive(op, opened, nullptr); });
  }
  if (context_.fails(p.requests_lost)) return;
  context_.queue.after(context_.up_to(p.delay_us), [this, exchange, opened, op = std::move(op)] {
    arrive(op, opened, exchange);
  });
}

void SimulatedStore::arrive(const contract::Op& op, std::uint64_t opened,
                            const ExchangePtr& exchange) {
  if (opened != here_.identity) {
    return answer(exchange, contract::Damaged{"The store is another one than it was."});
  }
  if (down_) return answer(exchange, NotApplied{"connection refused"});
  if (context_.fails(context_.parameters.throttled)) {
    return answer(exchange, NotApplied{"throttled", true});
  }
  apply_now(op, exchange);
}

contract::Outcome SimulatedStore::apply_now(const contract::Op& op, const ExchangePtr& exchange) {
  if (undurable_.empty()) {
    context_.queue.after(context_.up_to(context_.parameters.commit_us), [this, start = starts_] {
      if (start == starts_) commit(true);
    });
  }
  const base::WallMicros wall_us = wall_now();
  contract::Outcome outcome = apply(*here_.current, op, wall_us);
  undurable_.push_back(Arrived{op, outcome, exchange, wall_us});
  if (base::canary(base::Canary::kAnswersBeforeDurable)) answer(exchange, outcome);
  return outcome;
}

void SimulatedStore::commit(bool answers) {
  for (Arrived& arrived : std::exchange(undurable_, {})) {
    ledger_.committed(arrived.op, apply(*here_.durable, arrived.op, arrived.wall_us));
    check_durable_value();
    here_.log.push_back(Logged{std::move(arrived.op), arrived.wall_us, here_.timeline});
    if (answers) answer(arrived.exchange, std::move(arrived.outcome));
  }
}

void SimulatedStore::answer(const ExchangePtr& exchange, contract::Outcome outcome) {
  if (!exchange || context_.fails(context_.parameters.answers_lost)) return;
  context_.queue.after(context_.up_to(context_.parameters.delay_us),
                       [this, exchange, outcome = std::move(outcome)] { end(exchange, outcome); });
}

void SimulatedStore::end(const ExchangePtr& exchange, contract::Outcome outcome) {
  if (std::exchange(exchange->over, true)) return;
  // What it holds of a process goes with it, though the exchange stays until its time limit.
  const Done done = std::exchange(exchange->done, nullptr);
  done(std::move(outcome));
}

contract::Outcome SimulatedStore::apply(store::MemoryStore& store, const contract::Op& op,
                                        base::WallMicros wall_us) {
  applying_at_us_ = wall_us;
  contract::Outcome result;
  std::vector<contract::Call> calls;
  calls.push_back({op, [&result](contract::Outcome outcome) { result = std::move(outcome); }});
  store.submit(std::move(calls));
  return result;
}

/// Asks the store itself: what the ops' outcomes say may be wrong.
void SimulatedStore::check_durable_value() {
  for (const bool deleted : {false, true}) {
    here_.durable->list({.limit = 1, .deleted = deleted}, [this](const Result<CounterPage>& page) {
      for (const CounterInfo& counter : page->counters) {
        if (counter.value) ledger_.value_is(static_cast<std::int64_t>(*counter.value));
      }
    });
  }
}

void SimulatedStore::define(const Definition& definition) {
  apply_now(contract::Define{kCounter, kForeignWriter, definition}, nullptr);
  commit(false);
}

void SimulatedStore::add(std::uint64_t step) {
  if (down_) return;
  const auto outcome = apply_now(contract::Load{kCounter, kForeignWriter}, nullptr);
  const auto* found = std::get_if<contract::Found>(&outcome);
  if (found == nullptr) return;
  const contract::CounterState& state = found->state;
  const contract::Seq prev = state.slot ? state.slot->seq : 0;
  const contract::Seq seq = std::max({prev + 1, state.floor + 1, wall_now()});
  constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
  apply_now(contract::Reserve{kCounter, kForeignWriter, seq, prev, state.definition.revision, step,
                              kHighest - static_cast<std::int64_t>(step)},
            nullptr);
  context_.note("foreign add", {step});
}

void SimulatedStore::bring_back() {
  const auto outcome = apply_now(contract::Load{kCounter, 0}, nullptr);
  const auto* found = std::get_if<contract::Found>(&outcome);
  if (found == nullptr || !found->state.deleted) return;
  Definition next = found->state.definition;
  ++next.revision;
  apply_now(contract::Redefine{kCounter, 0, next}, nullptr);
  context_.note("brought back", {next.revision});
}

void SimulatedStore::prune() {
  if (!down_) apply_now(contract::Load{kCounter, 0}, nullptr);
}

void SimulatedStore::restart() {
  if (down_) return;
  const bool commit_was_durable = context_.random.chance(500);
  context_.note("store restarts", {undurable_.size(), commit_was_durable});
  if (commit_was_durable) {
    commit(false);
  } else if (!undurable_.empty()) {
    drop_undurable();
  }
  ++starts_;
  down_ = true;
  const std::uint64_t down_us = context_.random.between_orders(1, 5'000'000);
  context_.queue.after(microseconds(static_cast<std::int64_t>(down_us)), [this] { down_ = false; });
}

void SimulatedStore::drop_undurable() {
  undurable_.clear();
  here_.current = new_store();
  for (const Logged& logged : here_.log) apply(*here_.current, logged.op, logged.wall_us);
  ++starts_;
}

void SimulatedStore::set_back() {
  // A definition that was there before the nodes is there in all timelines, so that all have ids on
  // one stride.
  const std::size_t stays = context_.parameters.defined ? 1 : 0;
  const std::size_t most = here_.log.size() - std::min(here_.log.size(), stays);
  const std::size_t lost = most == 0 ? 0 : context_.random.between_orders(1, most);
  here_.log.resize(here_.log.size() - lost);
  context_.note("store is set back", {lost});
  here_.durable = new_store();
  here_.timeline = ledger_.begin(here_.identity);
  for (const Logged& logged : here_.log) {
    ledger_.held(logged.op, apply(*here_.durable, logged.op, logged.wall_us), logged.timeline);
  }
  ledger_.switched();
  drop_undurable();
}

void SimulatedStore::exchange() {
  drop_undurable();
  const bool first = elsewhere_.identity == 0;
  std::swap(here_, elsewhere_);
  if (first) here_ = new_contents(2);
  context_.note("store is exchanged", {here_.identity});
  ledger_.switch_to(here_.timeline);
  if (!first) return;
  const Parameters& p = context_.parameters;
  if (p.defined) define(p.definition);
  if (context_.random.chance(300)) return;
  define(p.definition);
  add(context_.random.between_orders(1, 1'000) * p.definition.increment);
  commit(false);
}

void SimulatedStore::recover() {
  down_ = false;
  define(context_.parameters.definition);
  const std::int64_t highest = ledger_.highest_value();
  const auto step =
      static_cast<std::uint64_t>(std::max<std::int64_t>(highest - ledger_.value(), 0));
  add(step + context_.parameters.definition.increment);
  commit(false);
}

}  // namespace nextid::simulation
