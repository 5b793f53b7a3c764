#include "store/mysql/connection.h"

#include <csignal>
#include <ctime>
#include <fstream>
#include <mysql.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cat.h"
#include "base/quoting.h"

namespace nextid::store {
namespace {

using base::cat;
using Fate = MysqlFailure::Fate;

constexpr std::size_t kLongestServerText = 300;
/// What the password would be sent by in the clear is not among them.
constexpr const char* kSafePlugins =
    "mysql_native_password,client_ed25519,caching_sha2_password,sha256_password,parsec";

unsigned seconds_of(std::chrono::milliseconds time) {
  return static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::string place_of(const MysqlSettings& settings) {
  if (!settings.socket.empty()) return cat("the MySQL server at ", settings.socket);
  if (settings.host.empty()) return "the MySQL server";
  return cat("the MySQL server at ", settings.host, ":", settings.port == 0 ? 3306 : settings.port);
}

/// `advice` with its names.
std::string filled(std::string advice, const MysqlSettings& settings) {
  const auto fill = [&](std::string_view mark, const std::string& value) {
    if (const auto at = advice.find(mark); at != std::string::npos) {
      advice.replace(at, mark.size(), value);
    }
  };
  fill("%DB%", settings.database);
  fill("%USER%", settings.user.empty() ? "its user" : cat("'", settings.user, "'"));
  return advice;
}

/// Whether the other end of the socket is this machine.
bool is_peer_here(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return false;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family != AF_INET6) return true;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
}

/// While it lives, a write to a connection that is gone raises no SIGPIPE in this thread: OpenSSL
/// asks for it, and a program that embeds nextid may not ignore it.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    if (::sigismember(&before_, SIGPIPE) != 0) return;
    constexpr timespec kNoTime{};
    while (::sigtimedwait(&pipe_, nullptr, &kNoTime) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

MYSQL* new_handle() {
  // Threads that are the first at the same time wait for each other here.
  static const bool is_ready = mysql_library_init(0, nullptr, nullptr) == 0;
  return is_ready ? mysql_init(nullptr) : nullptr;
}

/// A peer that vanished without a word is found while the connection is idle.
void keep_alive(int socket) {
  constexpr int kOn = 1;
  constexpr int kIdle_s = 30;
  constexpr int kInterval_s = 10;
  constexpr int kProbes = 3;
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &kOn, sizeof kOn);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &kIdle_s, sizeof kIdle_s);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &kInterval_s, sizeof kInterval_s);
  ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
}

void refuse_unreadable(const std::string& name, const std::string& path) {
  if (path.empty() || std::ifstream(path).good()) return;
  throw MysqlFailure(Fate::kNotSent, 0,
                     cat("can't read the ", name, " ", base::in_quotes(path, 200),
                         "; check the path and its permissions"));
}

bool is_client_error(unsigned code) {
  return (code >= 2000 && code < 3000) || (code >= 5000 && code < 6000);
}

MysqlAnswer rows_of(MYSQL_RES* result) {
  MysqlAnswer answer;
  const unsigned columns = mysql_num_fields(result);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    const unsigned long* lengths = mysql_fetch_lengths(result);
    MysqlRow& taken = answer.rows.emplace_back();
    taken.reserve(columns);
    for (unsigned i = 0; i < columns; ++i) {
      taken.push_back(row[i] == nullptr ? std::nullopt
                                        : std::optional<std::string>({row[i], lengths[i]}));
    }
  }
  return answer;
}

}  // namespace

std::string mysql_literal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string literal = "x'";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    literal += kDigits[byte >> 4];
    literal += kDigits[byte & 15];
  }
  return literal + "'";
}

void MysqlConnection::Close::operator()(st_mysql* handle) const {
  const NoSigpipe no_sigpipe;
  mysql_close(handle);
}

