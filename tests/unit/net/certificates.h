// Certificates of a test's own, made with the openssl command.
#pragma once

#include <filesystem>
#include <string>

#include "net/tls.h"

namespace nextid::testing {

/// A self-signed one for 127.0.0.1, whose file serves as its authority, too.
net::TlsFiles make_certificate(const std::filesystem::path& directory, const std::string& name);

/// Runs `openssl ARGUMENTS`; throws when it fails.
void run_openssl(const std::string& arguments);

}  // namespace nextid::testing
