// Whose ids are whose: what the store has durably done, and what each engine was told of it. From
// this the invariants are checked as the world goes.
//
// What a store holds and has done is a *timeline*. Each store has one of its own; one that is set
// back begins a new one, which has the part of the old one that it still holds. Within a timeline
// all promises hold, whatever happens to the store. Ids of one timeline may come again in another:
// whose fault that is, Process judges (I8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "nextid/id_range.h"

#include "contract/op.h"
#include "simulation/context.h"

namespace nextid::simulation {

/// The writer of programs that add to the value by themselves.
inline constexpr contract::WriterId kForeignWriter = 1;

class Ledger {
 public:
  explicit Ledger(Context& context) : context_(context) {}

  /// A new timeline, of a store of this identity, is the one that the store is on. Returns its
  /// number: they count from 0.
  std::size_t begin(std::uint64_t identity);
  /// Something that the store did in an earlier timeline, and still holds in one that has begun.
  void held(const contract::Op& op, const contract::Outcome& outcome, std::size_t done_in);
  /// Back on an earlier timeline.
  void switch_to(std::size_t timeline);
  /// The store is, from this moment, on another timeline than before.
  void switched();
  /// The moment of the last switch; 0 if there was none.
  std::uint64_t last_switch() const noexcept { return last_switch_; }
  std::size_t timeline() const noexcept { return current_; }
  std::size_t timelines() const noexcept { return timelines_.size(); }
  std::uint64_t identity_of(std::size_t timeline) const { return timelines_[timeline].identity; }
  /// The highest value that any timeline had.
  std::int64_t highest_value() const noexcept { return highest_value_; }

  /// The store has applied `op` durably, or refused it, with this outcome.
  void committed(const contract::Op& op, const contract::Outcome& outcome);
  /// The store's value, as it shows it now.
  void value_is(std::int64_t value);

  /// Ids, and the timeline in which they were reserved.
  struct Part {
    std::size_t timeline = 0;
    IdRange range;
  };
  /// A client got these ids from this writer: I1, I2, I4, I6. They are mostly one part.
  std::vector<Part> returned(contract::WriterId writer, const IdRange& range);
  /// A request was refused as exhausted: I6. The node held `held` ids right below the value, at
  /// least.
  void refused(std::uint64_t count, std::uint64_t sent, std::uint64_t held);
  /// A request was refused, since the counter was deleted: it must have been at some moment since.
  void refused_as_deleted(std::uint64_t sent);
  /// An engine learnt from the store that its op `seq` was applied, and ended there.
  void told(contract::WriterId writer, contract::Seq seq, std::int64_t end);

  /// Ids that the writer's ops took from the counter: reserved and skipped, less given back. In
  /// all, and by ops whose fate its engine never learnt.
  std::int64_t taken_by(contract::WriterId writer) const;
  std::int64_t unknown_to(contract::WriterId writer) const;
  /// Of ids that are right below the value, those of `writer` that nobody got.
  std::uint64_t held_below_value(contract::WriterId writer) const;

  /// Whether a give-back took the value below `to` after a moment. It undoes what an advance that
  /// found the value there already has promised.
  bool fell_below(std::int64_t to, std::uint64_t since) const;

  const std::optional<Definition>& definition() const noexcept { return here().definition; }
  /// Of the definition with this revision.
  std::uint64_t cache_of(std::uint64_t revision) const;
  std::int64_t value() const noexcept { return here().value; }
  std::uint64_t highest_returned() const noexcept { return here().highest_returned; }
  /// Ids from the counter's first one to its value, and those of them that no client got.
  std::uint64_t ids_up_to_value() const;
  std::uint64_t unreturned() const { return ids_up_to_value() - here().returned; }
  /// Whether all of them are some op's: I5 of the store.
  void check_total() const;

 private:
  /// A run of values that one op took.
  struct Segment {
    std::int64_t before = 0;
    std::int64_t end = 0;
    contract::WriterId writer = 0;  // 0: skipped by an advance.
    std::uint64_t max = 0;          // In force when it was reserved.
    std::size_t timeline = 0;       // In which it was.
    contract::Seq seq = 0;
    bool told = false;  // The writer knows it.
  };
  /// Returned ids, all of one segment.
  struct Run {
    Segment of;
    IdRange range;
  };
  struct Timeline {
    std::uint64_t identity = 0;
    std::optional<Definition> definition = {};
    bool deleted = false;
    std::uint64_t brought_back = 0;  // The moment, the last time.
    std::int64_t value = 0;
    std::uint64_t highest_returned = 0;
    std::uint64_t returned = 0;
    std::int64_t taken = 0;              // By all ops.
    std::vector<Segment> segments = {};  // Upwards, each where the one before it ends.
  };
  struct Landed {
    std::int64_t ids = 0;  // Negative for a give-back.
    std::int64_t times = 0;
    bool known = false;
  };
  struct GiveBack {
    std::uint64_t moment = 0;
    std::int64_t new_end = 0;
  };
  /// The value and the max, since a moment.
  struct Room {
    std::uint64_t since = 0;
    std::int64_t value = 0;
    std::uint64_t max = 0;
  };

  Timeline& here() noexcept { return timelines_[current_]; }
  const Timeline& here() const noexcept { return timelines_[current_]; }
  void apply(const contract::Op& op, const contract::Outcome& outcome);
  void defined(const Definition& definition, bool deleted);
  void reserved(const contract::Reserve& op, std::int64_t end);
  void gave_back(const contract::GiveBack& op);
  void advanced(const contract::Advance& op);
  void landed(contract::WriterId writer, contract::Seq seq, std::int64_t ids);
  void move_to(std::int64_t value);
  void room_changed();
  std::uint64_t room_of(const Room& room) const;
  std::int64_t ids_between(std::int64_t before, std::int64_t end) const;
  static void count_if_held(Timeline& timeline, const Run& run);
  static const Segment* segment_of(const Timeline& timeline, std::uint64_t id);
  const Segment* segment_of(contract::WriterId writer, std::uint64_t id) const;

  Context& context_;
  std::vector<Timeline> timelines_;
  std::size_t current_ = 0;
  std::vector<Run> runs_;    // All that was returned.
  std::uint64_t start_ = 1;  // As all definitions have it.
  std::uint64_t increment_ = 1;
  std::optional<std::size_t> replays_;  // What is applied was done, and counted, there.
  std::uint64_t last_switch_ = 0;
  std::int64_t highest_value_ = 0;
  std::map<std::uint64_t, std::uint64_t> caches_;  // By revision; the largest.
  std::vector<Room> rooms_;
  std::vector<GiveBack> give_backs_;
  std::map<contract::WriterId, std::map<contract::Seq, Landed>> ops_;
};

}  // namespace nextid::simulation
