// Arithmetic that says when it does not fit, instead of wrapping (I6).
#pragma once

#include <optional>

namespace nextid::base {

/// a + b as T, for operands of any integer types.
template <typename T, typename A, typename B>
constexpr std::optional<T> checked_add(A a, B b) noexcept {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// a - b as T.
template <typename T, typename A, typename B>
constexpr std::optional<T> checked_sub(A a, B b) noexcept {
  T difference{};
  if (__builtin_sub_overflow(a, b, &difference)) return std::nullopt;
  return difference;
}

/// a * b as T.
template <typename T, typename A, typename B>
constexpr std::optional<T> checked_mul(A a, B b) noexcept {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

}  // namespace nextid::base
