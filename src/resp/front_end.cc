#include "resp/front_end.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "nextid/version.h"

#include "base/ascii.h"
#include "base/cat.h"
#include "resp/connection.h"

namespace nextid::resp {
namespace {

using base::cat;

// The version of Redis that answers follow: clients conclude from it what a server can do.
constexpr std::string_view kRedisVersion = "7.0.0";

// None to speak of: pools of Redis clients keep connections for as long as they live. Not the
// largest number, which nanoseconds do not hold.
constexpr std::chrono::hours kNoTimeout{24 * 365 * 100};

net::ClientSettings with_idle_timeout(net::ClientSettings settings,
                                      std::optional<std::chrono::milliseconds> timeout) {
  settings.idle_timeout = timeout.value_or(kNoTimeout);
  return settings;
}

// Sections of "name:value" lines, those that are asked for.
class InfoText {
 public:
  explicit InfoText(const std::vector<std::string_view>& wanted) : wanted_(wanted) {}

  void section(std::string_view name) {
    const auto asks_for_it = [name](std::string_view word) {
      return base::equal_words(word, name) || base::equal_words(word, "all") ||
             base::equal_words(word, "everything") || base::equal_words(word, "default");
    };
    shown_ = wanted_.empty() || std::any_of(wanted_.begin(), wanted_.end(), asks_for_it);
    if (shown_) text_ += (text_.empty() ? "# " : "\r\n# ") + std::string(name) + "\r\n";
  }
  void field(std::string_view name, std::string_view value) {
    if (shown_) text_ += std::string(name) + ":" + std::string(value) + "\r\n";
  }
  void field(std::string_view name, std::uint64_t value) { field(name, std::to_string(value)); }

  std::string take() { return std::move(text_); }

 private:
  const std::vector<std::string_view>& wanted_;
  bool shown_ = false;
  std::string text_;
};

}  // namespace

FrontEnd::FrontEnd(const net::ClientSettings& clients,
                   std::optional<std::chrono::milliseconds> idle_timeout, const auth::Access& who,
                   const service::Service& asked, service::Audit* noted, service::SignInLog& failed,
                   std::function<Figures()> figures, Log log)
    : settings(with_idle_timeout(clients, idle_timeout)),
      access(who),
      service(asked),
      audit(noted),
      sign_ins(failed),
      figures_(std::move(figures)),
      log_(std::move(log)) {}

std::shared_ptr<net::ClientConnection> FrontEnd::connect(net::IoThread& io, net::Stream stream) {
  return std::make_shared<Connection>(io, std::move(stream), *this);
}

void FrontEnd::note_http() {
  if (++http_cut_off_ == 1 && log_) {
    log_(LogLevel::kWarning,
         "A client spoke HTTP to the RESP port and was cut off; so will be others, without a line "
         "each. If it was meant well, HTTP is on the address of --http.");
  }
}

std::string FrontEnd::info(const std::vector<std::string_view>& sections,
                           const Accounting* accounting) const {
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(base::monotonic_now() - started_);
  const Figures figures = figures_();
  InfoText text(sections);
  text.section("Server");
  text.field("redis_version", kRedisVersion);
  text.field("nextid_version", kVersion);
  text.field("redis_mode", "standalone");
  text.field("process_id", static_cast<std::uint64_t>(::getpid()));
  text.field("tcp_port", port_);
  text.field("uptime_in_seconds", static_cast<std::uint64_t>(up.count()));
  text.section("Clients");
  text.field("connected_clients", figures.open_connections);
  text.field("maxclients", settings.max_connections);
  text.field("blocked_clients", 0);
  text.section("Memory");
  text.field("used_memory", figures.resident_bytes);
  text.field("used_memory_rss", figures.resident_bytes);
  text.field("maxmemory", 0);
  text.section("Persistence");
  text.field("loading", 0);
  text.section("Stats");
  text.field("total_connections_received", figures.connections);
  text.field("total_commands_processed", figures.commands);
  if (accounting != nullptr) {
    text.field("ids_returned", accounting->returned);
    text.field("ids_burned", accounting->burned_total());
    text.field("reservations", accounting->reservations);
  }
  text.section("Replication");
  text.field("role", "master");
  text.field("connected_slaves", 0);
  text.section("Keyspace");
  text.field("db0", cat("keys=", figures.counters_in_use, ",expires=0,avg_ttl=0"));
  return text.take();
}

}  // namespace nextid::resp
