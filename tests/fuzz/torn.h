// Feeds a parser its input whole, and again in pieces: both must give the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace nextid::fuzz {

/// The input after its first byte, which gives the size of the pieces, 1 ... 16.
struct Input {
  std::size_t piece = 1;
  std::string_view bytes;
};

inline Input input_of(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {};
  return {1 + static_cast<std::size_t>(data[0]) % 16,
          {reinterpret_cast<const char*>(data) + 1, size - 1}};
}

/// Appends what comes to a buffer, `piece` bytes at a time, and calls `feed` with what is there
/// until it wants more; feed() returns what it consumed, and sets `ended` when no more is wanted.
template <typename Feed>
void feed_in_pieces(std::string_view bytes, std::size_t piece, std::size_t most_kept, Feed feed) {
  std::string kept;
  bool ended = false;
  while (!bytes.empty() && !ended) {
    const std::string_view next = bytes.substr(0, std::max<std::size_t>(piece, 1));
    bytes.remove_prefix(next.size());
    kept += next;
    for (bool more = false; !more && !ended;) {
      kept.erase(0, feed(kept, more, ended));
    }
    if (!ended && piece < most_kept && kept.size() > most_kept + piece) std::abort();
  }
}

}  // namespace nextid::fuzz
