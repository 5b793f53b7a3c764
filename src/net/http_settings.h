// The bounds of HTTP connections. Each is a server option.
#pragma once

#include "net/client_settings.h"
#include "protocol/http_request_parser.h"

namespace nextid::net {

class HttpGate;
class ReportSource;

struct HttpSettings : ClientSettings {
  protocol::HttpLimits limits;
  /// What requests pass first; it outlives the connections.
  HttpGate* gate = nullptr;
  /// For the pages about the server; it outlives the connections.
  ReportSource* reports = nullptr;
};

}  // namespace nextid::net
