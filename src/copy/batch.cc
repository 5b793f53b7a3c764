#include "copy/batch.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

#include "base/cat.h"
#include "base/clock.h"
#include "copy/attempts.h"
#include "node/random.h"

namespace nextid::copy {
namespace {

using base::cat;
using contract::CounterState;
using contract::Outcome;

/// Definitions and deletions by others that one step puts up with.
constexpr int kMostRaces = 5;

const CounterState* state_of(const Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) return &found->state;
  if (const auto* refused = std::get_if<contract::Refused>(&outcome)) return &refused->state;
  return nullptr;
}

Error vanished(const std::string& name, std::string_view where) {
  return Error(ErrorCode::kCorrupt,
               cat("counter '", name, "' has vanished from the ", where, " during the copy."));
}

Error raced(const std::string& name, std::string_view where) {
  return Error(ErrorCode::kConflict,
               cat("counter '", name, "' of the ", where,
                   " is being changed by others; stop them, and copy again."));
}

}  // namespace

Batch::Batch(contract::StoreDriver& source, contract::StoreDriver& target,
             const CopySettings& settings, std::vector<CounterInfo> counters)
    : source_(source), target_(target), settings_(settings) {
  for (CounterInfo& counter : counters) items_.push_back({.source = std::move(counter)});
}

/// The order is what makes it safe to end it anywhere: see copier.h.
Result<std::vector<Copied>> Batch::run() {
  for (auto step : {&Batch::make, &Batch::bring_back, &Batch::raise, &Batch::retire, &Batch::raise,
                    &Batch::remove}) {
    if (const auto done = (this->*step)(); !done) return done.error();
  }
  std::vector<Copied> copied;
  for (const Item& item : items_) {
    const CounterState now{.value = item.value, .definition = item.definition};
    copied.push_back({item.source, contract::info_of(item.source.name, now).value,
                      item.decision.fate, item.was_used});
  }
  return copied;
}

Batch::Items Batch::items_where(const std::function<bool(const Item&)>& holds) {
  Items chosen;
  for (Item& item : items_) {
    if (holds(item)) chosen.push_back(&item);
  }
  return chosen;
}

Result<std::vector<Outcome>> Batch::run_for(contract::StoreDriver& store, const Items& items,
                                            const std::function<contract::Op(Item&)>& op_for) {
  std::vector<contract::Op> ops;
  for (Item* item : items) ops.push_back(op_for(*item));
  auto outcomes = run_all(store, ops, settings_.patience);
  if (outcomes) return outcomes;
  const Reading& reading = &store == &source_ ? settings_.source : settings_.target;
  return Error(outcomes.error().code(), cat(reading.store, " ", outcomes.error().what()));
}

/// Makes those that the target lacks, and finds what it has of the others.
Result<void> Batch::make() {
  const Items all = items_where([](const Item&) { return true; });
  const auto outcomes = run_for(target_, all, [](Item& item) {
    return contract::Define{item.source.name, 0, made_of(item.source)};
  });
  if (!outcomes) return outcomes.error();
  for (std::size_t i = 0; i < all.size(); ++i) {
    Item& item = *all[i];
    const auto* found = std::get_if<contract::Found>(&(*outcomes)[i]);
    if (found == nullptr) return vanished(item.source.name, "target");
    const CounterState& state = found->state;
    std::optional<CounterInfo> before;
    if (!found->made) before = contract::info_of(item.source.name, state);
    auto decision = decide(item.source, before);
    if (!decision) return decision.error();
    item.decision = *std::move(decision);
    item.definition = state.definition;
    item.value = state.value;
    item.floor = state.floor;
  }
  return {};
}

Result<void> Batch::bring_back() {
  return redefine(
      items_where([](const Item& item) { return item.decision.definition.has_value(); }), false,
      [](const Item& item) { return *item.decision.definition; });
}

/// Deletes in the target what is deleted in the source.
Result<void> Batch::remove() {
  return redefine(
      items_where([](const Item& item) { return item.decision.deleted_as.has_value(); }), true,
      [](const Item& item) { return *item.decision.deleted_as; });
}

