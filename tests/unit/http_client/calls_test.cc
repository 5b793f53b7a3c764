// What is known of a call that failed: whether the server can have it. aws/signed_http_test.cc has
// the rest.
#include "http_client/calls.h"

#include <future>
#include <string>
#include <thread>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "base/cat.h"

namespace nextid::http_client {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

Answer call(Calls& calls, const std::string& url) {
  std::promise<Answer> promise;
  Call call;
  call.url = url;
  call.body = "x";
  call.limit = std::chrono::seconds(20);
  call.done = [&promise](Answer answer) { promise.set_value(std::move(answer)); };
  calls.send(std::move(call));
  return promise.get_future().get();
}

TEST(Calls, AServerThatDoesNotListenWasSentNothing) {
  Calls calls({});
  const Answer answer = call(calls, "http://127.0.0.1:1/");
  EXPECT_NE(answer.failure, "");
  EXPECT_TRUE(answer.never_sent);
}

/// Answers one request, takes the next one on the same connection, and is gone.
TEST(Calls, ARequestOverAPooledConnectionThatBreaksMayHaveArrived) {
  asio::io_context context;
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::string url = base::cat("http://127.0.0.1:", acceptor.local_endpoint().port(), "/");
  std::thread server([&] {
    tcp::socket socket = acceptor.accept();
    std::string buffer;
    asio::read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\nx");
    asio::write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")));
    buffer.clear();
    asio::read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\nx");
    acceptor.close();
    socket.close();
  });
  Calls calls({});
  EXPECT_EQ(call(calls, url).failure, "");
  const Answer answer = call(calls, url);
  server.join();
  EXPECT_NE(answer.failure, "") << "libcurl tried again, and met nobody";
  EXPECT_FALSE(answer.never_sent);
}

}  // namespace
}  // namespace nextid::http_client
