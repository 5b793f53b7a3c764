// The first bytes of a client at a port of TLS, and the rest of its handshake: text is told from
// all else, and nothing that was not encrypted is ever read as data, torn or not.
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "fuzz/require.h"
#include "fuzz/torn.h"
#include "net/first_byte.h"
#include "net/stream.h"
#include "net/tls.h"
#include "unit/net/certificates.h"

namespace nextid::fuzz {
namespace {

std::unique_ptr<net::TlsServer> make_server() {
  std::signal(SIGPIPE, SIG_IGN);
  std::string folder = std::filesystem::temp_directory_path() / "tls_fuzz.XXXXXX";
  require(::mkdtemp(folder.data()) != nullptr);
  auto server = net::TlsServer::open(testing::make_certificate(folder, "fuzz"));
  std::filesystem::remove_all(folder);
  require(!server.has_error());
  return *std::move(server);
}

// Each reads a record or more, or blocks: a stream that could be read for ever would hold up
// others.
constexpr int kMostReads = 2'000;

enum class Verdict { kWaits, kPlain, kRefused };

/// Of what is there to read.
Verdict read_all(net::Stream& stream) {
  std::array<char, 512> data{};
  stream.note({.readable = true, .writable = true, .ended = false});
  for (int reads = 0; stream.may_read(); ++reads) {
    require(reads < kMostReads);
    boost::system::error_code error;
    require(stream.read_some(boost::asio::buffer(data), error) == 0);
    if (stream.turned_plain()) return Verdict::kPlain;
    if (error == boost::asio::error::would_block) continue;
    if (error) return Verdict::kRefused;
  }
  return Verdict::kWaits;
}

Verdict verdict_on(std::string_view bytes, std::size_t piece) {
  static const auto server = make_server();
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const net::Socket client(ends[0]);
  net::Stream stream(net::Socket(ends[1]), *server);
  Verdict verdict = Verdict::kWaits;
  while (!bytes.empty() && verdict == Verdict::kWaits) {
    const std::string_view next = bytes.substr(0, piece);
    bytes.remove_prefix(next.size());
    require(::send(client.descriptor(), next.data(), next.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(next.size()));
    verdict = read_all(stream);
  }
  require(stream.is_tls() == (verdict != Verdict::kPlain));
  stream.close();
  return verdict;
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nextid;
  const auto input = fuzz::input_of(data, size);
  const auto verdict = fuzz::verdict_on(input.bytes, input.bytes.size());
  fuzz::require(verdict == fuzz::verdict_on(input.bytes, input.piece));
  const bool is_text =
      !input.bytes.empty() && net::kind_of_first_byte(input.bytes.front()) == net::FirstByte::kText;
  fuzz::require(is_text == (verdict == fuzz::Verdict::kPlain));
  return 0;
}
