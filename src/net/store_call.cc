#include "net/store_call.h"

#include <type_traits>
#include <utility>

namespace nextid::net {
namespace {

using Done = std::function<void(protocol::Reply)>;

// A receiver for the store that makes an answer of its result.
template <typename Render>
auto answer(Done done, Render render) {
  return [done = std::move(done), render](const auto& result) {
    done(result ? render(*result) : protocol::problem_reply(protocol::problem_of(result.error())));
  };
}

auto show_counter(protocol::IdFormat ids) {
  return [ids](const CounterInfo& counter) { return protocol::counter_reply(counter, ids); };
}

void start(const protocol::ListCounters& call, const Store& store, Done done) {
  store.async_counters(call.after, call.limit,
                       answer(std::move(done), [ids = call.ids](const CounterPage& page) {
                         return protocol::counters_reply(page, ids);
                       }));
}

void start(const protocol::ShowCounter& call, const Store& store, Done done) {
  store.async_counter(call.name, answer(std::move(done), show_counter(call.ids)));
}

// A counter that has stopped makes the whole node not ready: the store was set back or exchanged,
// and the counters that nobody has asked for since are no better. For good, so that it is corrupt,
// and 503 since that is what those who ask act on.
protocol::Reply not_ready(std::string why) {
  return protocol::problem_reply(
      {.status = 503, .code = to_string(ErrorCode::kCorrupt), .detail = std::move(why)});
}

// Reads one counter: a list would read all of a DynamoDB table, for each probe.
void start(const protocol::Ready&, const Store& store, const ReportSource& reports, Done done) {
  if (std::string why = reports.doubt(); !why.empty()) return done(not_ready(std::move(why)));
  const auto ready = answer(std::move(done), [](bool) { return protocol::status_reply("ready"); });
  store.async_counter(kDefaultCounter, [ready](const Result<CounterInfo>& counter) {
    const bool store_answers = counter || counter.error().code() != ErrorCode::kUnavailable;
    ready(store_answers ? Result<bool>(true) : Result<bool>(counter.error()));
  });
}

void start(const protocol::DefineCounter& call, const Store& store, Done done) {
  store.async_define(call.name, call.change,
                     answer(std::move(done), [ids = call.ids](const DefinedCounter& defined) {
                       return protocol::defined_reply(defined, ids);
                     }));
}

void start(const protocol::AdvanceCounter& call, const Store& store, Done done) {
  store.async_advance(call.name, call.to, answer(std::move(done), show_counter(call.ids)));
}

}  // namespace

void start_store_call(const StoreCall& call, const Store& store, ReportSource& reports, Done done) {
  std::visit(
      [&]<typename Call>(const Call& chosen) {
        if constexpr (requires { reports.report(chosen, done); }) {
          reports.report(chosen, std::move(done));
        } else if constexpr (std::is_same_v<Call, protocol::Ready>) {
          start(chosen, store, reports, std::move(done));
        } else {
          start(chosen, store, std::move(done));
        }
      },
      call);
}

}  // namespace nextid::net
