#include "copy/batch.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>

#include "base/cat.h"
#include "base/clock.h"
#include "contract/tombstone.h"
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

Error moved(const std::string& name, std::int64_t from, std::int64_t to) {
  return Error(ErrorCode::kConflict,
               cat("the target's counter '", name, "' moved from ", from, " to ", to,
                   " during the copy: servers of the target give out ids that "
                   "the source may have given out; stop them, and copy again."));
}

}  // namespace

Batch::Batch(contract::StoreDriver& source, contract::StoreDriver& target,
             const CopySettings& settings, std::vector<CounterInfo> counters)
    : source_(source), target_(target), settings_(settings) {
  for (CounterInfo& counter : counters) items_.push_back({.source = std::move(counter)});
}

/// The order is what makes it safe to end it anywhere: see copier.h.
Result<std::vector<Copied>> Batch::run() {
  for (auto step : {&Batch::make, &Batch::shut, &Batch::raise, &Batch::retire, &Batch::raise,
                    &Batch::open, &Batch::remove, &Batch::mark}) {
    if (const auto done = (this->*step)(); !done) return done.error();
  }
  std::vector<Copied> copied;
  for (const Item& item : items_) {
    copied.push_back({item.source, contract::info_of(item.source.name, item.target).value,
                      item.decision.fate, item.was_used, item.target.deleted});
  }
  return copied;
}

std::int64_t Batch::Item::aim() const {
  if (!decision.raise_to) return target.value;
  return std::max(target.value, static_cast<std::int64_t>(*decision.raise_to));
}

bool Batch::Item::is_shut() const { return !target.deleted && target.definition.comment == kShut; }

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
  for (const Item& item : items_) {
    if (auto problem = problem_with(item.source)) return *std::move(problem);
  }
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
    item.target = state;
  }
  return {};
}

/// What comes back gives no id while its source may still give one (I1).
Result<void> Batch::shut() {
  return redefine(
      items_where([](const Item& item) { return item.decision.brings_back && !item.is_shut(); }),
      false, [](const Item& item) { return copy::shut(item.source.definition, item.aim()); });
}

/// At the last value that the source told, in one step.
Result<void> Batch::open() {
  return redefine(items_where([](const Item& item) { return item.decision.brings_back; }), false,
                  [](const Item& item) { return item.source.definition; });
}

/// Has the source say that those have moved of which it does not yet, also after a copy that was
/// ended before this. What is refused was changed by others, or is the repeat of one that was
/// applied: no id depends on it.
Result<void> Batch::mark() {
  const auto unmarked = [](const Item& item) {
    if (item.target.deleted) return false;
    return item.decision.brings_back ||
           (item.source.deleted && !contract::has_moved(item.source.definition));
  };
  const auto outcomes = run_for(source_, items_where(unmarked), [](Item& item) {
    Definition definition = item.source.definition;
    ++definition.revision;
    definition.comment = contract::kMovedComment;
    return contract::Redefine{item.source.name, 0, definition, true};
  });
  return outcomes ? Result<void>() : Result<void>(outcomes.error());
}

/// Deletes in the target what is deleted in the source.
Result<void> Batch::remove() {
  return redefine(items_where([](const Item& item) { return item.decision.deletes; }), true,
                  [](const Item& item) { return item.source.definition; });
}

/// Gives the target's counters a definition and their aim, each in one atomic step.
Result<void> Batch::redefine(Items items, bool deletes,
                             const std::function<Definition(const Item&)>& definition_for) {
  for (int races = 0; !items.empty(); ++races) {
    if (races > kMostRaces) return raced(items.front()->source.name, "target");
    std::vector<contract::Op> ops;
    const auto outcomes = run_for(target_, items, [&](Item& item) {
      contract::Redefine op{item.source.name, 0, definition_for(item), deletes,
                            contract::Redefine::Raise{item.target.value, item.aim()}};
      op.definition.revision = item.target.definition.revision + 1;
      ops.push_back(op);
      return op;
    });
    if (!outcomes) return outcomes.error();
    auto left = take_redefined(items, ops, *outcomes);
    if (!left) return left.error();
    items = *std::move(left);
  }
  return {};
}

/// Returns those that are to be tried again, since a node of the target has handed back a tail.
Result<Batch::Items> Batch::take_redefined(const Items& items, const std::vector<contract::Op>& ops,
                                           const std::vector<Outcome>& outcomes) {
  Items left;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    const auto& op = std::get<contract::Redefine>(ops[i]);
    const CounterState* now = state_of(outcomes[i]);
    if (now == nullptr) return vanished(item.source.name, "target");
    // Refused, it may be the repeat of one that was applied.
    const bool is_done = now->definition == op.definition && now->deleted == op.deletes;
    const std::int64_t expected = is_done ? op.raise->to : op.raise->from;
    // Opened, it may give ids: the source gives none any more.
    const bool is_open = is_done && item.decision.brings_back && op.definition.comment != kShut;
    if (now->value > expected && !is_open) return moved(item.source.name, expected, now->value);
    if (!is_done) {
      const bool is_as_before =
          now->definition == item.target.definition && now->deleted == item.target.deleted;
      if (!is_as_before || now->value == expected) return raced(item.source.name, "target");
      left.push_back(&item);
    } else if (now->value < expected) {
      return raced(item.source.name, "target");
    }
    item.target = *now;
  }
  return left;
}

/// To the source's values, as far as they are known by now.
Result<void> Batch::raise() {
  return advance(items_where([](const Item& item) {
    return !item.decision.brings_back && !item.decision.deletes && item.target.value < item.aim();
  }));
}

/// Each by a writer of its own, whose slot goes again.
Result<void> Batch::advance(const Items& items) {
  std::vector<contract::Advance> advances;
  const auto outcomes = run_for(target_, items, [&](Item& item) {
    advances.push_back({.counter = item.source.name,
                        .writer = std::max<contract::WriterId>(node::random_bits(), 1),
                        .seq = std::max<contract::Seq>(base::wall_now_us(), item.target.floor + 1),
                        .revision = item.target.definition.revision,
                        .to = item.aim()});
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
    item.target.floor = advance.seq + 1;
    return contract::Release{advance.counter, advance.writer, advance.seq + 1, advance.seq};
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
    if (!is_repeat && before == item.target.value) return raced(item.source.name, "target");
  } else {
    return vanished(item.source.name, "target");
  }
  if (before != item.target.value) return moved(item.source.name, item.target.value, before);
  item.target.value = item.aim();
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
      // Of what comes back the next copy may need the comment: see mark().
      if (!item.decision.brings_back) definition.comment = contract::kMovedComment;
      return contract::Redefine{item.source.name, 0, definition, true};
    });
    if (!outcomes) return outcomes.error();
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (state_of((*outcomes)[i]) == nullptr) return vanished(left[i]->source.name, "source");
    }
    left = take_retired(left, *outcomes);
    // The target has the new definition before the counter goes from the source.
    Items known;
    for (Item* item : left) {
      if (!item->decision.brings_back) known.push_back(item);
    }
    const auto done =
        redefine(known, false, [](const Item& item) { return item.source.definition; });
    if (!done) return done;
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
