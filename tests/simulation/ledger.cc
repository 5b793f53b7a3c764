#include "simulation/ledger.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <variant>

#include "contract/counter_state.h"

namespace nextid::simulation {

using history::Invariant;

void Ledger::committed(const contract::Op& op, const contract::Outcome& outcome) {
  if (const auto* found = std::get_if<contract::Found>(&outcome)) {
    return defined(found->state.definition);
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

void Ledger::defined(const Definition& definition) {
  if (definition_ == definition) return;
  if (!definition_) value_ = contract::value_before_first(definition);
  definition_ = definition;
  caches_[definition.revision] = definition.cache;
  room_changed();
}

void Ledger::reserved(const contract::Reserve& op, std::int64_t end) {
  const bool foreign = op.writer == kForeignWriter;
  if (!foreign && op.revision != definition_->revision) {
    context_.violated(Invariant::kHonest, "reserved by revision " + std::to_string(op.revision) +
                                              " of the definition, not the one in force");
  }
  if (!foreign && end > static_cast<std::int64_t>(definition_->max)) {
    context_.violated(Invariant::kHonest, "reserved past max, to " + std::to_string(end));
  }
  segments_.push_back(Segment{value_, end, op.writer, definition_->max});
  landed(op.writer, op.seq, ids_between(value_, end));
  value_ = end;
  room_changed();
}

void Ledger::gave_back(const contract::GiveBack& op) {
  landed(op.writer, op.seq, -ids_between(op.new_end, value_));
  while (!segments_.empty() && segments_.back().end > op.new_end) {
    Segment& last = segments_.back();
    if (last.writer != op.writer) {
      context_.violated(Invariant::kForwards,
                        "ids of another owner were given back, to " + std::to_string(op.new_end));
    }
    if (last.before < op.new_end) {
      last.end = op.new_end;
    } else {
      segments_.pop_back();
    }
  }
  value_ = op.new_end;
  give_backs_.push_back({context_.next_moment(), value_});
  room_changed();
}

void Ledger::advanced(const contract::Advance& op) {
  segments_.push_back(Segment{value_, op.to, 0, definition_->max});
  landed(op.writer, op.seq, ids_between(value_, op.to));
  value_ = op.to;
  room_changed();
}

void Ledger::landed(contract::WriterId writer, contract::Seq seq, std::int64_t ids) {
  Landed& op = ops_[writer][seq];
  op.ids = ids;
  ++op.times;
}

void Ledger::told(contract::WriterId writer, contract::Seq seq) {
  const auto op = ops_[writer].find(seq);
  if (op != ops_[writer].end()) op->second.known = true;
}

void Ledger::value_is(std::int64_t value) {
  if (value != value_) {
    context_.violated(Invariant::kForwards, "the store's value is " + std::to_string(value) +
                                                ", by its ops it is " + std::to_string(value_));
  }
  if (highest_returned_ > 0 && value < static_cast<std::int64_t>(highest_returned_)) {
    context_.violated(Invariant::kForwards, "the value fell to " + std::to_string(value) +
                                                ", below an id that was returned, " +
                                                std::to_string(highest_returned_));
  }
}

void Ledger::returned(contract::WriterId writer, const IdRange& range) {
  const std::string text = std::to_string(range.start()) + " ... " + std::to_string(range.end());
  const auto end = static_cast<std::int64_t>(range.end());
  returned_ += range.count();
  if (!definition_ || end > value_) {
    return context_.violated(
        Invariant::kDurable,
        text + " was returned before it was durable: the value is " + std::to_string(value_));
  }
  highest_returned_ = std::max(highest_returned_, range.end());
  if (range.start() < definition_->start || range.increment() != definition_->increment ||
      (range.start() - definition_->start) % definition_->increment != 0) {
    context_.violated(Invariant::kContiguous, text + " is off the counter's stride");
  }
  auto segment = segment_of(range.start());
  for (; segment != segments_.end() && segment->before < end; ++segment) {
    if (segment->writer != writer) {
      return context_.violated(Invariant::kUnique,
                               text + " was returned by a node that did not reserve it");
    }
    const std::uint64_t last = std::min(range.end(), static_cast<std::uint64_t>(segment->end));
    if (last > segment->max && range.end() > segment->max) {
      context_.violated(Invariant::kHonest, text + " is past the max it was reserved under");
    }
  }
}

std::vector<Ledger::Segment>::const_iterator Ledger::segment_of(std::uint64_t id) const {
  return std::lower_bound(
      segments_.begin(), segments_.end(), static_cast<std::int64_t>(id),
      [](const Segment& segment, std::int64_t value) { return segment.end < value; });
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

void Ledger::room_changed() {
  rooms_.push_back(Room{context_.next_moment(), value_, definition_->max});
}

std::uint64_t Ledger::room_of(const Room& room) const {
  const auto max = static_cast<std::int64_t>(room.max);
  if (room.value >= max) return 0;
  return (static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(room.value)) /
         definition_->increment;
}

std::uint64_t Ledger::held_below_value(contract::WriterId writer) const {
  auto from = segments_.end();
  while (from != segments_.begin() && std::prev(from)->writer == writer) --from;
  if (from == segments_.end()) return 0;
  const auto got = static_cast<std::int64_t>(highest_returned_);
  return static_cast<std::uint64_t>(ids_between(std::max(from->before, got), value_));
}

bool Ledger::fell_below(std::int64_t to, std::uint64_t since) const {
  return std::any_of(give_backs_.begin(), give_backs_.end(),
                     [&](const GiveBack& one) { return one.moment > since && one.new_end < to; });
}

std::int64_t Ledger::ids_between(std::int64_t before, std::int64_t end) const {
  const auto reached = [this](std::int64_t value) -> std::uint64_t {
    if (value < static_cast<std::int64_t>(definition_->start)) return 0;
    return (static_cast<std::uint64_t>(value) - definition_->start) / definition_->increment + 1;
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
      ids_between(contract::value_before_first(*definition_), value_));
}

void Ledger::check_total() const {
  if (!definition_) return;
  std::int64_t taken = 0;
  for (const auto& [writer, ops] : ops_) taken += taken_by(writer);
  const auto all = static_cast<std::int64_t>(ids_up_to_value());
  if (taken != all) {
    context_.violated(Invariant::kAccounted, "writers took " + std::to_string(taken) +
                                                 " ids, and the counter has moved by " +
                                                 std::to_string(all));
  }
}

}  // namespace nextid::simulation
