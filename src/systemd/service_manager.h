// systemd as the service manager: the sockets that it opened, and the notices that it expects. None
// of this does anything unless a service manager asks for it.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "nextid/error.h"

namespace nextid::systemd {

/// Listening TCP sockets that this process was started with (sd_listen_fds(3)), by name; its own to
/// close.
using InheritedSockets = std::map<std::string, int, std::less<>>;

/// Takes them, by their FileDescriptorName=, which must be one of `names`; a single one without a
/// name is the first's. Removes the variables that announce them, so call it once, before threads
/// start. kInvalid names a socket that is of no use.
Result<InheritedSockets> take_inherited_sockets(std::span<const std::string_view> names);

/// READY=1 (sd_notify(3)), and a line for `systemctl status`.
void notify_ready(const std::string& status);
/// STOPPING=1
void notify_stopping();

}  // namespace nextid::systemd
