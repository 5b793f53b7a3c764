// Sentences made of parts.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace nextid::base {

/// Text, which is anything that converts to std::string_view; a single `char`; or a whole number.
/// No bool, which would read as 1, and no floating point, whose digits need a decision.
template <typename T>
concept CatPart = std::convertible_to<const T&, std::string_view> ||
    (std::integral<T> && !std::same_as<T, bool>);

/// A part as text, for as long as this object and the part live.
class CatText {
 public:
  template <CatPart T>
  explicit CatText(const T& part) noexcept {
    if constexpr (std::convertible_to<const T&, std::string_view>) {
      text_ = part;
    } else if constexpr (std::same_as<T, char>) {
      digits_[0] = part;
      text_ = {digits_.data(), 1};
    } else {
      const auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(), part).ptr;
      text_ = {digits_.data(), end};
    }
  }
  CatText(const CatText&) = delete;
  CatText& operator=(const CatText&) = delete;

  std::string_view get() const noexcept { return text_; }

 private:
  std::array<char, 20> digits_;  // The longest are those of the least and the greatest of 64 bits.
  std::string_view text_;
};

/// The texts one after the other.
std::string joined(std::initializer_list<std::string_view> texts);

/// The parts one after the other, numbers in decimal digits, in one allocation at most:
///   cat("counter '", name, "' has ", waiting, " requests waiting")
/// Text is copied as it is; a `const char*` ends at its NUL and is never null. Parts may point into
/// the string that the result is assigned or appended to.
template <typename... Parts>
[[nodiscard]] std::string cat(const Parts&... parts) {
  static_assert((CatPart<Parts> && ...), "cat() takes text, characters and whole numbers");
  return joined({CatText(parts).get()...});
}

}  // namespace nextid::base
