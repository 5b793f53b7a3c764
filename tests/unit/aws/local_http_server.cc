#include "local_http_server.h"

#include <utility>

#include <boost/asio/ip/address_v4.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace nextid::testing {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

LocalHttpServer::LocalHttpServer(Handler handler)
    : handler_(std::move(handler)),
      acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  accept();
  thread_ = std::thread([this] { context_.run(); });
}

LocalHttpServer::~LocalHttpServer() {
  context_.stop();
  thread_.join();
}

std::string LocalHttpServer::url() const {
  return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

std::vector<HttpCall> LocalHttpServer::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void LocalHttpServer::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
    if (error) return;
    serve(std::move(socket));
    accept();
  });
}

void LocalHttpServer::serve(tcp::socket socket) {
  boost::system::error_code ended;
  boost::beast::flat_buffer buffer;
  HttpCall call;
  http::read(socket, buffer, call, ended);
  if (ended) return;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(call);
  }
  const HttpReply reply = handler_(call);
  if (reply.never) {
    waiting_.push_back(std::move(socket));
    return;
  }
  http::response<http::string_body> response(http::int_to_status(reply.status), 11, reply.body);
  if (!reply.location.empty()) response.set(http::field::location, reply.location);
  response.keep_alive(false);
  response.prepare_payload();
  http::write(socket, response, ended);
}

}  // namespace nextid::testing
