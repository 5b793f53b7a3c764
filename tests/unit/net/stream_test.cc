// A Stream on a real connection: an echo of what a client sends, plain and over TLS.
#include "net/stream.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "net/reactor.h"
#include "unit/net/certificates.h"
#include "unit/node/scratch_dir.h"

namespace nextid::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Echoes until the client's end, then ends its own side.
class Echo final : public Reactor::Handler {
 public:
  Echo(Reactor& reactor, Stream stream) : reactor_(reactor), stream_(std::move(stream)) {
    EXPECT_FALSE(reactor_.add(stream_.descriptor(), *this));
  }

  void on_ready(Readiness ready) override {
    stream_.note(ready);
    if (blocked && stream_.may_write()) write();
    while (!ended_ && !closed && stream_.may_read()) read();
  }

  Stream& stream() { return stream_; }

  error_code failure;
  std::size_t received = 0;
  std::size_t written = 0;
  std::atomic<int> blocks = 0;  // Also read by the client's thread.
  int reads = 0;
  bool blocked = false;
  bool closed = false;

 private:
  void read() {
    ++reads;
    error_code error;
    const std::size_t size = stream_.read_some(asio::buffer(input_), error);
    if (error == asio::error::would_block) return;
    if (error && error != asio::error::eof) return fail(error);
    ended_ = error == asio::error::eof;
    received += size;
    output_.append(input_.data(), size);
    if (!blocked || stream_.may_write()) write();
  }

  void write() {
    blocked = false;
    while (written < output_.size()) {
      error_code error;
      written += stream_.write_some(asio::buffer(output_) + written, error);
      if (error == asio::error::would_block) {
        ++blocks;
        blocked = true;
        return;
      }
      if (error) return fail(error);
    }
    if (!ended_) return;
    error_code ignored;
    stream_.shutdown_send(ignored);
    close();
  }

  void fail(error_code error) {
    if (!failure) failure = error;
    close();
  }

  void close() {
    closed = true;
    reactor_.remove(*this);
    stream_.close();
  }

  Reactor& reactor_;
  Stream stream_;
  std::array<char, 10'000> input_{};
  std::string output_;
  bool ended_ = false;
};

enum class Kind { kPlain, kTls };

class StreamTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    const auto files = testing::make_certificate(dir_.path(), "server");
    auto tls = TlsServer::open(files);
    ASSERT_TRUE(tls) << tls.error().what();
    tls_ = *std::move(tls);
    client_context_.load_verify_file(files.certificate);
  }

  // Connects client_ and echo_ with one another.
  void connect() {
    tcp::acceptor acceptor(clients_, {asio::ip::make_address("127.0.0.1"), 0});
    socket_.open(tcp::v4());
    // Or the system lets it grow, up to many megabytes, and no server ever has to wait for it.
    socket_.set_option(tcp::socket::receive_buffer_size(64 * 1024));
    socket_.connect(acceptor.local_endpoint());
    Socket accepted = accept(acceptor);
    echo_.emplace(reactor_,
                  is_tls() ? Stream(std::move(accepted), *tls_) : Stream(std::move(accepted)));
  }

  static Socket accept(tcp::acceptor& acceptor) {
    Socket socket(::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK));
    EXPECT_TRUE(socket.is_open());
    return socket;
  }

  // Takes turns until it is so, at most for 20 s.
  void turn_until(const std::function<bool()>& done) {
    bool expired = false;
    reactor_.run_after(std::chrono::seconds(20), [&] { expired = true; });
    while (!done() && !expired) reactor_.turn(Reactor::Wait::kForEvents);
    EXPECT_FALSE(expired) << "the stream never ended";
  }

  // Runs `client` in a thread, and the server until its work is done.
  void run(const std::function<void()>& client) {
    run(client, [this] { return echo_->closed; });
  }
  void run(const std::function<void()>& client, const std::function<bool()>& done) {
    std::thread thread([&] {
      try {
        client();
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
      error_code ignored;
      socket_.close(ignored);
    });
    turn_until(done);
    thread.join();
  }

  bool is_tls() const { return GetParam() == Kind::kTls; }

  // With the client's end: a TLS stream, or the socket itself.
  template <typename Call>
  void with_client(Call call) {
    if (!is_tls()) return call(socket_);
    asio::ssl::stream<tcp::socket&> stream(socket_, client_context_);
    stream.set_verify_mode(asio::ssl::verify_peer);
    stream.handshake(asio::ssl::stream_base::client);
    call(stream);
  }

  template <typename Client>
  static std::string read(Client& client, std::size_t size) {
    std::string bytes(size, '\0');
    asio::read(client, asio::buffer(bytes));
    return bytes;
  }

  void finish_sending() { socket_.shutdown(tcp::socket::shutdown_send); }

  testing::ScratchDir dir_;
  std::unique_ptr<TlsServer> tls_;
  asio::ssl::context client_context_{asio::ssl::context::tls_client};
  asio::io_context clients_;
  tcp::socket socket_{clients_};
  Reactor reactor_;
  std::optional<Echo> echo_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, StreamTest, ::testing::Values(Kind::kPlain, Kind::kTls),
                         [](const auto& param) {
                           return param.param == Kind::kTls ? "Tls" : "Plain";
                         });

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST_P(StreamTest, BytesComeBackHoweverTheyAreCut) {
  connect();
  const std::string sent = pattern(30'000);
  std::string received;
  run([&] {
    with_client([&](auto& client) {
      for (std::size_t begin = 0, size = 1; begin < sent.size(); begin += size, size = size * 3) {
        size = std::min(size, sent.size() - begin);
        asio::write(client, asio::buffer(sent.data() + begin, size));
        received += read(client, size);
      }
      finish_sending();
    });
  });
  EXPECT_TRUE(received == sent);
  EXPECT_FALSE(echo_->failure) << echo_->failure.message();
  EXPECT_EQ(echo_->written, sent.size());
}

TEST_P(StreamTest, AClientThatReadsLateGetsEveryByte) {
  connect();
  const std::string sent = pattern(8 << 20);  // More than the system buffers.
  std::string received;
  run([&] {
    with_client([&](auto& client) {
      asio::write(client, asio::buffer(sent));
      finish_sending();
      const auto deadline = base::monotonic_now() + std::chrono::seconds(20);
      while (echo_->blocks == 0 && base::monotonic_now() < deadline) std::this_thread::yield();
      received = read(client, sent.size());
    });
  });
  EXPECT_TRUE(received == sent);
  EXPECT_EQ(echo_->written, sent.size());
  EXPECT_GT(echo_->blocks, 0);
}

TEST_P(StreamTest, TheEndOfTheServerIsAnEndAndNoAccident) {
  connect();
  error_code end;
  run([&] {
    with_client([&](auto& client) {
      asio::write(client, asio::buffer("x", 1));
      finish_sending();
      std::array<char, 2> bytes;
      asio::read(client, asio::buffer(bytes), end);
    });
  });
  // Over TLS, an end without close_notify would be stream_truncated.
  EXPECT_EQ(end, asio::error::eof) << end.message();
}

TEST_P(StreamTest, AClientThatVanishesIsAnError) {
  connect();
  run([&] {
    with_client([&](auto& client) {
      asio::write(client, asio::buffer("x", 1));
      read(client, 1);
      socket_.set_option(asio::socket_base::linger(true, 0));
    });
  });
  EXPECT_TRUE(echo_->failure);
  EXPECT_EQ(echo_->received, 1U);
}

TEST_P(StreamTest, HasInputThatWasNotRead) {
  connect();
  EXPECT_FALSE(echo_->stream().has_input());
  EXPECT_EQ(echo_->stream().in_handshake(), is_tls());
  asio::write(socket_, asio::buffer("x", 1));
  EXPECT_TRUE(echo_->stream().has_input());
  socket_.close();
}

class PlainStreamTest : public StreamTest {};
INSTANTIATE_TEST_SUITE_P(Kinds, PlainStreamTest, ::testing::Values(Kind::kPlain));

// The read that emptied the socket is the last one until more comes.
TEST_P(PlainStreamTest, NothingIsReadThatIsNotThere) {
  connect();
  constexpr int kMessages = 20;
  run([&] {
    for (int i = 0; i < kMessages; ++i) {
      asio::write(socket_, asio::buffer("x", 1));
      read(socket_, 1);
    }
    finish_sending();
  });
  EXPECT_EQ(echo_->reads, kMessages + 1);  // And the end.
}

// Nothing is told after that one event: who reads the bytes must ask once more.
TEST_P(PlainStreamTest, AnEndThatComesWithBytesIsSeen) {
  connect();
  asio::write(socket_, asio::buffer("x", 1));
  finish_sending();
  run([&] { EXPECT_EQ(read(socket_, 1), "x"); });
  EXPECT_FALSE(echo_->failure) << echo_->failure.message();
}

class TlsStreamTest : public StreamTest {};
INSTANTIATE_TEST_SUITE_P(Kinds, TlsStreamTest, ::testing::Values(Kind::kTls));

TEST_P(TlsStreamTest, AClientWithoutTlsIsCutOff) {
  connect();
  std::string answer;
  run([&] {
    asio::write(socket_, asio::buffer("GET /next HTTP/1.1\r\nHost: a\r\n\r\n", 33));
    error_code end;
    asio::read(socket_, asio::dynamic_buffer(answer), end);
  });
  EXPECT_TRUE(echo_->failure);
  EXPECT_EQ(echo_->received, 0U);
  EXPECT_EQ(answer.find("HTTP"), std::string::npos);
}

// Hands the bytes of a TLS client to the socket one by one.
TEST_P(TlsStreamTest, APartOfARecordIsNotReadAgainAndAgain) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const Socket client(ends[0]);
  Stream stream(Socket(ends[1]), *tls_);
  ASSERT_EQ(::send(client.descriptor(), "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
  stream.note({.readable = true, .writable = true, .ended = false});
  std::array<char, 16> data{};
  error_code error;
  EXPECT_EQ(stream.read_some(asio::buffer(data), error), 0U);
  EXPECT_EQ(error, asio::error::would_block);
  EXPECT_FALSE(stream.may_read()) << "it would be read for ever";
  stream.note({.readable = true, .writable = true, .ended = false});
  EXPECT_TRUE(stream.may_read());
}

TEST_P(TlsStreamTest, ATornHandshakeSucceedsAndBlocksNobody) {
  connect();
  std::string received;
  run([&] {
    using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;
    const SslContext context(SSL_CTX_new(TLS_client_method()));
    const SslPointer ssl(SSL_new(context.get()));
    BIO* from_server = BIO_new(BIO_s_mem());
    BIO* to_server = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), from_server, to_server);
    std::array<char, 4096> bytes;
    SSL_set_connect_state(ssl.get());
    while (received.empty()) {
      int size = SSL_is_init_finished(ssl.get()) ? SSL_write(ssl.get(), "x", 1) : 0;
      if (!SSL_is_init_finished(ssl.get())) SSL_do_handshake(ssl.get());
      while ((size = BIO_read(to_server, bytes.data(), static_cast<int>(bytes.size()))) > 0) {
        for (const char* byte = bytes.data(); byte != bytes.data() + size; ++byte) {
          asio::write(socket_, asio::buffer(byte, 1));
        }
      }
      const auto read_size = socket_.read_some(asio::buffer(bytes));
      BIO_write(from_server, bytes.data(), static_cast<int>(read_size));
      char echoed = 0;
      if (SSL_read(ssl.get(), &echoed, 1) == 1) received = echoed;
    }
  });
  EXPECT_EQ(received, "x");
}

