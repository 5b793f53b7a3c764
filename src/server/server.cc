#include "server/server.h"

#include <algorithm>
#include <utility>

#include "nextid/version.h"

#include "base/clock.h"
#include "net/http_connection.h"
#include "net/resp_connection.h"
#include "server/opening_line.h"
#include "server/protected_mode.h"

namespace nextid::server {
namespace {

using std::chrono::milliseconds;

// Clients over the limit that are told so; beyond these they are closed without a word.
constexpr std::size_t kMaxRefusals = 256;

// None to speak of: pools of Redis clients keep connections for as long as they live. Not the
// largest number, which nanoseconds do not hold.
constexpr std::chrono::hours kRespIdleTimeout{24 * 365 * 100};

// Time limits are kept to within a quarter of the shortest.
milliseconds sweep_period(const net::ClientSettings& settings) {
  const auto shortest =
      std::min({settings.header_timeout, settings.idle_timeout, settings.write_timeout});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(500));
}

milliseconds until(base::MonotonicTime deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - base::monotonic_now());
  return std::max(left, milliseconds(0));
}

std::string describe(const Accounting& accounting) {
  std::string text = "returned " + std::to_string(accounting.returned) + " ids in " +
                     std::to_string(accounting.reservations) + " reservations, burned " +
                     std::to_string(accounting.burned_total()) + " (";
  for (std::size_t i = 0; i < kBurnReasons; ++i) {
    const auto reason = static_cast<BurnReason>(i);
    if (i > 0) text += ", ";
    text += std::string(to_string(reason)) + " " + std::to_string(accounting.burned_by(reason));
  }
  return text + ")";
}

protocol::BrowserGuard::Settings browser_settings(const Config& config) {
  return {.listen_host = config.http.host,
          .allowed_hosts = config.allowed_hosts,
          .check_host = config.tokens.empty()};
}

void warn_of_exposure(const Logger& logger, const std::string& path) {
  if (const auto warning = auth::exposure_of_file(path)) logger.warning(*warning);
}

void log_opening(const Logger& logger, const Store& store) {
  const StoreOpening& opening = store.opening();
  logger.info(opening_line(store), {{"opening", std::string(opening.made ? "made" : "opened")},
                                    {"identity", opening.identity}});
  if (!opening.remark.empty()) logger.info(opening.remark);
}

// Before the store is touched. What a name stands for is known when it is listened on.
Result<void> check_addresses(const Config& config, const ListeningSockets& sockets) {
  const auto check = [&](const net::HostPort& address) {
    return check_exposure(config, address, net::may_be_loopback(address.host));
  };
  if (!sockets.http) {
    if (const auto allowed = check(config.http); !allowed) return allowed;
  }
  if (config.resp && !sockets.resp) return check(*config.resp);
  return {};
}

}  // namespace

Result<Server::Front> Server::open_front(const Config& config) {
  auto access = auth::Access::open(config.tokens);
  if (!access) return access.error();
  Front front{.access = *std::move(access), .tls = nullptr};
  if (config.tls.certificate.empty()) return front;
  auto tls = net::TlsServer::open(config.tls);
  if (!tls) return tls.error();
  front.tls = *std::move(tls);
  return front;
}

Result<std::unique_ptr<Server>> Server::start(const Config& config,
                                              const ListeningSockets& sockets) {
  if (const auto allowed = check_addresses(config, sockets); !allowed) return allowed.error();
  const Logger logger(config.log_level, config.log_format);
  auto front = open_front(config);
  if (!front) return front.error();
  if (!config.tokens.empty()) warn_of_exposure(logger, config.tokens);
  if (!config.tls.key.empty()) warn_of_exposure(logger, config.tls.key);
  StoreOptions store_options = config.store_options;
  store_options.log = logger;
  auto store = open_store(config.store, std::move(store_options));
  if (!store) return store.error();
  log_opening(logger, *store);

  std::unique_ptr<Server> server(new Server(config, *std::move(front), *std::move(store), logger));
  if (const auto listening = server->listen(config, sockets); !listening) {
    return listening.error();
  }
  logger.info("listening on " + server->addresses() + ", store " + config.store,
              {{"http", server->http_url()},
               {"resp", server->resp_url()},
               {"store", config.store},
               {"version", std::string(kVersion)}});
  return server;
}

Server::Server(const Config& config, Front front, Store store, const Logger& logger)
    : logger_(logger),
      front_(std::move(front)),
      gate_(*front_.access, browser_settings(config), logger_),
      store_(std::move(store)),
      reports_(store_, [this] { return front_end_counts(); }),
      http_node_{config.clients, config.http_limits, gate_, reports_},
      resp_node_(*front_.access) {
  resp_node_.settings = config.clients;
  resp_node_.settings.idle_timeout = kRespIdleTimeout;
  resp_node_.log = logger_;
  resp_node_.open_connections = [this] { return open_connections(); };
  for (std::size_t i = 0; i < config.threads; ++i) {
    threads_.push_back(std::make_unique<net::IoThread>(store_, sweep_period(http_node_.settings)));
  }
}

