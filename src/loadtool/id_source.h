// Where one client of a load takes its ids from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nextid/error.h"
#include "nextid/store.h"

#include "net/address.h"

namespace nextid::loadtool {

/// One client, used by one thread.
class IdSource {
 public:
  virtual ~IdSource() = default;
  /// Asks for `count` ids at once, one request each, and appends the ids that came. An error is of
  /// the first request that failed; those after it may have been served.
  virtual Result<void> take(std::size_t count, std::vector<std::uint64_t>& ids) = 0;
};

/// What a client connects to, and as whom.
struct Target {
  net::HostPort address;
  std::string counter;
  std::string token;  ///< "" for none.
};

/// A protocol that a client of a load speaks.
struct Protocol {
  std::string_view name;   ///< As the server's option with its address: "http"
  std::string_view title;  ///< "HTTP"
  /// Connects at once; kUnavailable says why it can't. An answer may take kAnswerLimit.
  Result<std::unique_ptr<IdSource>> (*connect)(const Target& target);
};
std::span<const Protocol> protocols();

Result<std::unique_ptr<IdSource>> connect_http(const Target& target);
Result<std::unique_ptr<IdSource>> connect_resp(const Target& target);

/// A generator of this process's own.
std::unique_ptr<IdSource> use_store(const Store& store, const std::string& counter);

}  // namespace nextid::loadtool