/// Of the target's counters.
Result<void> Batch::redefine(const Items& items, bool deletes,
                             const std::function<Definition(const Item&)>& definition_for) {
  const auto outcomes = run_for(target_, items, [&](Item& item) {
    const std::uint64_t revision = item.definition.revision + 1;
    item.definition = definition_for(item);
    item.definition.revision = revision;
    return contract::Redefine{item.source.name, 0, item.definition, deletes};
  });
  if (!outcomes) return outcomes.error();
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    const CounterState* state = state_of((*outcomes)[i]);
    if (state == nullptr) return vanished(item.source.name, "target");
    // Refused, it may be the repeat of one that was applied.
    if (state->definition != item.definition || state->deleted != deletes) {
      return raced(item.source.name, "target");
    }
    item.value = state->value;
  }
  return {};
}

/// To the source's values, as far as they are known by now.
Result<void> Batch::raise() {
  return advance(items_where([](const Item& item) {
    return item.decision.raise_to &&
           item.value < static_cast<std::int64_t>(*item.decision.raise_to);
  }));
}

/// Each by a writer of its own, whose slot goes again.
Result<void> Batch::advance(const Items& items) {
  std::vector<contract::Advance> advances;
  const auto outcomes = run_for(target_, items, [&](Item& item) {
    advances.push_back({.counter = item.source.name,
                        .writer = std::max<contract::WriterId>(node::random_bits(), 1),
                        .seq = std::max<contract::Seq>(base::wall_now_us(), item.floor + 1),
                        .revision = item.definition.revision,
                        .to = static_cast<std::int64_t>(*item.decision.raise_to)});
    return advances.back();
  });
  if (!outcomes) return outcomes.error();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto taken = take_advanced(*items[i], advances[i].seq, (*outcomes)[i]);
    if (!taken) return taken;
  }
  std::size_t next = 0;
  const auto released = run_for(target_, items, [&](Item& item) {
    const contract::Advance& advance = advances[next++];
    item.floor = advance.seq + 1;
    return contract::Release{advance.counter, advance.writer, item.floor, advance.seq};
  });
  return released ? Result<void>() : Result<void>(released.error());
}

Result<void> Batch::take_advanced(Item& item, contract::Seq seq, const Outcome& outcome) {
  std::int64_t before = 0;
  if (const auto* committed = std::get_if<contract::Committed>(&outcome)) {
    before = committed->end;
  } else if (const auto* refused = std::get_if<contract::Refused>(&outcome)) {
    const CounterState& state = refused->state;
    const bool is_repeat = state.slot && state.slot->seq == seq;
    before = is_repeat ? state.slot->end : state.value;
    if (!is_repeat && before == item.value) return raced(item.source.name, "target");
  } else {
    return vanished(item.source.name, "target");
  }
  if (before != item.value) {
    return Error(
        ErrorCode::kConflict,
        cat("the target's counter '", item.source.name, "' moved from ", item.value, " to ", before,
            " during the copy: servers of the target give out ids that "
            "the source may have given out; stop them, and copy again."));
  }
  item.value = static_cast<std::int64_t>(*item.decision.raise_to);
  return {};
}

/// Deletes the counters in the source, which tells their last values.
Result<void> Batch::retire() {
  Items left = items_where([](const Item& item) { return !item.source.deleted; });
  for (int races = 0; !left.empty(); ++races) {
    if (races > kMostRaces) return raced(left.front()->source.name, "source");
    const auto outcomes = run_for(source_, left, [](Item& item) {
      Definition definition = item.source.definition;
      ++definition.revision;
      return contract::Redefine{item.source.name, 0, definition, true};
    });
    if (!outcomes) return outcomes.error();
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (state_of((*outcomes)[i]) == nullptr) return vanished(left[i]->source.name, "source");
    }
    left = take_retired(left, *outcomes);
  }
  return {};
}

/// Returns those that were not deleted, since another one changed them first.
Batch::Items Batch::take_retired(const Items& items, const std::vector<Outcome>& outcomes) {
  Items changed;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    const CounterState& state = *state_of(outcomes[i]);
    item.source.definition.revision = state.definition.revision;
    if (!state.deleted) {
      item.source.definition = state.definition;
      changed.push_back(&item);
      continue;
    }
    const auto last = contract::info_of(item.source.name, state).value;
    item.was_used = last.value_or(0) > item.source.value.value_or(0);
    item.source.value = last;
    item.decision.raise_to = last;
  }
  return changed;
}

}  // namespace nextid::copy
