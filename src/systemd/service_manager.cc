#include "systemd/service_manager.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include "base/cat.h"
#include "base/descriptor.h"
#include "base/process_environment.h"
#include "base/quoting.h"
#include "base/whole_number.h"

namespace nextid::systemd {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

constexpr int kFirstInherited = 3;
constexpr std::uint64_t kMostInherited = 1000;

/// How many descriptors were left to this very process, from kFirstInherited on.
Result<int> inherited_count() {
  const auto process = base::process_environment("LISTEN_PID");
  if (!process || base::whole_number(*process) != static_cast<std::uint64_t>(::getpid())) return 0;
  const auto text = base::process_environment("LISTEN_FDS");
  if (!text) return 0;
  const auto count = base::whole_number(*text, 1, kMostInherited);
  if (!count) {
    return invalid(cat("Can't take the sockets that LISTEN_FDS announces: ", base::in_quotes(*text),
                       " is no number of them."));
  }
  return static_cast<int>(*count);
}

/// "a:b" is {"a", "b"}.
std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == ':') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

/// The names of the inherited descriptors, which programs that this one starts don't inherit.
Result<std::vector<std::string>> inherited_names() {
  const auto count = inherited_count();
  if (!count) return count.error();
  const auto text = base::process_environment("LISTEN_FDNAMES");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (*count == 0) return std::vector<std::string>();
  const auto size = static_cast<std::size_t>(*count);
  std::vector<std::string> names =
      text ? split_names(*text) : std::vector<std::string>(size, "unknown");
  if (names.size() != size) {
    return invalid(cat("Can't take the sockets that LISTEN_FDS announces: it says ", *count,
                       ", and LISTEN_FDNAMES has ", names.size(), " names."));
  }
  for (int i = 0; i < *count; ++i) {
    if (::fcntl(kFirstInherited + i, F_SETFD, FD_CLOEXEC) != 0) {
      return invalid(
          cat("Can't take the sockets that LISTEN_FDS announces: ", std::strerror(errno), "."));
    }
  }
  return names;
}

bool is_listening_tcp(int descriptor) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return false;
  const auto option = [descriptor](int name) {
    int value = -1;
    socklen_t length = sizeof(value);
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
  };
  return option(SO_TYPE) == SOCK_STREAM && option(SO_ACCEPTCONN) == 1;
}

/// Sends it to the service manager, if there is one. What can't be sent is left: nobody here could
/// mend it, and the manager goes by its own time limit then.
void notify(const std::string& message) {
  const auto path = base::process_environment("NOTIFY_SOCKET");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (!path || path->size() >= sizeof(address.sun_path)) return;
  if (path->front() != '/' && path->front() != '@') return;
  std::memcpy(address.sun_path, path->data(), path->size());
  socklen_t size = offsetof(sockaddr_un, sun_path) + static_cast<socklen_t>(path->size());
  if (path->front() == '@') {
    address.sun_path[0] = '\0';  // A name in the abstract space, as long as `size` says.
  } else {
    ++size;  // With the NUL behind the path.
  }
  const base::Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return;
  ::sendto(socket.descriptor(), message.data(), message.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), size);
}

/// "http or resp"
std::string in_words(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    text += cat(text.empty() ? "" : " or ", name);
  }
  return text;
}

}  // namespace

Result<InheritedSockets> take_inherited_sockets(std::span<const std::string_view> names) {
  const auto inherited = inherited_names();
  if (!inherited) return inherited.error();
  InheritedSockets sockets;
  for (std::size_t i = 0; i < inherited->size(); ++i) {
    std::string name = (*inherited)[i];
    const int descriptor = kFirstInherited + static_cast<int>(i);
    // Without FileDescriptorName= systemd says the socket unit's name, or "unknown".
    const bool unnamed = name == "unknown" || name.ends_with(".socket");
    if (unnamed && inherited->size() == 1) name = names.front();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return invalid(cat("The inherited socket '", name,
                         "' has no use here: its FileDescriptorName must be ", in_words(names),
                         "."));
    }
    if (!is_listening_tcp(descriptor)) {
      return invalid(
          cat("The inherited socket '", (*inherited)[i], "' is no listening TCP socket."));
    }
    if (!sockets.emplace(name, descriptor).second) {
      return invalid(cat("More than one socket named '", name,
                         "' was inherited; name one address in the socket unit."));
    }
  }
  return sockets;
}

void notify_ready(const std::string& status) { notify("READY=1\nSTATUS=" + status); }

void notify_stopping() { notify("STOPPING=1\nSTATUS=Answering what waits, closing the store"); }

}  // namespace nextid::systemd
