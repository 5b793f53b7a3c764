// Ids from a key of etcd as a user's program would take them, for bench/strict_store.py:
//
//   nextid_etcd_peer PORT CLIENTS SECONDS
//
// etcd can't add, so each client does a compare-and-swap: the key is written if it is still at the
// revision that the client saw last; if not, the same transaction reads it, and the client tries
// again at once, as the STM of etcd's own client does. One client alone takes one round trip an id.
// All are on one thread over libcurl and the JSON gateway, by the same parts that nextid's store
// uses: the figures differ by what is asked, not by how. Prints "IDS ids in SECONDS s, TRANSACTIONS
// transactions".
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "http_client/calls.h"
#include "store/etcd/txn.h"

namespace {

using nextid::http_client::Answer;
using nextid::http_client::Calls;
using nextid::store::EtcdEntry;
using nextid::store::EtcdTxn;
using nextid::store::EtcdTxnAnswer;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kKey = "bench_counter";
constexpr std::chrono::seconds kCallLimit{30};

[[noreturn]] void fail(const char* what, const std::string& why) {
  std::fprintf(stderr, "nextid_etcd_peer: %s: %s\n", what, why.c_str());
  std::_Exit(1);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    fail("no number", std::string(text));
  return value;
}

/// What the clients share; used on the thread of `calls` alone.
struct Load {
  Calls& calls;
  std::string url;
  Clock::time_point end;
  std::latch running;
  std::uint64_t ids = 0;
  std::uint64_t transactions = 0;
};

class Client {
 public:
  explicit Client(Load& load) : load_(load) {}

  void ask() {
    EtcdTxn txn;
    if (revision_ == 0) {
      txn.if_absent(kKey);
    } else {
      txn.if_at(kKey, revision_);
    }
    txn.then_put(kKey, std::to_string(value_ + 1)).else_get(kKey);
    load_.calls.send({.url = load_.url,
                      .headers = {"Content-Type: application/json"},
                      .body = txn.body(),
                      .limit = kCallLimit,
                      .done = [this](Answer answer) { answered(answer); }});
  }

 private:
  void answered(const Answer& answer) {
    if (!answer.failure.empty()) fail("no answer", answer.failure);
    if (answer.status != 200) fail("etcd answered", answer.body);
    const auto txn = nextid::store::parse_txn_answer(boost::json::parse(answer.body).as_object());
    if (!txn) fail("etcd answered", answer.body);
    see(*txn);
    if (Clock::now() < load_.end) {
      ask();
    } else {
      load_.running.count_down();
    }
  }

  void see(const EtcdTxnAnswer& txn) {
    ++load_.transactions;
    if (txn.succeeded) {
      ++load_.ids;
      ++value_;
      revision_ = txn.revision;
      return;
    }
    const EtcdEntry* entry = txn.ranges.empty() ? nullptr : txn.ranges.front().only();
    value_ = entry ? number(entry->value) : 0;
    revision_ = entry ? entry->mod_revision : 0;
  }

  Load& load_;
  std::uint64_t value_ = 0;
  nextid::store::EtcdRevision revision_ = 0;  // 0 where there was no key.
};

}  // namespace

int main(int count, char** words) {
  if (count != 4) fail("usage", "nextid_etcd_peer PORT CLIENTS SECONDS");
  const std::string port = words[1];
  const std::uint64_t clients = number(words[2]);
  const std::chrono::seconds length(number(words[3]));

  Calls calls({.max_connections = clients});
  const auto began = Clock::now();
  Load load{calls, "http://127.0.0.1:" + port + "/v3/kv/txn", began + length,
            std::latch(static_cast<std::ptrdiff_t>(clients))};
  std::vector<Client> all(clients, Client(load));
  calls.after(std::chrono::milliseconds(0), [&all] {
    for (Client& client : all) client.ask();
  });
  load.running.wait();
  const std::chrono::duration<double> took = Clock::now() - began;
  calls.stop();
  std::printf("%llu ids in %.3f s, %llu transactions\n", static_cast<unsigned long long>(load.ids),
              took.count(), static_cast<unsigned long long>(load.transactions));
  return 0;
}