MysqlConnection::MysqlConnection(const MysqlSettings& settings, Watchdog& watchdog)
    : settings_(settings), watchdog_(watchdog), handle_(new_handle()), place_(place_of(settings)) {
  if (!handle_) throw MysqlFailure(Fate::kNotSent, 0, "the MySQL client library has no memory");
  refuse_unreadable("option_file", settings.option_file);
  refuse_unreadable("ssl_ca", settings.ssl_ca);
  refuse_unreadable("ssl_cert", settings.ssl_cert);
  refuse_unreadable("ssl_key", settings.ssl_key);
  set_options();
  const NoSigpipe no_sigpipe;
  const MYSQL* connected =
      mysql_real_connect(handle_.get(), or_null(settings.host), or_null(settings.user),
                         or_null(settings.password), or_null(settings.database), settings.port,
                         or_null(settings.socket), CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS);
  if (connected == nullptr) {
    const unsigned code = mysql_errno(handle_.get());
    throw MysqlFailure(
        Fate::kNotSent, code,
        cat("can't connect to ", place_, ": ", sentence(code, mysql_error(handle_.get()))));
  }
  refuse_unsafe_way();
  keep_alive(static_cast<int>(mysql_get_socket(handle_.get())));
  begin_session();
}

MysqlConnection::~MysqlConnection() = default;

void MysqlConnection::set_options() {
  MYSQL* handle = handle_.get();
  const my_bool off = 0;
  const my_bool on = 1;
  const unsigned none = 0;
  const unsigned limit_s = seconds_of(settings_.attempt_timeout);
  // The watchdog is more exact, and comes first. These are for the steps before there is a socket.
  const unsigned later_s = limit_s + 1;
  mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &limit_s);
  mysql_options(handle, MYSQL_OPT_READ_TIMEOUT, &later_s);
  mysql_options(handle, MYSQL_OPT_WRITE_TIMEOUT, &later_s);
  mysql_options(handle, MYSQL_OPT_RECONNECT, &off);
  // A server could ask for any file that this process can read.
  mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &none);
  mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (!settings_.option_file.empty()) {
    mysql_options(handle, MYSQL_READ_DEFAULT_FILE, settings_.option_file.c_str());
  }
  mysql_options(handle, MYSQL_READ_DEFAULT_GROUP,
                settings_.option_group.empty() ? "nextid" : settings_.option_group.c_str());
  if (settings_.socket.empty() && settings_.host == "localhost" && settings_.port != 0) {
    // The library would take the socket, and forget the port.
    const unsigned tcp = MYSQL_PROTOCOL_TCP;
    mysql_options(handle, MYSQL_OPT_PROTOCOL, &tcp);
  }
  const bool tls = needs_tls(settings_);
  const bool is_verified = tls && settings_.ssl_verify;
  mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, tls ? &on : &off);
  mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, is_verified ? &on : &off);
  if (!settings_.ssl_ca.empty()) {
    mysql_options(handle, MYSQL_OPT_SSL_CA, settings_.ssl_ca.c_str());
  }
  if (!settings_.ssl_cert.empty()) {
    mysql_options(handle, MYSQL_OPT_SSL_CERT, settings_.ssl_cert.c_str());
    mysql_options(handle, MYSQL_OPT_SSL_KEY, settings_.ssl_key.c_str());
  }
  if (is_remote(settings_) && !is_verified) {
    mysql_optionsv(handle, MARIADB_OPT_RESTRICTED_AUTH, kSafePlugins);
  }
}

