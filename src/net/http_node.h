// What the HTTP connections of a server share.
#pragma once

#include "net/client_settings.h"
#include "net/http_gate.h"
#include "net/report_source.h"
#include "protocol/http_request_parser.h"

namespace nextid::net {

/// Outlives the connections. Thread-safe.
struct HttpNode {
  const ClientSettings settings;
  const protocol::HttpLimits limits;
  HttpGate& gate;         ///< What requests pass first.
  ReportSource& reports;  ///< For the pages about the server.
};

}  // namespace nextid::net
