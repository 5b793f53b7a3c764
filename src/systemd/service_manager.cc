#include "systemd/service_manager.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <vector>

#include "base/cat.h"

namespace nextid::systemd {
namespace {

using base::cat;

Error invalid(const std::string& sentence) { return Error(ErrorCode::kInvalid, sentence); }

/// The names of the inherited descriptors, from SD_LISTEN_FDS_START on.
Result<std::vector<std::string>> inherited_names() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(/*unset_environment=*/1, &names);
  if (count < 0) {
    return invalid(
        cat("Can't take the sockets that LISTEN_FDS announces: ", std::strerror(-count), "."));
  }
  std::vector<std::string> copies;
  for (int i = 0; i < count; ++i) {
    const std::unique_ptr<char, decltype(&std::free)> name(names[i], &std::free);
    copies.emplace_back(name.get());
  }
  std::free(names);
  return copies;
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
    const int descriptor = SD_LISTEN_FDS_START + static_cast<int>(i);
    // Without FileDescriptorName= systemd says the socket unit's name, or "unknown".
    const bool unnamed = name == "unknown" || name.ends_with(".socket");
    if (unnamed && inherited->size() == 1) name = names.front();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return invalid(cat("The inherited socket '", name,
                         "' has no use here: its FileDescriptorName must be ", in_words(names),
                         "."));
    }
    if (sd_is_socket_inet(descriptor, AF_UNSPEC, SOCK_STREAM, /*listening=*/1, 0) <= 0) {
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

void notify_ready(const std::string& status) {
  sd_notify(/*unset_environment=*/0, ("READY=1\nSTATUS=" + status).c_str());
}

void notify_stopping() {
  sd_notify(/*unset_environment=*/0, "STOPPING=1\nSTATUS=Answering what waits, closing the store");
}

}  // namespace nextid::systemd
