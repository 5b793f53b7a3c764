// Where one client of a load takes its ids from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "net/address.h"

namespace nextid::loadtool {

/// One client, used by one thread.
class IdSource {
 public:
  virtual ~IdSource() = default;
  /// Asks for `count` ids at once, one request each, and appends those that came. An error is of
  /// the first request that failed; those after it may have been served.
  virtual Result<void> take(std::size_t count, std::vector<std::uint64_t>& ids) = 0;
};

/// What a client connects to, and as whom.
struct Target {
  net::HostPort address;
  std::string counter;
  std::string token;  ///< "" for none.
};

/// Each connects at once; kUnavailable says why it can't. An answer may take kAnswerLimit.
Result<std::unique_ptr<IdSource>> connect_http(const Target& target);
Result<std::unique_ptr<IdSource>> connect_resp(const Target& target);
/// A generator of this process's own.
std::unique_ptr<IdSource> use_store(const Store& store, const std::string& counter);

}  // namespace nextid::loadtool
