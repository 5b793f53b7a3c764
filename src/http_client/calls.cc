#include "http_client/calls.h"

#include <algorithm>
#include <array>
#include <deque>
#include <fcntl.h>
#include <map>
#include <thread>
#include <utility>

#include "nextid/version.h"

#include "base/cat.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "http_client/handles.h"

namespace nextid::http_client {
namespace {

using base::cat;

/// The longest answers are pages of lists: 1 MB of items, which as JSON are a few times that.
constexpr std::size_t kMaxBodyBytes = 16 * 1024 * 1024;
constexpr int kLongestSleepMs = 10'000;  // Woken earlier by whatever happens.

/// A handle, the call it makes, and the answer as it arrives.
struct Transfer {
  CurlHandle handle = new_curl_handle();
  CurlHeaders headers;
  Call call;
  Answer answer;
  std::array<char, CURL_ERROR_SIZE> error{};
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  std::string& body = static_cast<Transfer*>(user)->answer.body;
  if (body.size() + size * count > kMaxBodyBytes) return 0;
  body.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  static_cast<Transfer*>(user)->answer.head.append(data, size * count);
  return size * count;
}

/// Programs that this process starts must not hold our connections open.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

void prepare_for_all(Transfer& transfer) {
  CURL* handle = transfer.handle.get();
  const std::string user_agent = cat("nextid/", kVersion);
  set_option(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set_option(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set_option(handle, CURLOPT_USERAGENT, user_agent.c_str());
  set_option(handle, CURLOPT_NOSIGNAL, 1L);
  set_option(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set_option(handle, CURLOPT_SOCKOPTFUNCTION, &close_on_exec);
  set_option(handle, CURLOPT_WRITEFUNCTION, &take_body);
  set_option(handle, CURLOPT_WRITEDATA, &transfer);
  set_option(handle, CURLOPT_HEADERFUNCTION, &take_header);
  set_option(handle, CURLOPT_HEADERDATA, &transfer);
  set_option(handle, CURLOPT_ERRORBUFFER, transfer.error.data());
  set_option(handle, CURLOPT_PRIVATE, &transfer);
}

void set_body(CURL* handle, const std::optional<std::string>& body) {
  if (!body) return set_option(handle, CURLOPT_HTTPGET, 1L);
  set_option(handle, CURLOPT_POST, 1L);
  set_option(handle, CURLOPT_POSTFIELDS, body->c_str());
  set_option(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
}

void set_call(Transfer& transfer, Call call) {
  transfer.call = std::move(call);
  transfer.answer = {};
  transfer.error[0] = '\0';
  transfer.headers.reset();
  const Call& now = transfer.call;
  for (const std::string& line : now.headers) append_header(transfer.headers, line);
  CURL* handle = transfer.handle.get();
  const auto connecting = now.connecting.count() > 0 ? now.connecting : now.limit;
  set_option(handle, CURLOPT_URL, now.url.c_str());
  set_option(handle, CURLOPT_HTTPHEADER, transfer.headers.get());
  set_body(handle, now.body);
  set_option(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(now.limit.count()));
  set_option(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connecting.count()));
  if (now.prepare) now.prepare(handle);
}

/// How long an address is kept. Endpoints move: AWS' own answers are good for 5 s.
constexpr long kAddressLifetimeSeconds = 5;

/// Where a call goes: after one that did not get through, neither to an address from before nor
/// over a connection to it.
void set_way(Transfer& transfer, bool got_through) {
  CURL* handle = transfer.handle.get();
  set_option(handle, CURLOPT_DNS_CACHE_TIMEOUT, got_through ? kAddressLifetimeSeconds : 0L);
  set_option(handle, CURLOPT_FRESH_CONNECT, got_through ? 0L : 1L);
}

/// Counts what libcurl sent over an earlier connection, too, if it repeated the request by itself.
bool is_never_sent(CURL* handle) {
  long sent_bytes = 1;
  curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent_bytes);
  return sent_bytes == 0;
}

void fail(Call& call, const std::string& why) {
  Answer answer;
  answer.failure = why;
  answer.never_sent = true;
  call.done(std::move(answer));
}

}  // namespace

class Calls::Impl : public std::enable_shared_from_this<Calls::Impl> {
 public:
  explicit Impl(CallsOptions options);

  void start() {
    const base::Lock lock(mutex_);
    thread_ = std::thread([self = shared_from_this()] { self->run(); });
  }
  void send(Call call);
  bool after(std::chrono::milliseconds delay, std::function<void()> then);
  void stop();

 private:
  void run();
  bool start_waiting();
  void run_due();
  int sleep_ms();
  void start(Call call);
  void finish_done();
  void finish(Transfer& transfer, CURLcode code);
  std::unique_ptr<Transfer> spare_transfer();

  const CallsOptions options_;
  const CurlMulti multi_ = new_curl_multi();

  base::Mutex mutex_;
  std::deque<Call> waiting_ NEXTID_GUARDED_BY(mutex_);
  std::multimap<base::MonotonicTime, std::function<void()>> timers_ NEXTID_GUARDED_BY(mutex_);
  bool stopping_ NEXTID_GUARDED_BY(mutex_) = false;
  std::thread thread_ NEXTID_GUARDED_BY(mutex_);

  // Of the thread alone.
  bool got_through_ = true;  // The call that ended last.
  std::map<Transfer*, std::unique_ptr<Transfer>> in_flight_;
  std::vector<std::unique_ptr<Transfer>> spare_;
};

Calls::Impl::Impl(CallsOptions options) : options_(std::move(options)) {
  const auto connections = static_cast<long>(options_.max_connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, connections);
  spare_.push_back(spare_transfer());  // So that bad options show here.
}

void Calls::Impl::send(Call call) {
  {
    const base::Lock lock(mutex_);
    if (!stopping_) {
      waiting_.push_back(std::move(call));
      if (waiting_.size() == 1) curl_multi_wakeup(multi_.get());
      return;
    }
  }
  fail(call, "the store is closed");
}

bool Calls::Impl::after(std::chrono::milliseconds delay, std::function<void()> then) {
  const base::Lock lock(mutex_);
  if (stopping_) return false;
  const auto timer = timers_.emplace(base::monotonic_now() + delay, std::move(then));
  if (timer == timers_.begin()) curl_multi_wakeup(multi_.get());
  return true;
}

void Calls::Impl::stop() {
  std::thread thread;
  {
    const base::Lock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  curl_multi_wakeup(multi_.get());
  if (!thread.joinable()) return;
  // Called from one of the thread's own answers: the thread ends by itself, and keeps this object
  // until then.
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

void Calls::Impl::run() {
  while (start_waiting()) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    finish_done();
    run_due();
    if (const int ms = sleep_ms(); ms > 0) {
      curl_multi_poll(multi_.get(), nullptr, 0, ms, nullptr);
    }
  }
}

/// Runs the timers whose time has come; all of them when this object stops.
void Calls::Impl::run_due() {
  base::Lock lock(mutex_);
  const auto now = base::monotonic_now();
  while (!timers_.empty() && (stopping_ || timers_.begin()->first <= now)) {
    const auto due = timers_.extract(timers_.begin());
    lock.unlock();
    due.mapped()();
    lock.lock();
  }
}

/// The time until the next timer; 0 when an answer has made work, or room for it, or was the last.
int Calls::Impl::sleep_ms() {
  const base::Lock lock(mutex_);
  const bool can_start = !waiting_.empty() && in_flight_.size() < options_.max_connections;
  if (can_start || (stopping_ && (in_flight_.empty() || !timers_.empty()))) return 0;
  if (timers_.empty()) return kLongestSleepMs;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - base::monotonic_now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kLongestSleepMs));
}

/// False when all is done and nothing more will come.
bool Calls::Impl::start_waiting() {
  base::Lock lock(mutex_);
  while (!waiting_.empty() && in_flight_.size() < options_.max_connections) {
    Call call = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    start(std::move(call));
    lock.lock();
  }
  return !stopping_ || !waiting_.empty() || !in_flight_.empty() || !timers_.empty();
}

void Calls::Impl::start(Call call) {
  std::unique_ptr<Transfer> transfer = spare_transfer();
  set_call(*transfer, std::move(call));
  set_way(*transfer, got_through_);
  const CURLMcode code = curl_multi_add_handle(multi_.get(), transfer->handle.get());
  if (code != CURLM_OK) return fail(transfer->call, curl_multi_strerror(code));
  Transfer* key = transfer.get();
  in_flight_.emplace(key, std::move(transfer));
}

std::unique_ptr<Transfer> Calls::Impl::spare_transfer() {
  if (spare_.empty()) {
    auto transfer = std::make_unique<Transfer>();
    prepare_for_all(*transfer);
    if (options_.prepare) options_.prepare(transfer->handle.get());
    return transfer;
  }
  auto transfer = std::move(spare_.back());
  spare_.pop_back();
  return transfer;
}

void Calls::Impl::finish_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* user = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
    curl_multi_remove_handle(multi_.get(), message->easy_handle);
    finish(*static_cast<Transfer*>(user), code);
  }
}

void Calls::Impl::finish(Transfer& transfer, CURLcode code) {
  const auto node = in_flight_.extract(&transfer);
  Call call = std::move(transfer.call);
  Answer answer = std::move(transfer.answer);
  got_through_ = code == CURLE_OK;
  if (code != CURLE_OK) {
    answer.failure = transfer.error[0] != '\0' ? transfer.error.data() : curl_easy_strerror(code);
    answer.never_sent = is_never_sent(transfer.handle.get());
    answer.certificate_refused =
        code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
  }
  curl_easy_getinfo(transfer.handle.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  spare_.push_back(std::move(node.mapped()));
  call.done(std::move(answer));
}

Calls::Calls(CallsOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}

Calls::~Calls() { stop(); }

void Calls::send(Call call) { impl_->send(std::move(call)); }

bool Calls::after(std::chrono::milliseconds delay, std::function<void()> then) {
  return impl_->after(delay, std::move(then));
}

void Calls::stop() { impl_->stop(); }

}  // namespace nextid::http_client
