// The one rule for every URL to which secrets are sent, or from which they come: they travel
// encrypted, or stay on this machine.
#pragma once

#include <initializer_list>
#include <string_view>

#include "http_client/url.h"

namespace nextid::http_client {

/// A loopback address or localhost, which libcurl takes for one.
bool is_this_machine(const Url& url);

/// https, or this machine, or one of `services`: addresses of AWS, as numbers, that never leave the
/// machine that a container or instance runs on.
bool may_carry_secrets(const Url& url, std::initializer_list<std::string_view> services = {});

}  // namespace nextid::http_client
