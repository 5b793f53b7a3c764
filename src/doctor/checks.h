// The checks of `nextid doctor`, each in a file of its own. None changes a counter, makes a store,
// or keeps anything. A new check is a function here and a line in src/cli/doctor.cc.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "nextid/store.h"

#include "doctor/finding.h"
#include "net/address.h"
#include "server/options.h"

namespace nextid::doctor {

/// Whether the store opens, which one it is, whether it can be read and written, and how fast; its
/// credentials; its clock; and, where there is one, the state directory. Of the options it takes
/// whether a missing store would be made, whether a copy is accepted, the directory, and the time
/// limit. Blocks for some seconds at worst.
Findings check_store(const std::string& url, const StoreOptions& options);

/// What a state directory remembers, beside the store that was opened. Makes none.
Findings check_state_dir(const std::string& directory, const StoreOpening& opening);

/// The file system of a store that is a file: its kind, its room, and what a durable write takes.
/// Writes a file of its own next to it, and removes it. Nothing for other stores.
Findings check_disk(const std::string& url);

/// This machine's clock, judged by itself.
Findings check_clock(std::chrono::system_clock::time_point now);
/// This machine's clock, compared with the store's.
Findings check_clock_ahead(std::chrono::milliseconds ahead);

/// Whether an address can be listened on; `option` is the one that names it.
Findings check_port(const net::HostPort& address, std::string_view option);

/// Open files and threads.
Findings check_limits(const server::Config& config);

}  // namespace nextid::doctor
