#include "net/resp_connection.h"

#include <chrono>
#include <memory>
#include <unistd.h>
#include <utility>

#include <boost/asio/post.hpp>

#include "nextid/version.h"

#include "base/glob.h"
#include "net/counter_calls.h"
#include "net/resp_counting.h"
#include "protocol/resp_access.h"
#include "protocol/resp_reply.h"

namespace nextid::net {
namespace {

using protocol::RespLookup;
using protocol::RespVersion;

constexpr std::size_t kFirstInputBytes = 4 * 1024;
// The version of Redis whose answers these are like; clients look for what it can do.
constexpr std::string_view kRedisVersion = "7.0.0";

}  // namespace

RespConnection::RespConnection(IoThread& io, Stream stream, RespNode& node)
    : PipelinedConnection(io, std::move(stream), node.settings, kFirstInputBytes,
                          stats::Protocol::kResp),
      node_(node),
      parser_(node.limits),
      caller_(node.access) {
  session_.id = ++node.last_client;
}

void RespConnection::refuse_as_too_many() {
  answer_error("ERR", "The server has its limit of " + std::to_string(settings().max_connections) +
                          " connections; try again soon, or elsewhere.");
  close_after_answers();
}

void RespConnection::refuse_as_too_slow() {
  route_ = stats::Route::kOtherResp;
  answer_error("ERR", "The command did not arrive whole within " +
                          std::to_string(settings().header_timeout.count()) + " ms.");
  close_after_answers();
}

bool RespConnection::take_input() {
  bool took_command = false;
  while (may_take_request() && !input().empty()) {
    const auto outcome = parser_.feed(input());
    consume(outcome.consumed);
    if (outcome.status == protocol::RespParser::Status::kNeedMore) break;
    if (outcome.status == protocol::RespParser::Status::kError) {
      route_ = stats::Route::kOtherResp;
      answer_error("ERR", "Protocol error: " + parser_.error() + ".");
      close_after_answers();
      break;
    }
    took_command = true;
    take(protocol::RespCommand{parser_.arguments(), parser_.was_inline()});
  }
  return took_command;
}

// --- Commands

void RespConnection::take(const protocol::RespCommand& command) {
  auto routed = protocol::route_of(command, session_, settings().max_range);
  route_ = routed.counted_as;
  if (auto refusal = protocol::check_access(routed, caller_)) {
    return answer_now(*std::move(refusal));
  }
  std::visit([this](auto&& call) { take(std::move(call)); }, std::move(routed.call));
}

void RespConnection::take(const protocol::RespIncrement& call) {
  GeneratorHold hold = generator(call.counter);
  // With others before it, it must wait for its turn: ids of a connection grow.
  RespEntry& entry = add(route_);
  if (call.count == 1 && queue().size() == 1) {
    if (const std::uint64_t id = hold->try_next_id()) {
      entry.generator = std::move(hold);
      return answer(last_tag(), Result<IdRange>(IdRange(id, 1, 1)));
    }
  }
  ask(std::move(hold), call.count);
}

void RespConnection::take(protocol::RespLookup&& call) {
  call_store([this, call = std::move(call)](Answer answer) {
    find_counters(
        io().store(), call.counters,
        [answer = std::move(answer), kind = call.kind](std::vector<Result<CounterInfo>> found) {
          answer([kind, found = std::move(found)](RespConnection& connection) {
            return connection.lookup_answer(kind, found);
          });
        });
  });
}

void RespConnection::take(protocol::RespScan&& call) {
  const auto after = node_.cursors.find(call.cursor);
  if (!after) {
    return answer_error("ERR", "The cursor " + std::to_string(call.cursor) +
                                   " is not known here, or no more: begin the scan again with 0.");
  }
  scan(call, *after);
}

void RespConnection::scan(const protocol::RespScan& call, const std::string& after) {
  call_store([this, call, after](Answer answer) {
    io().store().async_counters(
        after, call.count, [answer = std::move(answer), call](Result<CounterPage> page) {
          answer([call, page = std::move(page)](RespConnection& connection) {
            if (page) return connection.scan_answer(call, *page);
            std::string bytes;
            protocol::append_error(bytes, page.error());
            return bytes;
          });
        });
  });
}

std::string RespConnection::scan_answer(const protocol::RespScan& call, const CounterPage& page) {
  std::vector<std::string_view> names;
  for (const CounterInfo& counter : page.counters) {
    const bool fits = call.pattern.empty() || base::glob_matches(call.pattern, counter.name);
    if (fits && call.strings) names.push_back(counter.name);
  }
  const bool more = page.more && !page.counters.empty();
  const std::uint64_t cursor = more ? node_.cursors.add(page.counters.back().name) : 0;
  std::string bytes;
  protocol::append_array_head(bytes, 2);
  protocol::append_bulk(bytes, std::to_string(cursor));
  protocol::append_array_head(bytes, names.size());
  for (const std::string_view name : names) protocol::append_bulk(bytes, name);
  return bytes;
}

void RespConnection::take(protocol::RespCountCounters) {
  call_store([this](Answer answer) {
    count_counters(io().store(), [answer = std::move(answer)](Result<std::uint64_t> count) {
      answer([count = std::move(count)](RespConnection&) {
        std::string bytes;
        if (count) {
          protocol::append_integer(bytes, static_cast<std::int64_t>(*count));
        } else {
          protocol::append_error(bytes, count.error());
        }
        return bytes;
      });
    });
  });
}

std::string RespConnection::lookup_answer(RespLookup::Kind kind,
                                          const std::vector<Result<CounterInfo>>& found) const {
  std::string bytes;
  std::int64_t exist = 0;
  for (const auto& counter : found) {
    if (counter) {
      ++exist;
    } else if (counter.error().code() != ErrorCode::kNotFound) {
      protocol::append_error(bytes, counter.error());
      return bytes;
    }
  }
  if (kind == RespLookup::Kind::kExists) {
    protocol::append_integer(bytes, exist);
  } else if (kind == RespLookup::Kind::kType) {
    protocol::append_simple(bytes, exist > 0 ? "string" : "none");
  } else {
    if (kind == RespLookup::Kind::kMGet) protocol::append_array_head(bytes, found.size());
    for (const auto& counter : found) {
      if (counter && counter->value) {
        protocol::append_bulk(bytes, std::to_string(*counter->value));
      } else {
        protocol::append_null(bytes, session_.version);
      }
    }
  }
  return bytes;
}

void RespConnection::take(protocol::RespGreeting&& call) {
  if (call.secret) {
    if (!node_.access.needs_tokens()) {
      return answer_error("ERR",
                          "AUTH was sent, but this server has no tokens: connect without a "
                          "password, or start it with --tokens FILE.");
    }
    if (!caller_.sign_in(*call.secret)) {
      return answer_error("WRONGPASS",
                          "This is no token of this server; the user's name does not "
                          "matter, the token is the password.");
    }
  }
  if (!call.hello) return answer_now("+OK\r\n");
  if (node_.access.needs_tokens() && caller_.name().empty()) {
    return answer_error("NOAUTH", "This server wants a token first: HELLO 3 AUTH default <token>.");
  }
  if (call.version) session_.version = *call.version;
  if (call.client_name) session_.client_name = *std::move(call.client_name);
  answer_now(greeting());
}

std::string RespConnection::greeting() const {
  const RespVersion version = session_.version;
  std::string bytes;
  protocol::append_map_head(bytes, 7, version);
  const auto add_text = [&bytes](std::string_view key, std::string_view value) {
    protocol::append_bulk(bytes, key);
    protocol::append_bulk(bytes, value);
  };
  add_text("server", "nextid");
  add_text("version", kVersion);
  protocol::append_bulk(bytes, "proto");
  protocol::append_integer(bytes, static_cast<int>(version));
  protocol::append_bulk(bytes, "id");
  protocol::append_integer(bytes, static_cast<std::int64_t>(session_.id));
  add_text("mode", "standalone");
  add_text("role", "master");
  protocol::append_bulk(bytes, "modules");
  protocol::append_array_head(bytes, 0);
  return bytes;
}

void RespConnection::take(protocol::RespInfo) { answer_now(info()); }

std::string RespConnection::info() const {
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(base::monotonic_now() - node_.started);
  const Accounting accounting = io().store().accounting();
  const std::string text =
      "# Server\r\nredis_version:" + std::string(kRedisVersion) +
      "\r\nnextid_version:" + std::string(kVersion) +
      "\r\nredis_mode:standalone\r\nprocess_id:" + std::to_string(::getpid()) +
      "\r\ntcp_port:" + std::to_string(node_.port) +
      "\r\nuptime_in_seconds:" + std::to_string(up.count()) +
      "\r\n\r\n# Clients\r\nconnected_clients:" + std::to_string(node_.open_connections()) +
      "\r\nmaxclients:" + std::to_string(settings().max_connections) +
      "\r\n\r\n# Persistence\r\nloading:0\r\n\r\n# Stats\r\nids_returned:" +
      std::to_string(accounting.returned) +
      "\r\nids_burned:" + std::to_string(accounting.burned_total()) +
      "\r\nreservations:" + std::to_string(accounting.reservations) +
      "\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
  std::string bytes;
  protocol::append_text(bytes, text, session_.version);
  return bytes;
}

void RespConnection::take(protocol::RespReset) {
  caller_.sign_out();
  session_.version = RespVersion::kResp2;
  session_.client_name.clear();
  answer_now("+RESET\r\n");
}

void RespConnection::take(protocol::RespQuit) {
  answer_now("+OK\r\n");
  close_after_answers();
}

void RespConnection::take(protocol::RespHttp) {
  if (++node_.http_cut_off == 1 && node_.log) {
    node_.log(LogLevel::kWarning,
              "A client spoke HTTP to the RESP port and was cut off; so will be others, without a "
              "line each. If it was meant well, HTTP is on the address of --http.");
  }
  abort();
}

// --- Calls of the store

void RespConnection::call_store(std::function<void(Answer)> call) {
  add(route_);
  call_in_turn([this, call = std::move(call)] {
    const auto self = std::static_pointer_cast<RespConnection>(shared_from_this());
    call([self](std::function<std::string(RespConnection&)> render) {
      boost::asio::post(self->io().context(), [self, render = std::move(render)] {
        self->end_call(self->closed() ? std::string() : render(*self));
      });
    });
  });
}

// --- Answers

void RespConnection::answer_now(std::string bytes) {
  add(route_);
  answer(last_tag(), std::move(bytes));
}

void RespConnection::answer_error(std::string_view code, std::string_view sentence) {
  std::string bytes;
  protocol::append_error(bytes, code, sentence);
  answer_now(std::move(bytes));
}

void RespConnection::write(RespEntry& entry) {
  if (const auto* range = std::get_if<Result<IdRange>>(&entry.answer)) {
    count(entry, *range);
    if (!*range) return protocol::append_error(output(), range->error());
    protocol::append_integer(output(), static_cast<std::int64_t>((*range)->end()));
    put_ids(entry, **range);
  } else {
    const auto& bytes = std::get<std::string>(entry.answer);
    stats().count(entry.route, ending_of_resp(bytes));
    output() += bytes;
  }
}

}  // namespace nextid::net
