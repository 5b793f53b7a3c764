// Where the pages about this server come from.
#pragma once

#include <functional>
#include <string>

#include "protocol/http_reply.h"
#include "protocol/http_routes.h"

namespace nextid::net {

/// Thread-safe. `done` gets the answer once, from any thread, perhaps before the call returns; it
/// must not block.
class ReportSource {
 public:
  using Done = std::function<void(protocol::Reply)>;

  virtual void report(const protocol::Metrics& call, Done done) = 0;
  virtual void report(const protocol::Status& call, Done done) = 0;

  /// Why ids of the store, or of some of its counters, are not given out any more; empty while
  /// there is no such reason. As it was within the last second. Cheap.
  virtual std::string doubt() const = 0;

 protected:
  ~ReportSource() = default;
};

}  // namespace nextid::net
