// Servers that a test program starts for itself.
#pragma once

#include <string>
#include <vector>

namespace nextid::test {

/// Starts a program that prints "listening on PLACE" and ends once its standard input closes: so it
/// ends with this process, however that ends. Returns the place. `install` says in errors where the
/// program comes from. Throws std::runtime_error or std::system_error.
std::string start_server(std::vector<std::string> words, const std::string& install);

/// One of tests/servers/serve.py: "postgres", "mysql" or "etcd". The place that the environment
/// variable has instead, if it is set.
std::string start_database(const std::string& kind, const char* variable);

}  // namespace nextid::test
