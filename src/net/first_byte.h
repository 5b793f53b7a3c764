// What the first byte of a client tells: whether it speaks TLS to a port of text, or text to one of
// TLS. Pure. Neither is ever served: each is told in its own words.
#pragma once

namespace nextid::net {

enum class FirstByte {
  kText,  ///< Begins a request of a protocol of ours, and no record of TLS.
  kTls,   ///< Begins a handshake of TLS (RFC 8446, 5.1), and no request of any protocol.
  kOther,
};

constexpr FirstByte kind_of_first_byte(char byte) noexcept {
  constexpr char kHandshake = 0x16;
  if (byte == kHandshake) return FirstByte::kTls;
  const bool is_text = (byte >= ' ' && byte <= '~') || byte == '\r' || byte == '\n';
  return is_text ? FirstByte::kText : FirstByte::kOther;
}

}  // namespace nextid::net
