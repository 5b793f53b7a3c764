#include "load/http_load.h"

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include "history/history.h"

namespace nextid::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using boost::system::error_code;
using history::HistoryWriter;
using history::now_ns;
using history::Record;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr unsigned kThreads = 2;
constexpr milliseconds kReconnectPause{10};
constexpr seconds kReconnectLimit{60};  // Without any answer.

tcp::endpoint parse_target(const std::string& url) {
  const auto refuse = [&url](const char* why) -> std::runtime_error {
    return std::runtime_error("--url " + url + ": " + why);
  };
  constexpr std::string_view scheme = "http://";
  const std::size_t colon = url.rfind(':');
  if (!url.starts_with(scheme) || colon <= scheme.size()) {
    throw refuse("not of the form http://ADDRESS:PORT");
  }
  std::string host = url.substr(scheme.size(), colon - scheme.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  if (error || !address.is_loopback()) throw refuse("not a loopback address; no other is loaded");
  std::uint16_t port = 0;
  const char* end = url.data() + url.size();
  const auto parsed = std::from_chars(url.data() + colon + 1, end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || port == 0) throw refuse("no such port");
  return {address, port};
}

// What all connections count.
struct Totals {
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<std::uint64_t> without_ids = 0;
  std::atomic<std::uint64_t> connections = 0;
};

/// One client: a request at a time, over one connection at a time.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(asio::io_context& io, const HttpLoad& load, tcp::endpoint server, unsigned number,
         Progress& progress, Totals& totals, HistoryWriter& writer)
      : load_(load),
        server_(server),
        progress_(progress),
        totals_(totals),
        writer_(writer),
        random_(load.seed * 1000 + number),
        stream_(io),
        pause_(io) {
    record_.client = "http-" + std::to_string(number);
    record_.counter = load.counter;
  }

  void connect() {
    if (progress_.stopped()) return;
    stream_.expires_after(load_.request_timeout);
    stream_.async_connect(server_, [self = shared_from_this()](error_code error) {
      if (error) return self->lost("can't connect", error);
      ++self->totals_.connections;
      self->stream_.socket().set_option(tcp::no_delay(true), error);
      self->send();
    });
  }

 private:
  void send() {
    if (progress_.stopped()) return stream_.close();
    prepare_request();
    stream_.expires_after(load_.request_timeout);
    record_.sent_ns = now_ns();
    http::async_write(stream_, request_,
                      [self = shared_from_this()](error_code error, std::size_t) {
                        if (error) return self->no_answer(error);
                        self->receive();
                      });
  }

  // Any of the spellings of one request.
  void prepare_request() {
    record_.asked = pick_count(random_);
    const bool range = record_.asked > 1 || one_in(20);
    std::string target = range ? "/range?count=" + std::to_string(record_.asked) : "/next";
    if (one_in(2)) {
      target = "/v1/counters/" + load_.counter + target;
    } else {
      target += (range ? "&counter=" : "?counter=") + load_.counter;
    }
    request_ = {one_in(2) ? http::verb::get : http::verb::post, target, 11};
    request_.set(http::field::host, server_.address().to_string());
    request_.prepare_payload();
  }

  void receive() {
    response_ = {};
    http::async_read(stream_, buffer_, response_,
                     [self = shared_from_this()](error_code error, std::size_t) {
                       if (error) return self->no_answer(error);
                       self->take_answer();
                     });
  }

  void take_answer() {
    const http::status status = response_.result();
    const bool store_is_away =
        status == http::status::service_unavailable || status == http::status::gateway_timeout;
    if (status == http::status::ok) {
      if (!parse_answer()) return;
      record_.received_ns = now_ns();
      record_.no_ids_reason.clear();
      writer_.append(record_);
      ++totals_.answered;
      progress_.add_ids(record_.count);
      last_answer_ = std::chrono::steady_clock::now();
    } else if (store_is_away && load_.reconnect) {
      const std::string status_code = std::to_string(response_.result_int());
      record_without_ids("http-" + status_code);
      return lost("answered " + status_code, {});
    } else {
      return progress_.fail(std::string(request_.target()) + " was answered " +
                            std::to_string(response_.result_int()) + " " + response_.body());
    }
    if (response_.keep_alive()) return send();
    stream_.close();
    connect();
  }

  bool parse_answer() {
    try {
      const json::object answer = json::parse(response_.body()).as_object();
      const auto number = [&answer](const char* name) {
        return answer.at(name).to_number<std::uint64_t>();
      };
      if (answer.contains("id")) {
        record_.start = record_.end = number("id");
        record_.count = 1;
      } else {
        record_.start = number("start");
        record_.end = number("end");
        record_.count = number("count");
      }
      record_.increment = answer.contains("increment") ? number("increment") : 1;
      return true;
    } catch (const std::exception& error) {
      progress_.fail("unreadable answer " + response_.body() + ": " + error.what());
      return false;
    }
  }

  // The request may have reached the server, whatever the error.
  void no_answer(error_code error) {
    record_without_ids("no-answer");
    lost("no answer to " + std::string(request_.target()), error);
  }

  void lost(const std::string& what, error_code error) {
    stream_.close();
    buffer_.clear();
    const bool too_long = std::chrono::steady_clock::now() - last_answer_ > kReconnectLimit;
    if (!load_.reconnect || too_long) return progress_.fail(what + ": " + error.message());
    pause_.expires_after(kReconnectPause);
    pause_.async_wait([self = shared_from_this()](error_code) { self->connect(); });
  }

  void record_without_ids(const std::string& reason) {
    record_.received_ns = now_ns();
    record_.no_ids_reason = reason;
    writer_.append(record_);
    ++totals_.without_ids;
  }

  bool one_in(unsigned n) { return std::uniform_int_distribution<unsigned>(1, n)(random_) == 1; }

  const HttpLoad& load_;
  const tcp::endpoint server_;
  Progress& progress_;
  Totals& totals_;
  HistoryWriter& writer_;
  std::mt19937_64 random_;
  beast::tcp_stream stream_;
  asio::steady_timer pause_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response<http::string_body> response_;
  Record record_;
  std::chrono::steady_clock::time_point last_answer_ = std::chrono::steady_clock::now();
};

// The clients of one thread, which share its writer.
void run_thread(const HttpLoad& load, tcp::endpoint server, unsigned thread, Progress& progress,
                Totals& totals) {
  try {
    HistoryWriter writer(load.history_path);
    asio::io_context io(1);
    for (unsigned number = thread; number < load.clients; number += kThreads) {
      std::make_shared<Client>(io, load, server, number, progress, totals, writer)->connect();
    }
    io.run();
    writer.flush();
  } catch (const std::exception& error) {
    progress.fail(error.what());
  }
}

}  // namespace

void run(const HttpLoad& load) {
  const tcp::endpoint server = parse_target(load.url);
  Progress progress(load.limits);
  Totals totals;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { run_thread(load, server, i, progress, totals); });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%ju ids in %ju answers, %ju requests without ids, %ju connections\n",
              std::uintmax_t{progress.ids()}, std::uintmax_t{totals.answered},
              std::uintmax_t{totals.without_ids}, std::uintmax_t{totals.connections});
  if (const std::string failure = progress.failure(); !failure.empty()) {
    throw std::runtime_error(failure);
  }
}

}  // namespace nextid::testing
