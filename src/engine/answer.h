// How the engine visits the kinds of ops and outcomes, so that a missing case does not compile.
#pragma once

#include <concepts>
#include <variant>

#include "contract/op.h"

namespace nextid::engine {

/// An outcome that tells an op's fate. The others, InDoubt, NotApplied and Damaged, mean the same
/// for all ops.
using Answer =
    std::variant<const contract::Committed*, const contract::Refused*, const contract::Found*,
                 const contract::Missing*, const contract::Remembered*>;

/// One of these types, for a case that several share.
template <typename T, typename... Types>
concept OneOf = (std::same_as<T, Types> || ...);

/// Cases for std::visit.
template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace nextid::engine
