#include "conformance/etcd_tap.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <memory>
#include <utility>

#include "base/cat.h"
#include "conformance/etcd_server.h"
#include "http_client/calls.h"

namespace nextid::test {

using base::cat;
using testing::HttpCall;
using testing::HttpReply;

EtcdTap::EtcdTap() : server_([this](const HttpCall& call) { return answer(call); }) {}

void EtcdTap::plan(Plan plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

void EtcdTap::once(std::function<bool(const HttpCall&)> chosen, EtcdFate fate) {
  auto met = std::make_shared<bool>(false);
  plan([met, chosen = std::move(chosen), fate = std::move(fate)](const HttpCall& call) {
    if (*met || !chosen(call)) return EtcdFate();
    *met = true;
    return fate;
  });
}

HttpReply EtcdTap::answer(const HttpCall& call) {
  EtcdFate fate;
  {
    const std::lock_guard lock(mutex_);
    if (plan_) fate = plan_(call);
  }
  HttpReply reply;
  if (fate.passes) reply = pass_on(call);
  return fate.answer.value_or(reply);
}

store::EtcdSettings EtcdTap::settings(const std::string& prefix) const {
  store::EtcdSettings settings = EtcdServer::instance().settings(prefix);
  settings.endpoints = {url()};
  return settings;
}

std::vector<HttpCall> EtcdTap::calls(const std::function<bool(const HttpCall&)>& chosen) const {
  const std::vector<HttpCall> all = server_.calls();
  std::vector<HttpCall> some;
  std::copy_if(all.begin(), all.end(), std::back_inserter(some), chosen);
  return some;
}

HttpReply EtcdTap::pass_on(const HttpCall& call) {
  http_client::Calls calls({});
  std::promise<http_client::Answer> promise;
  http_client::Call out;
  out.url =
      cat(EtcdServer::instance().settings("any").endpoints.front(), std::string(call.target()));
  out.headers = {"Content-Type: application/json"};
  if (call.method_string() == "POST") out.body = call.body();
  out.limit = std::chrono::seconds(10);
  out.done = [&promise](http_client::Answer answer) { promise.set_value(std::move(answer)); };
  calls.send(std::move(out));
  const auto answer = promise.get_future().get();
  return {static_cast<unsigned>(answer.status), answer.body};
}

bool is_write(const HttpCall& call) {
  return call.body().find("request_put") != std::string::npos ||
         call.body().find("request_delete") != std::string::npos;
}

bool is_read(const HttpCall& call) { return call.target() == "/v3/kv/txn" && !is_write(call); }

HttpReply etcd_error_reply(int code, const std::string& message) {
  return {503,
          cat("{\"error\":\"", message, "\",\"message\":\"", message, "\",\"code\":", code, "}")};
}

}  // namespace nextid::test
