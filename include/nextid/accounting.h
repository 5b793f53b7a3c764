// Where the ids of a node went, and what they cost. Once the store has closed, returned and burned
// ids add up to all that the node reserved and did not give back (I5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nextid {

/// Why an id that was reserved in the store reached no caller.
enum class BurnReason : std::uint8_t {
  kDeadline,     ///< Its request's deadline passed while the reservation was under way.
  kDisconnect,   ///< Its caller was gone: a reset, a failed write, a cancelled request.
  kDiscard,      ///< The rest of a block, or a reservation given up that was applied after all.
  kIdempotency,  ///< Another request with the same key was faster, or the key's record was not
                 ///< kept.
  kAdvance,      ///< Skipped, since the counter was advanced past it.
};
inline constexpr std::size_t kBurnReasons = 5;

/// The reason's name in logs: "deadline", "disconnect", "discard", "idempotency", "advance".
std::string_view to_string(BurnReason reason) noexcept;

/// Counts since the counter, or the store, was opened. The ids of a Cursor count as returned when
/// its sub-block ends; all are exact once the store has closed.
struct Accounting {
  std::uint64_t returned = 0;                        ///< Ids handed to callers.
  std::array<std::uint64_t, kBurnReasons> burned{};  ///< Ids by BurnReason.

  std::uint64_t reservations = 0;   ///< Reserve ops known to be applied.
  std::uint64_t store_writes = 0;   ///< Attempts at ops that write, repeats included.
  std::uint64_t refills = 0;        ///< Reservations that nobody waited for: prefetched blocks.
  std::uint64_t waits = 0;          ///< Requests that waited for the store; the others did not.
  std::uint64_t largest_batch = 0;  ///< Most requests that one reservation was for.
  /// Reservations by how many requests they were for: entry i counts those for 2^i to 2^(i+1) - 1,
  /// the last one all larger ones, too.
  std::array<std::uint64_t, 12> batch_sizes{};

  std::uint64_t burned_by(BurnReason reason) const noexcept {
    return burned[static_cast<std::size_t>(reason)];
  }
  std::uint64_t burned_total() const noexcept;
  Accounting& operator+=(const Accounting& other) noexcept;
};

}  // namespace nextid