struct Greeter final : Reactor::Handler {
  explicit Greeter(Stream greeted) : stream(std::move(greeted)) {}

  void on_ready(Readiness ready) override {
    stream.note(ready);
    if (done || !stream.may_write()) return;
    ++writes;
    error_code error;
    if (stream.write_some(asio::buffer("hello", 5), error) == 5) {
      done = true;
      return stream.close();
    }
    ASSERT_EQ(error, asio::error::would_block) << error.message();
    EXPECT_TRUE(stream.in_handshake());
  }

  Stream stream;
  int writes = 0;
  bool done = false;
};

// A server that speaks first, such as one that refuses a client for want of places.
TEST_P(TlsStreamTest, AWriteBeforeAnyReadMakesTheHandshake) {
  tcp::acceptor acceptor(clients_, {asio::ip::make_address("127.0.0.1"), 0});
  socket_.connect(acceptor.local_endpoint());
  Greeter greeter(Stream(accept(acceptor), *tls_));
  ASSERT_FALSE(reactor_.add(greeter.stream.descriptor(), greeter));
  reactor_.turn(Reactor::Wait::kNot);  // Before the client has said a word.
  EXPECT_EQ(greeter.writes, 1);
  std::string received;
  run([&] { with_client([&](auto& client) { received = read(client, 5); }); },
      [&] { return greeter.done; });
  EXPECT_GT(greeter.writes, 1);
  EXPECT_EQ(received, "hello");
}

}  // namespace
}  // namespace nextid::net
