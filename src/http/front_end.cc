#include "http/front_end.h"

#include <utility>

#include "http/connection.h"

namespace nextid::http {

FrontEnd::FrontEnd(const net::ClientSettings& clients, const Limits& request_limits,
                   const auth::Access& access, const BrowserGuard::Settings& browsers,
                   const service::Service& asked, service::Audit* noted, service::SignInLog& failed,
                   base::FieldLog log)
    : settings(clients),
      limits(request_limits),
      document(clients.max_range),
      gate(access, browsers, std::move(log)),
      service(asked),
      audit(noted),
      sign_ins(failed) {}

std::shared_ptr<net::ClientConnection> FrontEnd::connect(net::IoThread& io, net::Stream stream) {
  return std::make_shared<Connection>(io, std::move(stream), *this);
}

}  // namespace nextid::http
