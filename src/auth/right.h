// What a caller may be allowed to do. Each call of each protocol needs one right, or none.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace nextid::auth {

enum class Right : std::uint8_t {
  kRead,      ///< Look at counters, metrics and the page's data.
  kAllocate,  ///< Take ids; makes counters on first use where the server does.
  kDefine,    ///< Make and change counters, advance them, and bring deleted ones back.
  kDelete,    ///< Delete counters.
};

/// "read", "allocate", "define", "delete"
std::string_view to_string(Right right) noexcept;

/// A set of rights. None implies another.
class Rights {
 public:
  constexpr Rights() noexcept = default;
  constexpr Rights(std::initializer_list<Right> rights) noexcept {
    for (const auto right : rights) add(right);
  }

  constexpr void add(Right right) noexcept { bits_ |= bit(right); }
  constexpr bool has(Right right) const noexcept { return (bits_ & bit(right)) != 0; }
  constexpr bool operator==(const Rights&) const noexcept = default;

 private:
  static constexpr unsigned bit(Right right) noexcept { return 1U << static_cast<unsigned>(right); }
  unsigned bits_ = 0;
};

/// "read,allocate": one or more, with commas between them; nothing when it is not that.
std::optional<Rights> parse_rights(std::string_view text);
std::string to_string(Rights rights);

}  // namespace nextid::auth
