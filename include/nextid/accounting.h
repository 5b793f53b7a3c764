// Where the ids of a node went. Sums to every id that the node reserved (I5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nextid {

/// Why an id that was reserved in the store reached no caller.
enum class BurnReason : std::uint8_t {
  kDeadline,    ///< Its request's deadline passed while the reservation was under way.
  kDisconnect,  ///< Its caller was gone: a reset, a failed write, a cancelled request.
  kDiscard,     ///< A reservation that the node had given up was applied after all.
};
inline constexpr std::size_t kBurnReasons = 3;

/// The reason's name in logs: "deadline", "disconnect", "discard".
std::string_view to_string(BurnReason reason) noexcept;

struct Accounting {
  std::uint64_t returned = 0;                        ///< Ids handed to callers.
  std::array<std::uint64_t, kBurnReasons> burned{};  ///< Ids by BurnReason.
  std::uint64_t reservations = 0;                    ///< Reserve ops known to be applied.

  std::uint64_t burned_by(BurnReason reason) const noexcept {
    return burned[static_cast<std::size_t>(reason)];
  }
  std::uint64_t burned_total() const noexcept;
  Accounting& operator+=(const Accounting& other) noexcept;
};

}  // namespace nextid
