#include <sys/resource.h>
#include <thread>

#include "base/cat.h"
#include "doctor/checks.h"

namespace nextid::doctor {
namespace {

using base::cat;

// The store, the log, listeners, event loops.
constexpr std::uint64_t kOwnFiles = 100;

Finding check_open_files(std::size_t max_connections) {
  constexpr const char* kSubject = "open files";
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return warn(kSubject, "The limit can't be read.");
  const std::uint64_t needed = max_connections + kOwnFiles;
  const bool unlimited = limit.rlim_max == RLIM_INFINITY;
  const std::string allowed = unlimited ? "any number" : std::to_string(limit.rlim_max);
  if (unlimited || limit.rlim_max >= needed) {
    return ok(kSubject, cat("A process may have ", allowed, " open, and max-connections ",
                            max_connections, " needs ", needed, "."));
  }
  return warn(
      kSubject,
      cat("A process may have ", allowed, " open, but max-connections ", max_connections, " needs ",
          needed, ". Raise LimitNOFILE= of the unit, or ulimit -n, or lower --max-connections."));
}

Finding check_threads(std::size_t threads) {
  constexpr const char* kSubject = "threads";
  const unsigned cores = std::thread::hardware_concurrency();
  const std::string counts =
      cat(threads, " of them serve clients, and there are ", cores, " processors");
  if (cores == 0 || threads <= cores) return ok(kSubject, counts + ".");
  return warn(kSubject, counts + ". Lower --threads: more only take turns.");
}

}  // namespace

Findings check_limits(const server::Config& config) {
  return {check_open_files(config.clients.max_connections), check_threads(config.threads)};
}

}  // namespace nextid::doctor
