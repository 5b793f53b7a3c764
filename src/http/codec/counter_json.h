// Ids and counters as JSON: in HTTP's answers, and in what `nextid` prints with --json.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "nextid/counter.h"
#include "nextid/id_range.h"

#include "http/codec/id_format.h"

namespace nextid::http {

/// How the ids of an allocating call are written.
struct RangeFormat {
  bool range = false;                ///< {"start":43,"end":52,"count":10}, and not {"id":42}
  IdFormat ids = IdFormat::kNumber;  ///< The count stays a number.
};

/// The JSON of a range, on the stack: it takes no allocation.
class RangeJson {
 public:
  RangeJson(const IdRange& range, RangeFormat format) noexcept;

  std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  // Two ids of 19 digits, count and increment of 20 each, and the names and quotes.
  static constexpr std::size_t kMostBytes = 160;

  RangeJson& operator<<(std::string_view piece) noexcept {
    std::memcpy(text_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
    return *this;
  }

  std::array<char, kMostBytes> text_;
  std::size_t size_ = 0;
};

/// {"name":...,"value":null|N,...}, and the fields of the definition; with IdFormat::kText the
/// value is text, and what the definition has of ids.
std::string counter_json(const CounterInfo& counter, IdFormat ids);
/// {"counters":[...],"next":"the last name"|null}
std::string page_json(const CounterPage& page, IdFormat ids);

}  // namespace nextid::http
