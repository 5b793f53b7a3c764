// PEM files, as OpenSSL takes them.
#pragma once

#include <openssl/types.h>
#include <string>
#include <vector>

#include "nextid/error.h"

namespace nextid::net {

/// The certificates of a file in DER, in any order, each once.
using CertificateSet = std::vector<std::string>;

/// Each reads one file of at most 1 MB (base::read_file), which nobody else may write, and gives it
/// to `context`. kInvalid says which file is wrong, and how.
Result<void> use_certificate_chain(SSL_CTX* context, const std::string& path);
/// Without a passphrase: nobody is asked for one. `certificate` is the path of its certificate.
Result<void> use_private_key(SSL_CTX* context, const std::string& path,
                             const std::string& certificate);
/// Has clients show a certificate of one of these authorities, which it returns.
Result<CertificateSet> use_client_authorities(SSL_CTX* context, const std::string& path);

/// OpenSSL's reason for the failure of this thread's last call: the first of the errors that it
/// left, which are gone then.
std::string take_openssl_reason();

}  // namespace nextid::net
