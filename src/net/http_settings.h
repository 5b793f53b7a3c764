// The bounds of HTTP connections. Each is a server option.
#pragma once

#include "net/client_settings.h"
#include "protocol/http_request_parser.h"

namespace nextid::net {

struct HttpSettings : ClientSettings {
  protocol::HttpLimits limits;
};

}  // namespace nextid::net
