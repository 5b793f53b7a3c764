// An HTTP server on 127.0.0.1 that answers as a test says, and remembers what it was asked.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace nextid::testing {

using HttpCall = boost::beast::http::request<boost::beast::http::string_body>;

struct HttpReply {
  unsigned status = 200;
  std::string body = {};
  std::string location = {};  ///< Of a redirect.
  bool never = false;         ///< Leaves the client waiting.
};

class LocalHttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpCall&)>;

  /// `handler` is called on the server's thread.
  explicit LocalHttpServer(Handler handler);
  ~LocalHttpServer();
  LocalHttpServer(const LocalHttpServer&) = delete;
  LocalHttpServer& operator=(const LocalHttpServer&) = delete;

  std::string url() const;  ///< "http://127.0.0.1:PORT".
  std::vector<HttpCall> calls() const;

 private:
  void accept();
  void serve(boost::asio::ip::tcp::socket socket);

  const Handler handler_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::list<boost::asio::ip::tcp::socket> waiting_;
  mutable std::mutex mutex_;
  std::vector<HttpCall> calls_;
  std::thread thread_;
};

}  // namespace nextid::testing