/// An option file may have named a host elsewhere, or undone what the URL says.
void MysqlConnection::refuse_unsafe_way() const {
  const bool has_tls = mysql_get_ssl_cipher(handle_.get()) != nullptr;
  const bool is_elsewhere = !is_peer_here(static_cast<int>(mysql_get_socket(handle_.get())));
  const bool wants_tls = settings_.ssl.value_or(needs_tls(settings_) || is_elsewhere);
  if (wants_tls && !has_tls) {
    throw MysqlFailure(Fate::kNotSent, 0,
                       cat("the connection to ", place_,
                           " has no TLS; name the host in the URL to have it, or add ssl=false to "
                           "go without"));
  }
  my_bool verifies = 0;
  mysql_get_optionv(handle_.get(), MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
  if (wants_tls && settings_.ssl_verify && verifies == 0) {
    throw MysqlFailure(
        Fate::kNotSent, 0,
        cat("the certificate of ", place_,
            " was not looked at, since an option file says so; name the host in the URL and take "
            "ssl-verify-server-cert out of the file, or add ssl_verify=false"));
  }
}

void MysqlConnection::begin_session() {
  const my_bool off = 0;
  mysql_options(handle_.get(), MYSQL_OPT_RECONNECT, &off);
  const unsigned limit_s = seconds_of(settings_.attempt_timeout);
  const auto lock_s = lock_wait_of(settings_).count();
  std::string settings =
      cat("SET NAMES utf8mb4; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; "
          "SET SESSION autocommit = 1, completion_type = 0, sql_safe_updates = 0, "
          "sql_select_limit = DEFAULT, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
          "time_zone = '+00:00', wait_timeout = 28800, innodb_lock_wait_timeout = ",
          lock_s, ", lock_wait_timeout = ", lock_s, ", net_read_timeout = ", limit_s + 1,
          ", net_write_timeout = ", limit_s + 1);
  // A limit of the server's could end the wait for a semi-synchronous replica as if it had
  // answered. A transaction whose client vanished must not keep its locks.
  settings += is_mariadb()
                  ? cat(", max_statement_time = 0, idle_transaction_timeout = ", limit_s + 1)
                  : ", max_execution_time = 0";
  run(settings);
}

bool MysqlConnection::is_mariadb() const { return mariadb_connection(handle_.get()) != 0; }

std::optional<std::uint64_t> MysqlConnection::abandoned_session() const {
  return was_cut_ ? std::optional<std::uint64_t>(mysql_thread_id(handle_.get())) : std::nullopt;
}

bool MysqlConnection::is_usable() const {
  if (is_broken_) return false;
  // The server speaks only when asked: what is there to read is its farewell.
  pollfd socket{static_cast<int>(mysql_get_socket(handle_.get())), POLLIN, 0};
  return ::poll(&socket, 1, 0) == 0;
}

std::vector<MysqlAnswer> MysqlConnection::run(const std::string& statements,
                                              std::chrono::milliseconds limit) {
  const NoSigpipe no_sigpipe;
  const Watchdog::Guard guard(watchdog_, static_cast<int>(mysql_get_socket(handle_.get())),
                              base::monotonic_now() + limit);
  std::vector<MysqlAnswer> answers;
  take_answers(statements, answers);
  if (mysql_errno(handle_.get()) != 0) {
    throw failure(guard.has_bitten(), limit, answers.size());
  }
  // It was cut while its last answer arrived.
  if (guard.has_bitten()) is_broken_ = true;
  return answers;
}

/// Ends at the first error, of which the handle knows.
void MysqlConnection::take_answers(const std::string& statements,
                                   std::vector<MysqlAnswer>& answers) {
  MYSQL* handle = handle_.get();
  int left = mysql_real_query(handle, statements.data(), statements.size());
  while (left == 0) {
    MYSQL_RES* result = mysql_store_result(handle);
    if (result != nullptr) {
      answers.push_back(rows_of(result));
      mysql_free_result(result);
    } else if (mysql_errno(handle) != 0) {
      return;
    } else {
      answers.push_back(
          {mysql_affected_rows(handle), static_cast<std::int64_t>(mysql_insert_id(handle)), {}});
    }
    left = mysql_next_result(handle);
  }
}

MysqlFailure MysqlConnection::failure(bool was_cut, std::chrono::milliseconds limit,
                                      std::size_t statement) {
  const unsigned code = mysql_errno(handle_.get());
  if (was_cut) {
    is_broken_ = true;
    was_cut_ = true;
    return MysqlFailure(Fate::kTimeOver, code,
                        cat(place_, " did not answer within ", limit.count(), " ms"), statement);
  }
  const bool is_lost = is_client_error(code);
  is_broken_ = is_broken_ || is_lost;
  return MysqlFailure(
      is_lost ? Fate::kUnknown : Fate::kAnswered, code,
      cat(place_, is_lost ? ": " : " says: ", sentence(code, mysql_error(handle_.get()))),
      statement);
}

std::string MysqlConnection::sentence(unsigned code, const std::string& text) const {
  const std::string advice = filled(mysql_error_row(code).advice, settings_);
  return cat(base::printable(text, kLongestServerText), " (error ", code, ")",
             advice.empty() ? "" : "; ", advice);
}

}  // namespace nextid::store
