// Where the ids of an engine's ops went.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "nextid/accounting.h"

#include "base/check.h"

namespace nextid::engine {

/// Counts. Keeps I5: each id of an op that is known to be applied is returned or burned, or is
/// held, or went back to the store. The books leave out the ids that are held and the ids that
/// callers got from the stock: the reservoir counts both.
///
/// A subtraction may come before the addition that it belongs to: only the sum, modulo 2^64,
/// counts.
class Books {
 public:
  /// A reserve of so many ids was applied.
  void reserved(std::uint64_t ids) noexcept {
    applied_ += ids;
    ++accounting_.reservations;
  }
  /// An advance was applied that skipped so many ids.
  void skipped(std::uint64_t ids) noexcept {
    applied_ += ids;
    burned(BurnReason::kAdvance, ids);
  }
  void went_back(std::uint64_t ids) noexcept { applied_ -= ids; }

  /// A request got its ids from an op.
  void returned(std::uint64_t ids) noexcept { accounting_.returned += ids; }
  void burned(BurnReason reason, std::uint64_t ids) noexcept { of(reason) += ids; }
  /// Ids that were counted as returned reached no caller.
  void not_returned(std::uint64_t ids, BurnReason reason) noexcept {
    accounting_.returned -= ids;
    burned(reason, ids);
  }
  /// Ids that were counted as burned reached a caller, from a loan.
  void not_burned(BurnReason reason, std::uint64_t ids) noexcept { of(reason) -= ids; }

  void waited() noexcept { ++accounting_.waits; }
  void wrote() noexcept { ++accounting_.store_writes; }
  /// A reserve that was applied was for so many requests.
  void served(std::size_t requests) noexcept {
    if (requests == 0) {
      ++accounting_.refills;
      return;
    }
    const auto size = static_cast<std::size_t>(std::bit_width(requests)) - 1;
    ++accounting_.batch_sizes[std::min(size, accounting_.batch_sizes.size() - 1)];
    accounting_.largest_batch = std::max<std::uint64_t>(accounting_.largest_batch, requests);
  }

  /// With the ids of the stock that callers got.
  Accounting accounting(std::uint64_t returned_from_stock) const noexcept {
    Accounting accounting = accounting_;
    accounting.returned += returned_from_stock;
    return accounting;
  }

  void verify(std::uint64_t returned_from_stock_and_held) const {
    NEXTID_CHECK(accounting_.returned + returned_from_stock_and_held + accounting_.burned_total() ==
                 applied_);
  }

 private:
  std::uint64_t& of(BurnReason reason) noexcept {
    return accounting_.burned[static_cast<std::size_t>(reason)];
  }

  Accounting accounting_;
  std::uint64_t applied_ = 0;  // Ids of applied ops, without what went back.
};

}  // namespace nextid::engine
