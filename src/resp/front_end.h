// The Redis protocol as one of those that are served: what its connections share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/accounting.h"
#include "nextid/log.h"

#include "auth/access.h"
#include "base/clock.h"
#include "net/client_settings.h"
#include "net/front_end.h"
#include "resp/codec/parser.h"
#include "resp/scan_cursors.h"
#include "service/audit.h"
#include "service/service.h"
#include "service/sign_in_log.h"

namespace nextid::resp {

/// What INFO tells of the whole server.
struct Figures {
  std::uint64_t open_connections = 0;  ///< Of all protocols.
  std::uint64_t connections = 0;       ///< Since the start, of this one.
  std::uint64_t commands = 0;          ///< The same.
  std::uint64_t resident_bytes = 0;
  std::uint64_t counters_in_use = 0;  ///< By this process, as of the last second.
};

/// Thread-safe.
class FrontEnd final : public net::FrontEnd {
 public:
  /// `who`, `asked`, `noted` and `failed` must outlive it.
  /// The idle timeout of `clients` is HTTP's: `idle_timeout` is in its place, nothing for none.
  FrontEnd(const net::ClientSettings& clients,
           std::optional<std::chrono::milliseconds> idle_timeout, const auth::Access& who,
           const service::Service& asked, service::Audit* noted, service::SignInLog& failed,
           std::function<Figures()> figures, Log log);

  std::shared_ptr<net::ClientConnection> connect(net::IoThread& io, net::Stream stream) override;
  void listens_on(const net::HostPort& address) override { port_ = address.port; }

  void warn(const std::string& sentence) const {
    if (log_) log_(LogLevel::kWarning, sentence);
  }
  /// A client spoke HTTP, and is cut off: logs the first one.
  void note_http();
  /// What INFO tells; the sections that are named, in any case, or all. Without `accounting` no
  /// word about ids.
  std::string info(const std::vector<std::string_view>& sections,
                   const Accounting* accounting) const;

  const net::ClientSettings settings;
  const Limits limits;
  const auth::Access& access;
  const service::Service& service;
  service::Audit* const audit;  ///< Null: none.
  service::SignInLog& sign_ins;
  ScanCursors cursors;
  std::atomic<std::uint64_t> last_client{0};

 private:
  const std::function<Figures()> figures_;
  const Log log_;
  const base::MonotonicTime started_ = base::monotonic_now();
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> http_cut_off_{0};
};

}  // namespace nextid::resp
