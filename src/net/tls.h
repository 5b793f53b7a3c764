// TLS for listeners: the server's certificate, and the authority of client certificates where
// those are asked for. OpenSSL's defaults of strength; TLS 1.2 or later.
#pragma once

#include <memory>
#include <openssl/types.h>
#include <string>

#include "nextid/error.h"

#include "base/mutex.h"

namespace nextid::net {

struct FreeSsl {
  void operator()(SSL* ssl) const noexcept;
  void operator()(SSL_CTX* context) const noexcept;
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;

/// Paths of PEM files.
struct TlsFiles {
  std::string certificate;  ///< The server's, then those that lead to its root.
  std::string key;          ///< Without a passphrase.
  std::string client_ca;    ///< Clients need a certificate of one of these; "": they need none.
};

/// Thread-safe. OpenSSL writes to sockets without MSG_NOSIGNAL: the process must ignore SIGPIPE.
class TlsServer {
 public:
  /// kInvalid says which file is wrong, and how.
  static Result<std::unique_ptr<TlsServer>> open(TlsFiles files);

  /// Reads the files again, for connections that begin later. After an error the certificates from
  /// before stay.
  Result<void> reload();

  const TlsFiles& files() const noexcept { return files_; }

  /// For one connection on that descriptor, which is non-blocking and stays the caller's. Null when
  /// memory ran out.
  SslPointer accept(int descriptor) const;

 private:
  using ContextPointer = std::unique_ptr<SSL_CTX, FreeSsl>;

  explicit TlsServer(TlsFiles files) : files_(std::move(files)) {}
  static Result<ContextPointer> load(const TlsFiles& files);

  const TlsFiles files_;
  mutable base::Mutex mutex_;
  ContextPointer context_ NEXTID_GUARDED_BY(mutex_);
};

}  // namespace nextid::net
