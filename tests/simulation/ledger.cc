#include "simulation/ledger.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <variant>

#include "contract/counter_state.h"

namespace nextid::simulation {

using history::Invariant;

std::size_t Ledger::begin(std::uint64_t identity) {
  current_ = timelines_.size();
  timelines_.push_back({.identity = identity});
  return current_;
}

void Ledger::held(const contract::Op& op, const contract::Outcome& outcome, std::size_t done_in) {
  replays_ = done_in;
  apply(op, outcome);
  replays_.reset();
}

void Ledger::switch_to(std::size_t timeline) {
  current_ = timeline;
  switched();
}

void Ledger::switched() {
  last_switch_ = context_.next_moment();
  for (const Run& run : runs_) count_if_held(here(), run);
  give_backs_.push_back({last_switch_, here().value});
  if (here().definition) room_changed();
}

void Ledger::committed(const contract::Op& op, const contract::Outcome& outcome) {
  apply(op, outcome);
}

void Ledger::apply(const contract::Op& op, const contract::Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) {
    return defined(found->state.definition, found->state.deleted);
  }
  const auto* done = std::get_if<contract::Committed>(&outcome);
  if (done == nullptr) return;
  if (const auto* reserve = std::get_if<contract::Reserve>(&op)) {
    reserved(*reserve, done->end);
  } else if (const auto* give_back = std::get_if<contract::GiveBack>(&op)) {
    gave_back(*give_back);
  } else if (const auto* advance = std::get_if<contract::Advance>(&op)) {
    advanced(*advance);
  }
}

void Ledger::defined(const Definition& definition, bool deleted) {
  if (here().definition == definition) return;
  if (here().deleted && !deleted) here().brought_back = context_.next_moment();
  here().deleted = deleted;
  if (!here().definition) here().value = contract::value_before_first(definition);
  here().definition = definition;
  start_ = definition.start;
  increment_ = definition.increment;
  std::uint64_t& cache = caches_[definition.revision];
  cache = std::max(cache, definition.cache);
  room_changed();
}

void Ledger::reserved(const contract::Reserve& op, std::int64_t end) {
  Timeline& now = here();
  const bool foreign = op.writer == kForeignWriter;
  if (!foreign && op.revision != now.definition->revision) {
    context_.violated(Invariant::kHonest, "reserved by revision " + std::to_string(op.revision) +
                                              " of the definition, not the one in force");
  }
  if (now.deleted) context_.violated(Invariant::kHonest, "reserved from a deleted counter");
  if (!foreign && end > static_cast<std::int64_t>(now.definition->max)) {
    context_.violated(Invariant::kHonest, "reserved past max, to " + std::to_string(end));
  }
  now.segments.push_back(
      Segment{now.value, end, op.writer, now.definition->max, replays_.value_or(current_), op.seq});
  landed(op.writer, op.seq, ids_between(now.value, end));
  move_to(end);
}

/// Where a writer has no slot, a give-back above the floor needs only the value to be its tail's
/// end. That is right while the store is the same: nothing but that very tail ends there. After it
/// was set back to a time before the writer's reservation, and others have come to exactly that
/// value, it takes their ids. Nothing but a condition of the stores on the slot could keep it from
/// that.
void Ledger::gave_back(const contract::GiveBack& op) {
  Timeline& now = here();
  landed(op.writer, op.seq, -ids_between(op.new_end, now.value));
  while (!now.segments.empty() && now.segments.back().end > op.new_end) {
    Segment& last = now.segments.back();
    if (last.writer != op.writer && timelines_.size() > 1) {
      context_.note("abandoned: a give-back found another's ids in the place of its own");
      context_.abandoned = true;
    }
    if (last.writer != op.writer) {
      context_.violated(Invariant::kForwards,
                        "ids of another owner were given back, to " + std::to_string(op.new_end));
    }
    if (last.before < op.new_end) {
      last.end = op.new_end;
    } else {
      now.segments.pop_back();
    }
  }
  if (!replays_) give_backs_.push_back({context_.next_moment(), op.new_end});
  move_to(op.new_end);
}

