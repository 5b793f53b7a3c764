// HTTP as one of the protocols that are served: what its connections share.
#pragma once

#include <memory>

#include "http/codec/openapi_document.h"
#include "http/codec/request_parser.h"
#include "http/gate.h"
#include "net/client_settings.h"
#include "net/front_end.h"
#include "service/audit.h"
#include "service/service.h"
#include "service/sign_in_log.h"

namespace nextid::http {

/// Thread-safe.
class FrontEnd final : public net::FrontEnd {
 public:
  /// `access`, `asked`, `noted` and `failed` must outlive it.
  FrontEnd(const net::ClientSettings& clients, const Limits& request_limits,
           const auth::Access& access, const BrowserGuard::Settings& browsers,
           const service::Service& asked, service::Audit* noted, service::SignInLog& failed,
           base::FieldLog log);

  std::shared_ptr<net::ClientConnection> connect(net::IoThread& io, net::Stream stream) override;

  const net::ClientSettings settings;
  const Limits limits;
  const OpenApiDocument document;
  Gate gate;  ///< The checks that requests pass first.
  const service::Service& service;
  service::Audit* const audit;  ///< Null: none.
  service::SignInLog& sign_ins;
};

}  // namespace nextid::http
