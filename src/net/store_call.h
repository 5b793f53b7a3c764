// The HTTP calls that are answered later, from another thread: the store's own, reads and changes
// of what a counter is, and the pages about the server.
#pragma once

#include <functional>
#include <variant>

#include "nextid/store.h"

#include "net/report_source.h"
#include "protocol/http_reply.h"
#include "protocol/http_routes.h"

namespace nextid::net {

using StoreCall = std::variant<protocol::ListCounters, protocol::ShowCounter, protocol::Ready,
                               protocol::DefineCounter, protocol::AdvanceCounter, protocol::Metrics,
                               protocol::Status>;

/// Begins the call. `done` gets its answer once, from any thread, perhaps before this returns; it
/// must not block.
void start_store_call(const StoreCall& call, const Store& store, ReportSource& reports,
                      std::function<void(protocol::Reply)> done);

}  // namespace nextid::net
