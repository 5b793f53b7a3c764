// Validates ops before a store touches any counter.
#pragma once

#include <optional>
#include <string>

#include "contract/op.h"

namespace nextid::contract {

/// Why `op` can't be attempted, or nothing. Refused are: a step below 1, a raise that ends lower,
/// or a give-back that does not, which would move a counter the wrong way (I7); writer 0, which
/// stands for no engine, except in Load, Define and Redefine; seq 0, which stands for no op; keys
/// that are no idempotency keys; and numbers past kMaxId.
std::optional<std::string> refuse_unstorable(const Op& op);

/// True when the ids of `record` are ids: none is below 1 or past kMaxId, and there is one at
/// least.
bool has_ids(const IdempotencyRecord& record) noexcept;

}  // namespace nextid::contract
