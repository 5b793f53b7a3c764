#include "server/server.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "nextid/version.h"

#include "base/cat.h"
#include "base/clock.h"
#include "base/file_access.h"
#include "report/process_figures.h"
#include "server/opening_line.h"
#include "server/protected_mode.h"
#include "store/factory.h"

namespace nextid::server {
namespace {

using base::cat;
using std::chrono::milliseconds;

// Time limits are kept to within a quarter of the shortest.
milliseconds sweep_period(const Config& config) {
  const net::ClientSettings& clients = config.clients;
  const auto shortest =
      std::min({clients.header_timeout, clients.idle_timeout, clients.write_timeout,
                config.resp_idle_timeout.value_or(milliseconds::max())});
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(500));
}

milliseconds until(base::MonotonicTime deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - base::monotonic_now());
  return std::max(left, milliseconds(0));
}

std::string describe(const Accounting& accounting) {
  std::string text = cat("returned ", accounting.returned, " ids in ", accounting.reservations,
                         " reservations, burned ", accounting.burned_total(), " (");
  for (std::size_t i = 0; i < kBurnReasons; ++i) {
    const auto reason = static_cast<BurnReason>(i);
    if (i > 0) text += ", ";
    text += cat(to_string(reason), " ", accounting.burned_by(reason));
  }
  return text + ")";
}

void warn_of_exposure(const Logger& logger, const std::string& path) {
  if (const auto warning = base::exposure_of_secret(path)) logger.warning(*warning);
}

/// "a, b, c", of many the first ones.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t kMostListed = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostListed); ++i) {
    text += cat(text.empty() ? "" : ", ", names[i]);
  }
  return names.size() > kMostListed ? cat(text, " and ", names.size() - kMostListed, " more")
                                    : text;
}

/// For the log, after a reload of a file.
std::string_view age_of(const std::string& path) {
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const bool is_copy =
      credentials != nullptr && *credentials != '\0' && path.starts_with(cat(credentials, "/"));
  return is_copy ? "; it is the copy that systemd made when it started the service, and `systemctl "
                   "restart` makes a new one"
                 : "";
}

/// A store has no secrets but what its counters and keys are named.
void warn_of_readers(const Logger& logger, const std::string& path) {
  if (const auto warning = base::exposure_of_shared(path)) logger.warning(*warning);
}

void log_opening(const Logger& logger, const Store& store) {
  const StoreOpening& opening = store.opening();
  logger.info(opening_line(store), {{"opening", std::string(opening.made ? "made" : "opened")},
                                    {"identity", opening.identity}});
  if (!opening.remark.empty()) logger.info(opening.remark);
}

// Called before the store is touched. A name is checked when it is listened on, since its addresses
// are known only then.
Result<void> check_addresses(const Config& config, const ListeningSockets& sockets) {
  for (const FrontEndKind& kind : front_end_kinds()) {
    const auto address = kind.address(config);
    if (!address || sockets.contains(kind.name)) continue;
    const auto allowed = check_exposure(config, *address, net::may_be_loopback(address->host));
    if (!allowed) return allowed;
  }
  return {};
}

std::vector<bool> are_served(const Config& config) {
  std::vector<bool> served;
  for (const FrontEndKind& kind : front_end_kinds()) {
    served.push_back(kind.address(config).has_value());
  }
  return served;
}

// At most half of the places are for clients that have not signed in.
net::Lobby::Limits lobby_limits(const Config& config, const Capacity& capacity) {
  const auto of_each_thread = [&](std::size_t all) {
    return std::max<std::size_t>(all / config.threads, 1);
  };
  return {.most_strangers = of_each_thread(capacity.connections / 2),
          .most_refused = of_each_thread(capacity.refusals)};
}

void warn_of_descriptors(const Logger& logger, std::size_t wanted, std::size_t connections) {
  if (connections >= wanted) return;
  logger.warning(
      cat("The limit on open files is enough for ", connections, " connections, and not for the ",
          wanted,
          " of --max-connections: further ones are refused. Raise it (LimitNOFILE= of the "
          "unit, ulimit -n), or lower --max-connections."));
}

auth::Bounds bounds_of(const StoreOptions& store) {
  return {.counters = store.max_counters,
          .waiting_requests = store.max_waiting_requests,
          .waiting_ids = store.max_waiting_ids,
          .max_range = store.max_range};
}

