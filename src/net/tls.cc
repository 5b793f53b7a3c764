#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/cat.h"
#include "base/file_access.h"
#include "base/mutex.h"

namespace nextid::net {
namespace {

using base::cat;

// OpenSSL's reason for the failure of this thread's last call: the first of the errors that it
// left.
std::string take_reason() {
  const auto code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : cat("error ", code);
  // The system's errors have no text of OpenSSL's.
  if (ERR_SYSTEM_ERROR(code)) text = std::generic_category().message(ERR_GET_REASON(code));
  ERR_clear_error();
  return text;
}

Error cannot_use(std::string_view what, const std::string& path) {
  return Error(ErrorCode::kInvalid,
               cat("Can't use ", path, " as ", what, ": ", take_reason(), "."));
}

// Instead of asking for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

void FreeSsl::operator()(SSL* ssl) const noexcept { SSL_free(ssl); }

void FreeSsl::operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsFiles files) {
  std::unique_ptr<TlsServer> server(new TlsServer(std::move(files)));
  if (const auto loaded = server->reload(); !loaded) return loaded.error();
  return server;
}

Result<void> TlsServer::reload() {
  auto context = load(files_);
  if (!context) return context.error();
  const base::Lock lock(mutex_);
  context_ = *std::move(context);
  return {};
}

Result<TlsServer::ContextPointer> TlsServer::load(const TlsFiles& files) {
  for (const std::string* file : {&files.certificate, &files.key, &files.client_ca}) {
    if (file->empty()) continue;
    if (const auto why = base::why_others_can_write(*file)) {
      return Error(ErrorCode::kInvalid, cat(*file, " can't be relied on for TLS: ", *why, "."));
    }
  }
  ERR_clear_error();
  ContextPointer context(SSL_CTX_new(TLS_server_method()));
  if (!context) return Error(ErrorCode::kUnavailable, cat("OpenSSL: ", take_reason(), "."));
  SSL_CTX* ctx = context.get();

  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  // An end without close_notify counts as the end of input: HTTP and RESP can tell a torn request
  // from a whole one.
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(ctx, 1);
  // Tickets resume sessions without a memory of them here; each context has keys of its own, so a
  // reload ends them.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  constexpr std::string_view kSessions = "nextid";
  SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                 kSessions.size());
  SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);

  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate.c_str()) != 1) {
    return cannot_use("the server's certificate", files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return cannot_use("the key of " + files.certificate, files.key);
  }
  if (!files.client_ca.empty()) {
    auto* names = SSL_load_client_CA_file(files.client_ca.c_str());
    if (names == nullptr || SSL_CTX_load_verify_file(ctx, files.client_ca.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return cannot_use("the authority of client certificates", files.client_ca);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

SslPointer TlsServer::accept(int descriptor) const {
  SslPointer ssl;
  {
    const base::Lock lock(mutex_);
    ssl.reset(SSL_new(context_.get()));  // Shares the context, which so outlives a reload.
  }
  if (!ssl || SSL_set_fd(ssl.get(), descriptor) != 1) return nullptr;
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace nextid::net
