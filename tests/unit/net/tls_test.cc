#include "net/tls.h"

#include <filesystem>
#include <fstream>
#include <openssl/ssl.h>
#include <string>

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

}  // namespace
}  // namespace nextid::net
