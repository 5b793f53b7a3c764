// The URL of a store in etcd: etcd://HOST:PORT[,HOST:PORT]/PREFIX?...
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "nextid/error.h"

#include "base/process_environment.h"

namespace nextid::store {

struct EtcdSettings {
  std::string url;                     ///< As given, without a secret, for sentences.
  std::vector<std::string> endpoints;  ///< "https://HOST:PORT"
  std::string prefix = "nextid";       ///< See EtcdKeys.
  std::string ca_file;                 ///< PEM; empty for the system's authorities.
  std::string cert_file;               ///< Of this client; PEM, as is its key.
  std::string key_file;
  std::string user;           ///< Empty: none.
  std::string password;       ///< From the environment.
  std::string password_file;  ///< Its first line is the password, and wins.
  bool plain_http = false;    ///< Passwords may go over http:// to other machines.
  bool create = true;         ///< Make the store when it is missing.
  bool is_known = false;      ///< It was there before: none is made in its place.
  std::chrono::milliseconds attempt_timeout{1'000};  ///< For each call of etcd.
};

/// Parses what follows "etcd:". `create` holds where the URL does not say. What it does not say
/// otherwise comes from etcdctl's variables: ETCDCTL_ENDPOINTS, ETCDCTL_CACERT, ETCDCTL_CERT,
/// ETCDCTL_KEY, ETCDCTL_USER, ETCDCTL_PASSWORD. kInvalid names the part that is wrong and what it
/// may be, and never a password.
Result<EtcdSettings> parse_etcd_url(
    const std::string& rest, bool create = true,
    const base::Environment& environment = &base::process_environment);

}  // namespace nextid::store