std::vector<report::LimitCounts> limit_counts(const auth::Access& access) {
  std::vector<report::LimitCounts> counts;
  for (const auto& [token, figures] : access.usage_figures()) {
    for (const auto& [limit, value, used, refusals] : figures) {
      if (!value && refusals == 0) continue;
      counts.push_back({token, auth::to_string(limit), value, used, refusals});
    }
  }
  return counts;
}

std::vector<stats::FrontEndLabels> labels_of_all() {
  std::vector<stats::FrontEndLabels> labels;
  for (const FrontEndKind& kind : front_end_kinds()) labels.push_back(kind.labels);
  return labels;
}

/// " (127.0.0.1, ::1)" where the address is a name.
std::string resolved(const net::Listener& listener) {
  std::string addresses;
  for (const std::string& address : listener.endpoints()) {
    if (address == listener.address().host) return "";
    addresses += cat(addresses.empty() ? "" : ", ", address);
  }
  return cat(" (", addresses, ")");
}

}  // namespace

Result<Server::Front> Server::open_front(const Config& config, const Logger& logger) {
  auto access = auth::Access::open(config.tokens, bounds_of(config.store_options), logger);
  if (!access) return access.error();
  (*access)->set_key_rules({config.shared_keys, config.store_options.idempotency_retention});
  Front front{.access = *std::move(access), .tls = nullptr, .audit = nullptr};
  if (!config.audit_log.empty()) {
    auto audit = AuditLog::open(config.audit_log, config.audit_range, logger);
    if (!audit) return audit.error();
    front.audit = *std::move(audit);
  }
  if (config.tls.certificate.empty()) return front;
  auto tls = net::TlsServer::open(config.tls);
  if (!tls) return tls.error();
  front.tls = *std::move(tls);
  return front;
}

// All threads are there before the first client is, so that none can fail for want of one later.
Result<std::unique_ptr<Server>> Server::start(const Config& config, const ListeningSockets& sockets,
                                              const std::function<void()>& before_serving) {
  try {
    return start_with_threads(config, sockets, before_serving);
  } catch (const std::system_error& failure) {
    return Error(ErrorCode::kUnavailable,
                 cat("The server needs a thread, and the system gives none: ", failure.what(),
                     "; raise the limit (TasksMax=, ulimit -u)."));
  }
}

Result<std::unique_ptr<Server>> Server::start_with_threads(
    const Config& config, const ListeningSockets& sockets,
    const std::function<void()>& before_serving) {
  if (const auto allowed = check_addresses(config, sockets); !allowed) return allowed.error();
  const Logger logger(config.log_level, config.log_format);
  auto front = open_front(config, logger);
  if (!front) return front.error();
  if (!config.tokens.empty()) warn_of_exposure(logger, config.tokens);
  if (!config.tls.key.empty()) warn_of_exposure(logger, config.tls.key);
  StoreOptions store_options = config.store_options;
  store_options.log = logger;
  auto store = open_store(config.store, std::move(store_options));
  if (!store) return store.error();
  log_opening(logger, *store);
  if (const auto file = store::local_file(config.store)) warn_of_readers(logger, file->full_path);

  const Capacity capacity = capacity_for(
      config.clients.max_connections, free_descriptors(config.threads), front_end_kinds().size());
  warn_of_descriptors(logger, config.clients.max_connections, capacity.connections);
  Config possible = config;
  possible.clients.max_connections = capacity.connections;
  std::unique_ptr<Server> server(
      new Server(possible, capacity, *std::move(front), *std::move(store), logger));
  if (const auto listening = server->listen(config, sockets); !listening) {
    return listening.error();
  }
  if (before_serving) before_serving();
  server->serve();
  LogFields fields = server->addresses_by_name();
  const std::string url = store::without_password(config.store);
  fields.push_back({"store", url});
  fields.push_back({"version", std::string(kVersion)});
  logger.info(cat("listening on ", server->addresses(), ", store ", url), fields);
  return server;
}

