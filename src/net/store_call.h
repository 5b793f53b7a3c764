// The HTTP calls that the store answers itself: reads, and changes of what a counter is.
#pragma once

#include <functional>
#include <variant>

#include "nextid/store.h"

#include "protocol/http_reply.h"
#include "protocol/http_routes.h"

namespace nextid::net {

using StoreCall = std::variant<protocol::ListCounters, protocol::ShowCounter, protocol::Ready,
                               protocol::DefineCounter, protocol::AdvanceCounter>;

/// Begins the call. `done` gets its answer once, from any thread, perhaps before this returns; it
/// must not block.
void start_store_call(const StoreCall& call, const Store& store,
                      std::function<void(protocol::Reply)> done);

}  // namespace nextid::net
