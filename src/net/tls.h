// TLS for listeners: the server's certificate, and the authority of client certificates where
// those are asked for. TLS 1.3, and of TLS 1.2 the suites with forward secrecy and AEAD; the
// server's order of them counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <openssl/types.h>
#include <string>

#include "nextid/error.h"

#include "base/mutex.h"
#include "net/certificate_files.h"

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

  /// Reads the files again, for connections that begin later. Where an authority of clients is
  /// gone, all that began before are to end. After an error the certificates from before stay.
  Result<void> reload();
  /// Changes when connections are to end: those that began under another number.
  std::uint64_t authority() const noexcept { return authority_.load(std::memory_order_acquire); }

  const TlsFiles& files() const noexcept { return files_; }

  /// For one connection on that descriptor, which is non-blocking and stays the caller's. Null when
  /// memory ran out.
  SslPointer accept(int descriptor) const;

 private:
  struct Loaded {
    std::unique_ptr<SSL_CTX, FreeSsl> context;
    CertificateSet authorities;
  };

  explicit TlsServer(TlsFiles files) : files_(std::move(files)) {}
  static Result<Loaded> load(const TlsFiles& files);

  const TlsFiles files_;
  mutable base::Mutex mutex_;
  Loaded loaded_ NEXTID_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> authority_{0};
};

}  // namespace nextid::net