Server::Server(const Config& config, const Capacity& capacity, Front front, Store store,
               const Logger& logger)
    : logger_(logger),
      client_memory_(config.client_bytes(), config.clients.max_connections,
                     [this](const std::string& peer) { log_eviction(peer); }),
      front_(std::move(front)),
      store_(std::move(store)),
      reports_(store_,
               [this] {
                 return report::ServerCounts{
                     .front_ends = front_end_counts(),
                     .client_bytes = client_memory_.held_bytes(),
                     .max_client_bytes = client_memory_.bound_bytes(),
                     .evicted_clients = client_memory_.evictions(),
                     .left_out_audit_lines = front_.audit ? front_.audit->left_out() : 0,
                     .dropped_log_lines = logger_.dropped(),
                     .limits = limit_counts(*front_.access)};
               }),
      service_(store_, reports_, logger_),
      sign_ins_(logger_),
      places_(capacity.connections, are_served(config)),
      reloader_(reloadables(), logger_) {
  const FrontEndParts parts{.config = config,
                            .access = *front_.access,
                            .service = service_,
                            .audit = front_.audit.get(),
                            .sign_ins = sign_ins_,
                            .figures = [this] { return figures(); },
                            .log = logger_};
  for (const FrontEndKind& kind : front_end_kinds()) {
    if (kind.address(config)) front_ends_.push_back(kind.make(parts));
  }
  for (std::size_t i = 0; i < config.threads; ++i) {
    threads_.push_back(std::make_unique<net::IoThread>(store_, sweep_period(config),
                                                       labels_of_all(), client_memory_,
                                                       lobby_limits(config, capacity)));
  }
}

Server::~Server() { stop(std::chrono::seconds(1)); }

// All addresses, before anyone is served.
Result<void> Server::listen(const Config& config, const ListeningSockets& sockets) {
  std::vector<Served> served;
  for (const FrontEndKind& kind : front_end_kinds()) {
    if (!kind.address(config)) continue;
    net::FrontEnd& front_end = *front_ends_[served.size()];
    auto listener = listen(config, sockets, kind, front_end);
    if (!listener) return listener.error();
    front_end.listens_on((*listener)->address());
    served.push_back({kind, *std::move(listener)});
  }
  served_ = std::move(served);
  return {};
}

// On the first I/O thread, with which it ends.
void Server::tell_of_sign_ins() {
  threads_.front()->reactor().run_after(service::SignInLog::kPeriod, [this] {
    sign_ins_.tick(base::monotonic_now());
    tell_of_sign_ins();
  });
}

void Server::serve() {
  if (front_.access->needs_tokens()) threads_.front()->post([this] { tell_of_sign_ins(); });
  for (const Served& served : served_) served.listener->start();
}

Result<std::shared_ptr<net::Listener>> Server::listen(const Config& config,
                                                      const ListeningSockets& sockets,
                                                      const FrontEndKind& kind,
                                                      net::FrontEnd& front_end) {
  std::vector<net::IoThread*> threads;
  for (const auto& thread : threads_) threads.push_back(thread.get());
  const auto number = static_cast<std::size_t>(&kind - front_end_kinds().data());
  auto connect = [this, &front_end, number](net::IoThread& io, net::Socket socket) {
    welcome(io, *front_end.connect(io, stream_of(std::move(socket))), number);
  };
  const auto socket = sockets.find(kind.name);
  auto listener =
      socket != sockets.end()
          ? net::Listener::adopt(socket->second, std::move(threads), std::move(connect), logger_)
          : net::Listener::open(*kind.address(config), kind.option(), std::move(threads),
                                std::move(connect), logger_);
  if (!listener) return listener.error();
  const auto& at = **listener;
  const auto allowed = check_exposure(config, at.address(), at.is_loopback());
  if (!allowed) return allowed.error();
  if (const auto warning = exposure_of_tokens(config, at.address(), at.is_loopback())) {
    logger_.warning(*warning);
  }
  return listener;
}

const Server::Served* Server::find(std::string_view front_end) const {
  for (const Served& served : served_) {
    if (served.kind.name == front_end) return &served;
  }
  return nullptr;
}

std::uint16_t Server::port(std::string_view front_end) const {
  return find(front_end)->listener->address().port;
}

std::string Server::url(std::string_view front_end) const { return url(*find(front_end)); }

std::string Server::url(const Served& served) const {
  const std::string_view scheme = front_.tls ? served.kind.tls_scheme : served.kind.scheme;
  return cat(scheme, "://", served.listener->address().to_string());
}

std::string Server::addresses() const {
  std::string text;
  for (const Served& served : served_) {
    text += cat(text.empty() ? "" : " and ", url(served), resolved(*served.listener));
  }
  return text;
}

LogFields Server::addresses_by_name() const {
  LogFields fields;
  for (const FrontEndKind& kind : front_end_kinds()) {
    const Served* served = find(kind.name);
    fields.push_back({kind.name, served != nullptr ? url(*served) : "off"});
  }
  return fields;
}

