#include "net/certificate_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string_view>
#include <system_error>

#include "base/cat.h"
#include "base/file_access.h"
#include "base/file_reading.h"

namespace nextid::net {
namespace {

using base::cat;

constexpr std::size_t kMaxBytes = 1024 * 1024;

struct Free {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Error cannot_use(std::string_view what, const std::string& path, std::string_view why) {
  return Error(ErrorCode::kInvalid, cat("Can't use ", path, " as ", what, ": ", why, "."));
}

/// Its text, which is gone from memory with its owner.
class PemFile {
 public:
  PemFile(std::string_view what, const std::string& path) : what_(what), path_(path) {}
  ~PemFile() { OPENSSL_cleanse(text_.data(), text_.size()); }
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;

  Result<Bio> open() {
    if (const auto why = base::why_others_can_write(path_)) {
      return Error(ErrorCode::kInvalid, cat(path_, " can't be relied on for TLS: ", *why, "."));
    }
    auto text = base::read_file(path_, kMaxBytes);
    if (!text) return cannot_use(what_, path_, text.error().what());
    if (!*text) return cannot_use(what_, path_, std::strerror(ENOENT));
    text_.swap(**text);
    ERR_clear_error();
    return Bio(BIO_new_mem_buf(text_.data(), static_cast<int>(text_.size())));
  }
  /// For a failure of OpenSSL's.
  Error wrong() const { return cannot_use(what_, path_, take_openssl_reason()); }

 private:
  const std::string what_;
  const std::string path_;
  std::string text_;
};

// Instead of asking for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

/// The next certificate; null at the end, or where the text is wrong, which ended_well() tells.
Certificate next_certificate(BIO* pem) {
  return Certificate(PEM_read_bio_X509_AUX(pem, nullptr, no_passphrase, nullptr));
}

bool ended_well() {
  const auto code = ERR_peek_last_error();
  const bool is_end =
      ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  if (is_end) ERR_clear_error();
  return is_end;
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  std::string der;
  if (size > 0) der.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

std::string take_openssl_reason() {
  const auto code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : cat("error ", code);
  // The system's errors have no text of OpenSSL's.
  if (ERR_SYSTEM_ERROR(code)) text = std::generic_category().message(ERR_GET_REASON(code));
  ERR_clear_error();
  return text;
}

Result<void> use_certificate_chain(SSL_CTX* context, const std::string& path) {
  PemFile file("the server's certificate", path);
  const auto pem = file.open();
  if (!pem) return pem.error();
  const Certificate own = next_certificate(pem->get());
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return file.wrong();
  while (const Certificate issuer = next_certificate(pem->get())) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1) return file.wrong();
  }
  if (!ended_well()) return file.wrong();
  return {};
}

Result<void> use_private_key(SSL_CTX* context, const std::string& path,
                             const std::string& certificate) {
  PemFile file("the key of " + certificate, path);
  const auto pem = file.open();
  if (!pem) return pem.error();
  const Key key(PEM_read_bio_PrivateKey(pem->get(), nullptr, no_passphrase, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return file.wrong();
  return {};
}

Result<CertificateSet> use_client_authorities(SSL_CTX* context, const std::string& path) {
  PemFile file("the authority of client certificates", path);
  const auto pem = file.open();
  if (!pem) return pem.error();
  CertificateSet authorities;
  while (const Certificate authority = next_certificate(pem->get())) {
    const std::string der = der_of(authority.get());
    if (std::find(authorities.begin(), authorities.end(), der) != authorities.end()) continue;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return file.wrong();
    }
    authorities.push_back(der);
  }
  if (authorities.empty() || !ended_well()) return file.wrong();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return authorities;
}

}  // namespace nextid::net