Server::~Server() { stop(std::chrono::seconds(1)); }

// Both addresses are taken before anyone is served.
Result<void> Server::listen(const Config& config, const ListeningSockets& sockets) {
  auto http = listen(
      config, config.http, sockets.http, "--http", [this](net::IoThread& io, net::Socket socket) {
        welcome(
            *std::make_shared<net::HttpConnection>(io, stream_of(std::move(socket)), http_node_));
      });
  if (!http) return http.error();
  if (config.resp) {
    auto resp = listen(config, *config.resp, sockets.resp, "--resp",
                       [this](net::IoThread& io, net::Socket socket) {
                         welcome(*std::make_shared<net::RespConnection>(
                             io, stream_of(std::move(socket)), resp_node_));
                       });
    if (!resp) return resp.error();
    resp_ = *std::move(resp);
    resp_node_.port = resp_->address().port;
    resp_->start();
  }
  http_ = *std::move(http);
  http_->start();
  return {};
}

Result<std::shared_ptr<net::Listener>> Server::listen(const Config& config,
                                                      const net::HostPort& address,
                                                      std::optional<int> socket,
                                                      std::string_view option,
                                                      net::Listener::Welcome welcome) {
  std::vector<net::IoThread*> threads;
  for (const auto& thread : threads_) threads.push_back(thread.get());
  auto listener =
      socket
          ? net::Listener::adopt(*socket, std::move(threads), std::move(welcome), logger_)
          : net::Listener::open(address, option, std::move(threads), std::move(welcome), logger_);
  if (!listener) return listener.error();
  const auto allowed = check_exposure(config, (*listener)->address(), (*listener)->is_loopback());
  if (!allowed) return allowed.error();
  return listener;
}

std::string Server::resp_url() const {
  if (!resp_) return "off";
  return (front_.tls ? "rediss://" : "redis://") + resp_->address().to_string();
}

std::string Server::addresses() const {
  return resp_ ? http_url() + " and " + resp_url() : http_url();
}

net::Stream Server::stream_of(net::Socket socket) const {
  return front_.tls ? net::Stream(std::move(socket), *front_.tls) : net::Stream(std::move(socket));
}

void Server::welcome(net::ClientConnection& connection) {
  const auto open = open_connections();  // With this one.
  if (open <= http_node_.settings.max_connections) {
    connection.start();
  } else {
    connection.refuse();
    if (open > http_node_.settings.max_connections + kMaxRefusals) connection.abort();
  }
}

std::size_t Server::open_connections() const noexcept {
  std::size_t sum = 0;
  for (const auto& thread : threads_) sum += thread->open_connections();
  return sum;
}

void Server::reload() {
  if (front_.access->needs_tokens()) {
    const std::string& path = front_.access->path();
    if (const auto reloaded = front_.access->reload(); !reloaded) {
      logger_(LogLevel::kError,
              std::string("The tokens from before stay in force. ") + reloaded.error().what());
    } else {
      logger_.info("read the token file " + path +
                   " again; tokens in force: " + std::to_string(front_.access->size()));
      warn_of_exposure(logger_, path);
    }
  }
  if (front_.tls) {
    if (const auto reloaded = front_.tls->reload(); !reloaded) {
      logger_(LogLevel::kError, std::string("The certificate from before stays in force. ") +
                                    reloaded.error().what());
    } else {
      logger_.info("read the certificate again: new connections get it");
    }
  }
}

stats::FrontEndCounts Server::front_end_counts() const {
  stats::FrontEndCounts sum;
  for (const auto& thread : threads_) sum += thread->stats().value();
  return sum;
}

Accounting Server::stop(milliseconds limit) {
  if (std::exchange(stopped_, true)) return accounting_;
  const auto deadline = base::monotonic_now() + limit;
  // A quarter is kept for the store: clients that hold up the drain must not cost it its slots.
  drain(deadline - limit / 4);
  if (!store_.close(until(deadline))) {
    logger_.warning("The store did not close in time; its slots are left to be pruned.");
  }
  reports_.stop();
  for (const auto& thread : threads_) thread->stop();
  accounting_ = store_.accounting();
  if (http_) log_closing(accounting_);
  return accounting_;
}

void Server::log_closing(const Accounting& accounting) const {
  const auto burned = [&](BurnReason reason) { return accounting.burned_by(reason); };
  logger_.info("stopped: " + describe(accounting),
               {{"returned", accounting.returned},
                {"reservations", accounting.reservations},
                {"burned_deadline", burned(BurnReason::kDeadline)},
                {"burned_disconnect", burned(BurnReason::kDisconnect)},
                {"burned_discard", burned(BurnReason::kDiscard)},
                {"burned_idempotency", burned(BurnReason::kIdempotency)},
                {"burned_advance", burned(BurnReason::kAdvance)}});
}

void Server::drain(base::MonotonicTime deadline) {
  if (http_) http_->close();
  if (resp_) resp_->close();
  for (const auto& thread : threads_) thread->drain();
  for (const auto& thread : threads_) {
    if (!thread->wait_until_empty(deadline)) thread->abort_connections();
  }
}

}  // namespace nextid::server
