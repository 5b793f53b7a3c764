#include "store/etcd/client.h"

#include <array>
#include <filesystem>
#include <future>
#include <optional>
#include <utility>

#include "base/cat.h"
#include "base/file_access.h"
#include "base/file_reading.h"
#include "http_client/handles.h"
#include "http_client/secret_travel.h"
#include "http_client/url.h"
#include "store/etcd/conversation.h"

namespace nextid::store {
namespace {

using base::cat;

constexpr std::size_t kMostPasswordBytes = 4096;
/// For pages that are not asked for by an op.
constexpr std::chrono::milliseconds kPageLimit{2'000};

std::vector<bool> which_are_here(const std::vector<std::string>& endpoints) {
  std::vector<bool> are_here;
  for (const std::string& endpoint : endpoints) {
    const auto url = http_client::parse_url(endpoint);
    are_here.push_back(url && http_client::is_this_machine(*url));
  }
  return are_here;
}

void prepare(CURL* handle, const EtcdSettings& settings) {
  using http_client::set_option;
  if (!settings.ca_file.empty()) set_option(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
  if (!settings.cert_file.empty()) {
    set_option(handle, CURLOPT_SSLCERT, settings.cert_file.c_str());
    set_option(handle, CURLOPT_SSLKEY, settings.key_file.c_str());
  }
}

std::function<void(const std::string&)> told_as_error(const Log& log) {
  return [log](const std::string& why) {
    if (log) log(LogLevel::kError, cat("No id is given out any more: ", why, "."));
  };
}

Result<void> check_files(const EtcdSettings& settings) {
  const std::array<std::pair<const char*, const std::string*>, 3> files{
      {{"ca_file", &settings.ca_file},
       {"cert_file", &settings.cert_file},
       {"key_file", &settings.key_file}}};
  for (const auto& [name, path] : files) {
    std::error_code error;
    if (!path->empty() && !std::filesystem::is_regular_file(*path, error)) {
      return Error(ErrorCode::kInvalid, cat(name, " '", *path, "' is no file"));
    }
  }
  return {};
}

/// The first line of the file.
Result<void> read_password(EtcdSettings& settings, const Log& log) {
  const std::string& path = settings.password_file;
  if (path.empty()) return {};
  auto text = base::read_file(path, kMostPasswordBytes);
  if (text && !*text) text = Error(ErrorCode::kInvalid, "there is no such file");
  if (!text) {
    return Error(ErrorCode::kInvalid,
                 cat("can't read the password file ", path, ": ", text.error().what()));
  }
  if (const auto exposed = base::exposure_of_secret(path); exposed && log) {
    log(LogLevel::kWarning, *exposed);
  }
  settings.password = (*text)->substr(0, (*text)->find_first_of("\r\n"));
  if (!settings.password.empty()) return {};
  return Error(ErrorCode::kInvalid, cat("the password file ", path, " is empty"));
}

}  // namespace

EtcdMeans::EtcdMeans(EtcdSettings the_settings, Log log)
    : settings(std::move(the_settings)),
      are_here(which_are_here(settings.endpoints)),
      members(settings.endpoints.size()),
      identity(settings.url, told_as_error(log)),
      calls({.max_connections = 64,
             .prepare = [this](CURL* handle) { prepare(handle, settings); }}) {}

Result<std::shared_ptr<EtcdClient>> EtcdClient::open(EtcdSettings settings, Log log) {
  if (auto checked = check_files(settings); !checked) return checked.error();
  if (auto read = read_password(settings, log); !read) return read.error();
  try {
    auto means = std::make_shared<EtcdMeans>(std::move(settings), std::move(log));
    return std::shared_ptr<EtcdClient>(new EtcdClient(std::move(means)));
  } catch (const std::exception& failure) {
    return Error(ErrorCode::kUnavailable, failure.what());
  }
}

http_client::Call EtcdMeans::call_of(std::size_t member, const char* path) const {
  http_client::Call call;
  call.url = settings.endpoints[member] + path;
  // What stays on this machine goes through no proxy.
  call.prepare = [is_here = are_here[member]](CURL* handle) {
    http_client::set_option(handle, CURLOPT_NOPROXY, is_here ? "*" : nullptr);
  };
  return call;
}

void EtcdClient::call(EtcdRequest request, std::function<void(EtcdReply)> done) {
  std::make_shared<EtcdConversation>(means_, std::move(request), std::move(done))->start();
}

void EtcdClient::get(const char* path, std::function<void(http_client::Answer)> done) {
  http_client::Call call = means_->call_of(means_->members.current(), path);
  call.limit = kPageLimit;
  call.done = std::move(done);
  means_->calls.send(std::move(call));
}

EtcdReply call_and_wait(EtcdClient& client, EtcdRequest request) {
  std::promise<EtcdReply> promise;
  client.call(std::move(request),
              [&promise](EtcdReply reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

}  // namespace nextid::store