void Ledger::advanced(const contract::Advance& op) {
  Timeline& now = here();
  if (now.deleted) context_.violated(Invariant::kHonest, "a deleted counter was advanced");
  now.segments.push_back(
      Segment{now.value, op.to, 0, now.definition->max, replays_.value_or(current_)});
  landed(op.writer, op.seq, ids_between(now.value, op.to));
  move_to(op.to);
}

void Ledger::landed(contract::WriterId writer, contract::Seq seq, std::int64_t ids) {
  here().taken += ids;
  if (replays_) return;
  Landed& op = ops_[writer][seq];
  op.ids = ids;
  ++op.times;
}

void Ledger::move_to(std::int64_t value) {
  here().value = value;
  highest_value_ = std::max(highest_value_, value);
  room_changed();
}

void Ledger::told(contract::WriterId writer, contract::Seq seq, std::int64_t end) {
  const auto op = ops_[writer].find(seq);
  if (op != ops_[writer].end()) op->second.known = true;
  for (Timeline& timeline : timelines_) {
    for (Segment& segment : timeline.segments) {
      if (segment.writer == writer && segment.seq == seq && segment.end == end) segment.told = true;
    }
  }
}

void Ledger::value_is(std::int64_t value) {
  if (value != here().value) {
    context_.violated(Invariant::kForwards, "the store's value is " + std::to_string(value) +
                                                ", by its ops it is " +
                                                std::to_string(here().value));
  }
  const std::uint64_t returned = here().highest_returned;
  if (returned > 0 && value < static_cast<std::int64_t>(returned)) {
    context_.violated(Invariant::kForwards, "the value fell to " + std::to_string(value) +
                                                ", below an id that was returned, " +
                                                std::to_string(returned));
  }
}

std::vector<Ledger::Part> Ledger::returned(contract::WriterId writer, const IdRange& range) {
  const std::string text = std::to_string(range.start()) + " ... " + std::to_string(range.end());
  if (range.start() < start_ || range.increment() != increment_ ||
      (range.start() - start_) % increment_ != 0) {
    context_.violated(Invariant::kContiguous, text + " is off the counter's stride");
  }
  std::vector<Part> parts;
  std::uint64_t id = range.start();
  for (std::uint64_t left = range.count(); left > 0;) {
    const Segment* const segment = segment_of(writer, id);
    if (segment == nullptr) {
      const bool durable = static_cast<std::int64_t>(range.end()) <= here().value;
      context_.violated(durable ? Invariant::kUnique : Invariant::kDurable,
                        text + (durable ? " was returned by a node that did not reserve it"
                                        : " was returned before it was durable: the value is " +
                                              std::to_string(here().value)));
      break;
    }
    const std::uint64_t last = std::min(range.end(), static_cast<std::uint64_t>(segment->end));
    if (last > segment->max && range.end() > segment->max) {
      context_.violated(Invariant::kHonest, text + " is past the max it was reserved under");
    }
    const IdRange run(id, (last - id) / range.increment() + 1, range.increment());
    here().returned += run.count();
    runs_.push_back({*segment, run});
    for (Timeline& each : timelines_) count_if_held(each, runs_.back());
    if (!parts.empty() && parts.back().timeline == segment->timeline) {
      IdRange& before = parts.back().range;
      before = IdRange(before.start(), before.count() + run.count(), run.increment());
    } else {
      parts.push_back({segment->timeline, run});
    }
    id = run.end() + run.increment();
    left -= run.count();
  }
  return parts;
}

/// Whether the timeline has what the run is of.
void Ledger::count_if_held(Timeline& timeline, const Run& run) {
  const Segment* const segment = segment_of(timeline, run.range.start());
  if (segment == nullptr || segment->writer != run.of.writer) return;
  if (segment->seq != run.of.seq || segment->timeline != run.of.timeline) return;
  timeline.highest_returned = std::max(timeline.highest_returned, run.range.end());
}

/// Null where no op took the id.
const Ledger::Segment* Ledger::segment_of(const Timeline& timeline, std::uint64_t id) {
  const auto value = static_cast<std::int64_t>(id);
  const auto it = std::lower_bound(
      timeline.segments.begin(), timeline.segments.end(), value,
      [](const Segment& segment, std::int64_t least) { return segment.end < least; });
  return it == timeline.segments.end() || it->before >= value ? nullptr : &*it;
}

