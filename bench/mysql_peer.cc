// Ids from a row of MariaDB or MySQL as a user's program would take them, for
// bench/strict_store.py:
//
//   nextid_mysql_peer PORT USER DATABASE CLIENTS SECONDS
//
// Each client is a connection with the statement prepared, and asks for the next id when it has
// one. Nothing else is done for an id, so that the figure is the server's and not the client's:
// mysqlslap sends text, which the server parses each time, and counts the connecting. Prints "IDS
// ids in SECONDS s".
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <mysql.h>
#include <numeric>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kNextId =
    "UPDATE bench_counter SET v = LAST_INSERT_ID(v + 1) WHERE id = 1";

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "nextid_mysql_peer: %s: %s\n", what, why);
  std::_Exit(1);
}

struct Place {
  unsigned port = 0;
  const char* user = nullptr;
  const char* database = nullptr;
};

class Client {
 public:
  explicit Client(const Place& place) : connection_(mysql_init(nullptr)) {
    const unsigned tcp = MYSQL_PROTOCOL_TCP;
    mysql_options(connection_.get(), MYSQL_OPT_PROTOCOL, &tcp);
    if (!mysql_real_connect(connection_.get(), "127.0.0.1", place.user, nullptr, place.database,
                            place.port, nullptr, 0)) {
      fail("cannot connect", mysql_error(connection_.get()));
    }
    statement_.reset(mysql_stmt_init(connection_.get()));
    if (mysql_stmt_prepare(statement_.get(), kNextId.data(), kNextId.size()) != 0) fail_statement();
  }

  /// How many ids came until then.
  std::uint64_t ask_until(Clock::time_point end) {
    std::uint64_t ids = 0;
    std::uint64_t last = 0;
    for (; Clock::now() < end; ++ids) {
      if (mysql_stmt_execute(statement_.get()) != 0) fail_statement();
      const std::uint64_t id = mysql_stmt_insert_id(statement_.get());
      if (id <= last) fail("no id", "the answer has none above the one before");
      last = id;
    }
    return ids;
  }

 private:
  struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
    void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
  };

  [[noreturn]] void fail_statement() { fail("no id", mysql_stmt_error(statement_.get())); }

  std::unique_ptr<MYSQL, Close> connection_;
  std::unique_ptr<MYSQL_STMT, Close> statement_;
};

/// A positive number.
unsigned number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) {
    fail("no number", std::string(text).c_str());
  }
  return value;
}

}  // namespace

int main(int count, char** words) {
  if (count != 6) fail("usage", "nextid_mysql_peer PORT USER DATABASE CLIENTS SECONDS");
  const Place place = {number(words[1]), words[2], words[3]};
  const unsigned clients = number(words[4]);
  const std::chrono::seconds length(number(words[5]));

  mysql_library_init(0, nullptr, nullptr);
  std::vector<std::uint64_t> ids(clients);
  std::latch connected(clients + 1);
  std::vector<std::jthread> threads;
  threads.reserve(clients);
  for (std::uint64_t& mine : ids) {
    threads.emplace_back([&place, &connected, &mine, length] {
      mysql_thread_init();
      {
        Client client(place);
        connected.arrive_and_wait();
        mine = client.ask_until(Clock::now() + length);
      }
      mysql_thread_end();
    });
  }
  connected.arrive_and_wait();
  const auto began = Clock::now();
  threads.clear();  // Waits for them.
  const std::chrono::duration<double> took = Clock::now() - began;
  std::printf(
      "%llu ids in %.3f s\n",
      static_cast<unsigned long long>(std::accumulate(ids.begin(), ids.end(), std::uint64_t{0})),
      took.count());
  return 0;
}
