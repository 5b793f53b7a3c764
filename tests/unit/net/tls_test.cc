#include "net/tls.h"

#include <filesystem>
#include <fstream>
#include <openssl/ssl.h>
#include <string>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "unit/net/certificates.h"
#include "unit/node/scratch_dir.h"

namespace nextid::net {
namespace {

using testing::make_certificate;

class TlsTest : public ::testing::Test {
 protected:
  // The CN of the certificate that the next connection would show.
  static std::string certificate_of(const TlsServer& server) {
    const auto ssl = server.accept(0);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get_certificate(ssl.get())), NID_commonName,
                              name, sizeof name);
    return name;
  }

  static std::string error_with(const TlsFiles& files) {
    const auto server = TlsServer::open(files);
    if (server) return "no error";
    EXPECT_EQ(server.error().code(), ErrorCode::kInvalid);
    return server.error().what();
  }

  testing::ScratchDir dir_;
};

TEST_F(TlsTest, ErrorsTellTheFile) {
  const auto good = make_certificate(dir_.path(), "good");
  const auto other = make_certificate(dir_.path(), "other");
  const std::string missing = dir_.path() / "missing";
  EXPECT_EQ(error_with({missing, good.key, ""}),
            "Can't use " + missing + " as the server's certificate: No such file or directory.");
  EXPECT_EQ(error_with({good.certificate, missing, ""}), "Can't use " + missing +
                                                             " as the key of " + good.certificate +
                                                             ": No such file or directory.");
  EXPECT_EQ(
      error_with({good.certificate, other.key, ""}),
      "Can't use " + other.key + " as the key of " + good.certificate + ": key values mismatch.");
  EXPECT_NE(error_with({good.key, good.key, ""}).find("as the server's certificate: "),
            std::string::npos);
  EXPECT_NE(error_with({good.certificate, good.key, good.key})
                .find("Can't use " + good.key + " as the authority of client certificates: "),
            std::string::npos);
}

TEST_F(TlsTest, AKeyWithAPassphraseIsRefusedAndAsksNobody) {
  const auto good = make_certificate(dir_.path(), "good");
  const std::string locked = dir_.path() / "locked.key";
  testing::run_openssl("pkey -aes128 -passout pass:secret -in " + good.key + " -out " + locked);
  EXPECT_NE(error_with({good.certificate, locked, ""}).find("Can't use " + locked),
            std::string::npos);
}

TEST_F(TlsTest, ReloadsForNewConnectionsAndKeepsTheOldOnesAfterAnError) {
  const auto files = make_certificate(dir_.path(), "first");
  const auto server = TlsServer::open(files);
  ASSERT_TRUE(server) << server.error().what();
  EXPECT_EQ(certificate_of(**server), "first");
  const auto old_connection = (*server)->accept(0);

  const auto second = make_certificate(dir_.path(), "second");
  std::filesystem::copy_file(second.certificate, files.certificate,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE((*server)->reload().has_error());  // The key is still the first one's.
  EXPECT_EQ(certificate_of(**server), "first");

  std::filesystem::copy_file(second.key, files.key,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE((*server)->reload());
  EXPECT_EQ(certificate_of(**server), "second");
}

TEST_F(TlsTest, NothingOlderThanTls12) {
  const auto server = TlsServer::open(make_certificate(dir_.path(), "a"));
  ASSERT_TRUE(server);
  EXPECT_EQ(SSL_get_min_proto_version((*server)->accept(0).get()), TLS1_2_VERSION);
}

TEST_F(TlsTest, OnlySuitesWithForwardSecrecyAndInTheServersOrder) {
  const auto server = TlsServer::open(make_certificate(dir_.path(), "a"));
  ASSERT_TRUE(server);
  const auto ssl = (*server)->accept(0);
  int of_tls_1_2 = 0;
  for (int i = 0; const char* name = SSL_get_cipher_list(ssl.get(), i); ++i) {
    const std::string suite = name;
    if (suite.starts_with("TLS_")) continue;  // Of TLS 1.3, which has no others.
    ++of_tls_1_2;
    EXPECT_TRUE(suite.starts_with("ECDHE-")) << suite;
    EXPECT_TRUE(suite.find("GCM") != std::string::npos ||
                suite.find("CHACHA20-POLY1305") != std::string::npos)
        << suite;
  }
  EXPECT_EQ(of_tls_1_2, 6);
  EXPECT_NE(SSL_get_options(ssl.get()) & SSL_OP_CIPHER_SERVER_PREFERENCE, 0U);
}

TEST_F(TlsTest, AFileOfSeveralCertificatesIsAChainWhoseOthersFollow) {
  const auto files = make_certificate(dir_.path(), "a");
  const auto other = make_certificate(dir_.path(), "b");
  const std::string chain = dir_.path() / "chain.pem";
  std::ofstream(chain) << std::ifstream(files.certificate).rdbuf()
                       << std::ifstream(other.certificate).rdbuf();
  const auto server = TlsServer::open({chain, files.key, ""});
  ASSERT_TRUE(server) << server.error().what();
  EXPECT_EQ(certificate_of(**server), "a");
  const auto ssl = (*server)->accept(0);
  STACK_OF(X509)* issuers = nullptr;
  ASSERT_EQ(SSL_get0_chain_certs(ssl.get(), &issuers), 1);
  EXPECT_EQ(sk_X509_num(issuers), 1);
  std::ofstream(chain, std::ios::app) << "-----BEGIN CERTIFICATE-----\nnone\n";
  EXPECT_NE(error_with({chain, files.key, ""}).find("as the server's certificate: "),
            std::string::npos);
}

// An authority more is no reason to end connections; one less is.
TEST_F(TlsTest, ConnectionsEndWhereAnAuthorityIsGone) {
  auto files = make_certificate(dir_.path(), "server");
  const auto first = make_certificate(dir_.path(), "first");
  const auto second = make_certificate(dir_.path(), "second");
  files.client_ca = dir_.path() / "authorities.pem";
  const auto trust = [&](std::initializer_list<std::string> authorities) {
    std::ofstream file(files.client_ca);
    for (const std::string& path : authorities) file << std::ifstream(path).rdbuf();
  };
  trust({first.certificate});
  const auto server = TlsServer::open(files);
  ASSERT_TRUE(server) << server.error().what();
  const auto number_after = [&](std::initializer_list<std::string> authorities) {
    trust(authorities);
    EXPECT_TRUE((*server)->reload());
    return (*server)->authority();
  };
  const auto begun = (*server)->authority();
  EXPECT_EQ(number_after({first.certificate}), begun);
  EXPECT_EQ(number_after({second.certificate, first.certificate}), begun);
  const auto later = number_after({second.certificate});
  EXPECT_NE(later, begun);
  EXPECT_EQ(number_after({second.certificate}), later);
  std::ofstream(files.client_ca) << "nonsense";
  EXPECT_TRUE((*server)->reload().has_error());
  EXPECT_EQ((*server)->authority(), later);
}

TEST_F(TlsTest, PipesAreRefusedAndNotWaitedFor) {
  auto files = make_certificate(dir_.path(), "a");
  for (std::string* file : {&files.certificate, &files.key}) {
    const std::string kept = *file;
    *file += ".pipe";
    ASSERT_EQ(::mkfifo(file->c_str(), 0600), 0);
    EXPECT_NE(error_with(files).find(": it is no regular file."), std::string::npos);
    *file = kept;
  }
}

}  // namespace
}  // namespace nextid::net