net::Stream Server::stream_of(net::Socket socket) const {
  return front_.tls ? net::Stream(std::move(socket), *front_.tls) : net::Stream(std::move(socket));
}

// Who has not signed in makes room for who may.
void Server::welcome(net::IoThread& io, net::ClientConnection& connection, std::size_t front_end) {
  auto place = places_.take(front_end);
  const auto would_serve = [&](std::size_t other) { return places_.would_serve(other, front_end); };
  if (!place && io.lobby().push_out_stranger(would_serve)) place = places_.take(front_end);
  place ? connection.start(*std::move(place)) : connection.refuse();
}

void Server::log_eviction(const std::string& peer) const {
  logger_.warning(
      cat("A connection from ", peer, " was closed: all clients together hold more than ",
          client_memory_.bound_bytes(), " bytes of memory, and it held more than its share of ",
          client_memory_.share_bytes(), ". Raise --max-client-bytes, or lower --max-connections."));
}

std::size_t Server::open_connections() const noexcept {
  std::size_t sum = 0;
  for (const auto& thread : threads_) sum += thread->open_connections();
  return sum;
}

std::vector<Reloadable> Server::reloadables() {
  std::vector<Reloadable> parts;
  if (front_.access->needs_tokens()) {
    parts.push_back({[this] { return reload_tokens(); }, "The tokens from before stay in force."});
  }
  if (front_.tls) {
    parts.push_back(
        {[this] { return reload_tls(); }, "The certificate from before stays in force."});
  }
  if (front_.audit && !front_.audit->path().empty()) {
    parts.push_back(
        {[this] { return reopen_audit_log(); }, "The audit log goes on in the file from before."});
  }
  return parts;
}

Result<std::string> Server::reload_tokens() {
  const std::size_t before = front_.access->size();
  const auto gone = front_.access->reload();
  if (!gone) return gone.error();
  const std::string& path = front_.access->path();
  if (front_.access->size() < before) {
    logger_.warning(cat("The token file ", path, " has fewer tokens than before; gone: ",
                        listed(*gone), ". Their clients are refused from now on."));
  }
  warn_of_exposure(logger_, path);
  return cat("read the token file ", path, " again; tokens in force: ", front_.access->size(),
             age_of(path));
}

Result<std::string> Server::reload_tls() {
  if (const auto reloaded = front_.tls->reload(); !reloaded) return reloaded.error();
  const bool has_authority = !front_.tls->files().client_ca.empty();
  return cat("read the certificate again: new connections get it",
             has_authority ? ", and those of clients whose authority was taken away end" : "",
             age_of(front_.tls->files().certificate));
}

Result<std::string> Server::reopen_audit_log() {
  if (const auto reopened = front_.audit->reopen(); !reopened) return reopened.error();
  return cat("opened the audit log ", front_.audit->path(), " again");
}

void Server::reload() { reloader_.reload(); }

ServerFigures Server::figures() const {
  return {.open_connections = open_connections(),
          .front_end_counts = front_end_counts(),
          .resident_bytes = report::resident_bytes().value_or(0),
          .counters_in_use = reports_.counters_in_use()};
}

std::vector<stats::FrontEndCounts> Server::front_end_counts() const {
  std::vector<stats::FrontEndCounts> sums;
  for (const auto& thread : threads_) {
    for (std::size_t i = 0; i < thread->stats().size(); ++i) {
      stats::FrontEndCounts counts = thread->stats()[i].value();
      i < sums.size() ? void(sums[i] += counts) : sums.push_back(std::move(counts));
    }
  }
  return sums;
}

Accounting Server::stop(milliseconds limit) {
  if (std::exchange(stopped_, true)) return accounting_;
  const auto deadline = base::monotonic_now() + limit;
  // A quarter of the time is kept for the store, so that it can release its slots even if clients
  // hold up the drain.
  drain(deadline - limit / 4);
  if (!store_.close(until(deadline))) {
    logger_.warning("The store did not close in time; its slots are left to be pruned.");
  }
  reports_.stop();
  for (const auto& thread : threads_) thread->stop();
  accounting_ = store_.accounting();
  if (!served_.empty()) log_closing(accounting_);
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
  for (const Served& served : served_) served.listener->close();
  for (const auto& thread : threads_) thread->drain();
  for (const auto& thread : threads_) {
    if (!thread->wait_until_empty(deadline)) thread->abort_connections();
  }
}

}  // namespace nextid::server
