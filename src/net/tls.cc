#include "net/tls.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string_view>
#include <utility>

#include "base/cat.h"
#include "base/mutex.h"

namespace nextid::net {
namespace {

using base::cat;

// Those of TLS 1.2: keys that are new for each connection, so that who gets the server's key can't
// read what was recorded before, and ciphers that authenticate. TLS 1.3 has no others.
constexpr const char* kSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";

bool has_all(const CertificateSet& now, const CertificateSet& before) {
  return std::all_of(before.begin(), before.end(), [&](const std::string& certificate) {
    return std::find(now.begin(), now.end(), certificate) != now.end();
  });
}

}  // namespace

void FreeSsl::operator()(SSL* ssl) const noexcept { SSL_free(ssl); }

void FreeSsl::operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsFiles files) {
  std::unique_ptr<TlsServer> server(new TlsServer(std::move(files)));
  if (const auto loaded = server->reload(); !loaded) return loaded.error();
  return server;
}

Result<void> TlsServer::reload() {
  auto loaded = load(files_);
  if (!loaded) return loaded.error();
  const base::Lock lock(mutex_);
  const bool withdraws = !has_all(loaded->authorities, loaded_.authorities);
  loaded_ = *std::move(loaded);
  // After the context: a connection that reads the old number gets the old context at worst, and
  // ends with those from before.
  if (withdraws) authority_.fetch_add(1, std::memory_order_release);
  return {};
}

Result<TlsServer::Loaded> TlsServer::load(const TlsFiles& files) {
  ERR_clear_error();
  Loaded loaded;
  loaded.context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = loaded.context.get();
  if (ctx == nullptr || SSL_CTX_set_cipher_list(ctx, kSuites) != 1) {
    return Error(ErrorCode::kUnavailable, cat("OpenSSL: ", take_openssl_reason(), "."));
  }
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  // An end without close_notify counts as the end of input: HTTP and RESP can tell a torn request
  // from a whole one.
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);
  // Tickets resume sessions without a memory of them here; each context has keys of its own, so a
  // reload ends them.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  constexpr std::string_view kSessions = "nextid";
  SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());

  if (auto used = use_certificate_chain(ctx, files.certificate); !used) return used.error();
  if (auto used = use_private_key(ctx, files.key, files.certificate); !used) return used.error();
  if (files.client_ca.empty()) return loaded;
  auto authorities = use_client_authorities(ctx, files.client_ca);
  if (!authorities) return authorities.error();
  loaded.authorities = *std::move(authorities);
  return loaded;
}

SslPointer TlsServer::accept(int descriptor) const {
  SslPointer ssl;
  {
    const base::Lock lock(mutex_);
    ssl.reset(SSL_new(loaded_.context.get()));  // Shares the context, which so outlives a reload.
  }
  if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace nextid::net
