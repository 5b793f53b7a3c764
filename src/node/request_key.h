// An idempotency key with whose it is. Programs that embed the library have keys of nobody's; a
// server tells its callers' keys apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "nextid/error.h"
#include "nextid/id_generator.h"

namespace nextid::node {

/// How many new keys somebody may have kept. Thread-safe, and never blocks.
class KeyQuota {
 public:
  /// Counts a key that is new; the error says why no more are taken.
  virtual Result<void> take() = 0;
  /// A key that was taken is not kept after all.
  virtual void give_back() noexcept = 0;

 protected:
  ~KeyQuota() = default;
};

struct RequestKey {
  std::string text;
  /// Equal texts of two scopes are two keys. "", or of the form of a counter's name.
  std::string scope = {};
  std::shared_ptr<KeyQuota> quota = nullptr;  ///< Null: none.

  /// Batch::add() with this key.
  RequestId add_to(Batch& batch, const IdGenerator& generator, std::uint64_t count,
                   IdGenerator::Clock::time_point deadline, RangeReceiver& receiver,
                   std::uint64_t tag) const;
};

}  // namespace nextid::node
