// Whose ids are whose: what the store has durably done, and what each engine was told of it. From
// this the invariants are checked as the world goes.
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

  /// The store has applied `op` durably, or refused it, with this outcome.
  void committed(const contract::Op& op, const contract::Outcome& outcome);
  /// The store's value, as it shows it now.
  void value_is(std::int64_t value);

  /// A client got these ids from this writer: I1, I2, I4, I6.
  void returned(contract::WriterId writer, const IdRange& range);
  /// A request was refused as exhausted: I6. The node held `held` ids right below the value, at
  /// least.
  void refused(std::uint64_t count, std::uint64_t sent, std::uint64_t held);
  /// An engine learnt from the store that its op `seq` was applied.
  void told(contract::WriterId writer, contract::Seq seq);

  /// Ids that the writer's ops took from the counter: reserved and skipped, less given back. In
  /// all, and by ops whose fate its engine never learnt.
  std::int64_t taken_by(contract::WriterId writer) const;
  std::int64_t unknown_to(contract::WriterId writer) const;
  /// Of ids that are right below the value, those of `writer` that nobody got.
  std::uint64_t held_below_value(contract::WriterId writer) const;

  /// Whether a give-back took the value below `to` after a moment. It undoes what an advance that
  /// found the value there already has promised.
  bool fell_below(std::int64_t to, std::uint64_t since) const;

  const std::optional<Definition>& definition() const noexcept { return definition_; }
  /// Of the definition with this revision.
  std::uint64_t cache_of(std::uint64_t revision) const;
  std::int64_t value() const noexcept { return value_; }
  std::uint64_t highest_returned() const noexcept { return highest_returned_; }
  /// Ids from the counter's first one to its value, and those of them that no client got.
  std::uint64_t ids_up_to_value() const;
  std::uint64_t unreturned() const { return ids_up_to_value() - returned_; }
  /// Whether all of them are some op's: I5 of the store.
  void check_total() const;

 private:
  /// A run of values that one op took.
  struct Segment {
    std::int64_t before = 0;
    std::int64_t end = 0;
    contract::WriterId writer = 0;  // 0: skipped by an advance.
    std::uint64_t max = 0;          // In force when it was reserved.
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

  void defined(const Definition& definition);
  void reserved(const contract::Reserve& op, std::int64_t end);
  void gave_back(const contract::GiveBack& op);
  void advanced(const contract::Advance& op);
  void landed(contract::WriterId writer, contract::Seq seq, std::int64_t ids);
  void room_changed();
  std::uint64_t room_of(const Room& room) const;
  std::int64_t ids_between(std::int64_t before, std::int64_t end) const;
  std::vector<Segment>::const_iterator segment_of(std::uint64_t id) const;

  Context& context_;
  std::optional<Definition> definition_;
  std::map<std::uint64_t, std::uint64_t> caches_;  // By revision.
  std::int64_t value_ = 0;
  std::uint64_t highest_returned_ = 0;
  std::uint64_t returned_ = 0;
  std::vector<Segment> segments_;  // Upwards, each where the one before it ends.
  std::vector<Room> rooms_;
  std::vector<GiveBack> give_backs_;
  std::map<contract::WriterId, std::map<contract::Seq, Landed>> ops_;
};

}  // namespace nextid::simulation
