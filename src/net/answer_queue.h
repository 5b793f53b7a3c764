// Answers leave in the order of their requests, whatever order they come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include <boost/circular_buffer.hpp>

#include "nextid/id_generator.h"

#include "base/check.h"
#include "base/clock.h"
#include "net/shared_generator.h"
#include "stats/front_end_stats.h"

namespace nextid::net {

/// A request that was read, until its answer is written. `Replies` are the answers that carry no
/// ids.
template <typename... Replies>
struct Unanswered {
  std::variant<std::monostate, Result<IdRange>, Replies...> answer;
  std::optional<GeneratorHold> generator;  ///< Of a request for ids.
  RequestId request = 0;                   ///< The same.
  bool has_key = false;        ///< An idempotency key: its ids never count as undelivered.
  std::size_t held_bytes = 0;  ///< Memory beside the entry's own, as the connection counts it.
  stats::Route route = {};
  base::MonotonicTime taken;

  bool is_answered() const noexcept { return answer.index() != 0; }
};

/// The unanswered requests of one connection. Each has a tag, and the tags of those in the queue
/// follow one another. Each gets one answer, and either leaves by write_next() or is still there at
/// the end (I5).
///
/// A call of the store sees the effects of the requests before it, and the requests after it see
/// its effects. So it begins once it is the only one in the queue, and there is no room behind it.
///
/// Not thread-safe.
template <typename Entry>
class AnswerQueue {
 public:
  /// There is room for `most` entries, though more may be added. `idle` is how many entries' memory
  /// shrink() leaves.
  AnswerQueue(std::size_t most, std::size_t idle) : most_(most), idle_(idle), entries_(1) {}

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  bool has_room() const noexcept { return size() < most_ && !has_call_; }

  /// Adds an entry behind all others. Invalidates references to them.
  Entry& add() {
    if (entries_.full()) entries_.set_capacity(2 * entries_.capacity());
    entries_.push_back({});
    return entries_.back();
  }
  Entry& last() noexcept { return entries_.back(); }
  std::uint64_t last_tag() const noexcept { return first_tag_ + entries_.size() - 1; }
  Entry& of(std::uint64_t tag) noexcept {
    NEXTID_CHECK(tag - first_tag_ < entries_.size());
    return entries_[tag - first_tag_];
  }

  /// Gives the entry its answer. True when it is the first: write_next() then has something to do.
  template <typename Answer>
  [[nodiscard]] bool answer(std::uint64_t tag, Answer&& answer) {
    Entry& entry = of(tag);
    NEXTID_CHECK(!entry.is_answered());
    entry.answer = std::forward<Answer>(answer);
    return tag == first_tag_;
  }

  /// Calls `write` with each entry that is next in order and answered, and lets it go; no further
  /// one once `may_write` is false.
  template <typename Write, typename MayWrite>
  void write_next(Write write, MayWrite may_write) {
    while (!entries_.empty() && entries_.front().is_answered() && may_write()) {
      write(entries_.front());
      entries_.pop_front();
      ++first_tag_;
    }
  }

  /// The last entry is a call of the store, which `begin` begins when its turn has come: now, or in
  /// begin_call_in_turn(). There must be room.
  void add_call(std::function<void()> begin) {
    NEXTID_CHECK(!has_call_ && !empty());
    has_call_ = true;
    next_call_ = std::move(begin);
    begin_call_in_turn();
  }
  /// To be called after write_next().
  void begin_call_in_turn() {
    if (next_call_ && size() == 1) std::exchange(next_call_, nullptr)();
  }
  /// To be called before the call's answer() is given.
  void end_call() noexcept {
    NEXTID_CHECK(has_call_ && !next_call_);
    has_call_ = false;
  }

  /// The entries whose answers were not written.
  auto begin() noexcept { return entries_.begin(); }
  auto end() noexcept { return entries_.end(); }

  /// Of the entries' own memory.
  std::size_t held_bytes() const noexcept { return entries_.capacity() * sizeof(Entry); }
  /// Frees the memory that a busy time took.
  void shrink() {
    if (entries_.capacity() > idle_) entries_.set_capacity(idle_);
  }
  /// The same, as much as there is; nothing may be unanswered.
  void rest() {
    NEXTID_CHECK(empty());
    entries_.set_capacity(1);
  }

 private:
  const std::size_t most_;
  const std::size_t idle_;
  boost::circular_buffer<Entry> entries_;
  std::uint64_t first_tag_ = 0;
  bool has_call_ = false;            // It is the last entry.
  std::function<void()> next_call_;  // Begins that call; empty once it has begun.
};

}  // namespace nextid::net