/// With which the writer took the id. A copy of its op may have taken it again in a later timeline:
/// then it is the one that the writer knows, or else the first.
const Ledger::Segment* Ledger::segment_of(contract::WriterId writer, std::uint64_t id) const {
  const Segment* found = nullptr;
  for (const Timeline& timeline : timelines_) {
    const Segment* const segment = segment_of(timeline, id);
    if (segment == nullptr || segment->writer != writer) continue;
    if (found == nullptr || (segment->told && !found->told)) found = segment;
  }
  return found;
}

/// There must have been a moment, from the request's sending until now, when it did not fit.
void Ledger::refused(std::uint64_t count, std::uint64_t sent, std::uint64_t held) {
  for (auto room = rooms_.rbegin(); room != rooms_.rend(); ++room) {
    const bool all_the_time = room == rooms_.rbegin() && room->since <= sent;
    if (room_of(*room) + (all_the_time ? held : 0) < count) return;
    if (room->since <= sent) break;
  }
  context_.violated(Invariant::kHonest, "a request for " + std::to_string(count) +
                                            " ids was refused as exhausted, and fitted all along");
}

void Ledger::refused_as_deleted(std::uint64_t sent) {
  if (here().deleted || here().brought_back > sent) return;
  context_.violated(Invariant::kHonest, "a request was refused, and no counter was deleted");
}

void Ledger::room_changed() {
  if (replays_) return;
  rooms_.push_back(Room{context_.next_moment(), here().value, here().definition->max});
}

std::uint64_t Ledger::room_of(const Room& room) const {
  const auto max = static_cast<std::int64_t>(room.max);
  if (room.value >= max) return 0;
  return (static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(room.value)) / increment_;
}

std::uint64_t Ledger::held_below_value(contract::WriterId writer) const {
  const std::vector<Segment>& segments = here().segments;
  auto from = segments.end();
  while (from != segments.begin() && std::prev(from)->writer == writer) --from;
  if (from == segments.end()) return 0;
  const auto got = static_cast<std::int64_t>(here().highest_returned);
  return static_cast<std::uint64_t>(ids_between(std::max(from->before, got), here().value));
}

bool Ledger::fell_below(std::int64_t to, std::uint64_t since) const {
  return std::any_of(give_backs_.begin(), give_backs_.end(),
                     [&](const GiveBack& one) { return one.moment > since && one.new_end < to; });
}

std::int64_t Ledger::ids_between(std::int64_t before, std::int64_t end) const {
  const auto reached = [this](std::int64_t value) -> std::uint64_t {
    if (value < static_cast<std::int64_t>(start_)) return 0;
    return (static_cast<std::uint64_t>(value) - start_) / increment_ + 1;
  };
  return static_cast<std::int64_t>(reached(end) - reached(before));
}

std::int64_t Ledger::taken_by(contract::WriterId writer) const {
  std::int64_t ids = 0;
  const auto ops = ops_.find(writer);
  if (ops == ops_.end()) return 0;
  for (const auto& [seq, op] : ops->second) ids += op.times * op.ids;
  return ids;
}

std::int64_t Ledger::unknown_to(contract::WriterId writer) const {
  std::int64_t ids = 0;
  const auto ops = ops_.find(writer);
  if (ops == ops_.end()) return 0;
  for (const auto& [seq, op] : ops->second) ids += (op.times - (op.known ? 1 : 0)) * op.ids;
  return ids;
}

std::uint64_t Ledger::cache_of(std::uint64_t revision) const {
  const auto cache = caches_.find(revision);
  return cache == caches_.end() ? 0 : cache->second;
}

std::uint64_t Ledger::ids_up_to_value() const {
  return static_cast<std::uint64_t>(
      ids_between(contract::value_before_first(*here().definition), here().value));
}

void Ledger::check_total() const {
  if (!here().definition) return;
  std::int64_t taken = 0;
  for (const auto& [writer, ops] : ops_) taken += taken_by(writer);
  // What writers did in all timelines together says nothing of one of them.
  if (timelines_.size() > 1) taken = here().taken;
  const auto all = static_cast<std::int64_t>(ids_up_to_value());
  if (taken != all) {
    context_.violated(Invariant::kAccounted, "writers took " + std::to_string(taken) +
                                                 " ids, and the counter has moved by " +
                                                 std::to_string(all));
  }
}

}  // namespace nextid::simulation
