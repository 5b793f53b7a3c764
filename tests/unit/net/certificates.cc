#include "unit/net/certificates.h"

#include <cstdlib>
#include <stdexcept>

namespace nextid::testing {

void run_openssl(const std::string& arguments) {
  const std::string command = "openssl " + arguments + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

net::TlsFiles make_certificate(const std::filesystem::path& directory, const std::string& name) {
  net::TlsFiles files{.certificate = directory / (name + ".pem"),
                      .key = directory / (name + ".key"),
                      .client_ca = ""};
  run_openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" + name +
      " -addext subjectAltName=IP:127.0.0.1 -keyout " + files.key + " -out " + files.certificate);
  return files;
}

}  // namespace nextid::testing
