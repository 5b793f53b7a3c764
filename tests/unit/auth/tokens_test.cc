#include "auth/tokens.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "auth/token_file.h"
#include "unit/node/scratch_dir.h"

namespace nextid::auth {
namespace {

// SHA-256 of "abc", FIPS 180-2.
constexpr const char* kAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string line(const std::string& name, const std::string& secret,
                 const std::string& rights = "allocate", const std::string& counter = "*") {
  return token_line(name, secret, rights, {counter}) + "\n";
}

TEST(TokensTest, FindsTheGrantOfASecret) {
  const auto tokens = Tokens::parse("# who\r\n\n  billing\t" + std::string(kAbc) +
                                        "  read,allocate  orders invoices:* # two\r\n" +
                                        line("admin", "other", "define"),
                                    "tokens");
  ASSERT_TRUE(tokens) << tokens.error().what();
  EXPECT_EQ(tokens->size(), 2U);
  const Grant* billing = tokens->find(digest_of("abc"));
  ASSERT_NE(billing, nullptr);
  EXPECT_EQ(billing->name, "billing");
  EXPECT_EQ(billing->rights, (Rights{Right::kRead, Right::kAllocate}));
  ASSERT_NE(tokens->find(digest_of("other")), nullptr);
  EXPECT_EQ(tokens->find(digest_of("other"))->name, "admin");
  for (const auto* wrong : {"", "ab", "abcd", "ABC", "abc\n"}) {
    EXPECT_EQ(tokens->find(digest_of(wrong)), nullptr) << wrong;
  }
}

TEST(TokensTest, AGrantIsForItsRightsAndCounters) {
  const Grant grant{.name = "billing",
                    .rights = {Right::kRead, Right::kAllocate},
                    .counters = {"orders", "invoices:*"}};
  EXPECT_TRUE(grant.allows(Right::kRead, "orders"));
  EXPECT_TRUE(grant.allows(Right::kAllocate, "invoices:eu"));
  EXPECT_FALSE(grant.allows(Right::kDefine, "orders"));
  EXPECT_FALSE(grant.allows(Right::kAllocate, "orders2"));
  EXPECT_FALSE(grant.allows(Right::kAllocate, "invoices"));
  EXPECT_FALSE(grant.allows_all(Right::kRead));
  const Grant all{.name = "all", .rights = {Right::kRead}, .counters = {"orders", "*"}};
  EXPECT_TRUE(all.allows_all(Right::kRead));
  EXPECT_FALSE(all.allows_all(Right::kAllocate));
}

TEST(TokensTest, LimitsStandBehindTheCounters) {
  const auto tokens = Tokens::parse(
      "a " + std::string(kAbc) + " allocate b:* c counters-in-use=1 new-counters=2 keys=3 " +
          "waiting=4 ids-per-second=5 requests-per-second=6  # All of them.",
      "tokens");
  ASSERT_TRUE(tokens) << tokens.error().what();
  const Grant* grant = tokens->find(digest_of("abc"));
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->counters, (std::vector<std::string>{"b:*", "c"}));
  EXPECT_EQ(grant->limits, (Limits{.counters_in_use = 1,
                                   .new_counters = 2,
                                   .keys = 3,
                                   .waiting = 4,
                                   .ids_per_second = 5,
                                   .requests_per_second = 6}));
}

TEST(TokensTest, ErrorsTellTheLineAndNoSecret) {
  const std::string secret = "nextid_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const std::string abc = kAbc;
  for (const auto& bad : {
           secret,
           "billing " + secret + " read *",
           "billing sha256:" + secret + " read *",
           "billing " + abc + " " + secret + " *",
           "billing " + abc + "0 read *",
           "billing " + abc.substr(0, abc.size() - 1) + "g read *",
           "billing " + abc + " read",
           "billing " + abc + " read, allocate *",
           "billing " + abc + " write *",
           "billing " + abc + " read orders,invoices",
           "bil/ling " + abc + " read *",
           "billing " + abc + " read keys=5",
           "billing " + abc + " read * keys=5 orders",
           "billing " + abc + " read * keys=",
           "billing " + abc + " read * keys=0",
           "billing " + abc + " read * keys=-1",
           "billing " + abc + " read * keys=5 keys=5",
           "billing " + abc + " read * ids=5",
           "billing " + abc + " read * " + secret + "=",
           line("billing", "x") + line("billing", "y"),
           line("billing", secret) + line("other", secret),
       }) {
    const auto tokens = Tokens::parse("# first\n" + bad, "/etc/tokens");
    ASSERT_TRUE(tokens.has_error()) << bad;
    const std::string sentence = tokens.error().what();
    EXPECT_EQ(tokens.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(sentence.starts_with("/etc/tokens, line ")) << sentence;
    EXPECT_EQ(sentence.find(secret), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find("ba7816bf"), std::string::npos) << sentence;
  }
  EXPECT_TRUE(std::string(Tokens::parse(line("a", "x") + "\n\nb", "t").error().what())
                  .starts_with("t, line 4: "));
}

TEST(TokensTest, AFileWithoutTokensIsWrong) {
  EXPECT_TRUE(Tokens::parse("", "tokens").has_error());
  EXPECT_TRUE(Tokens::parse("# none yet\n", "tokens").has_error());
}

TEST(TokensTest, ReadsFilesAndTellsWhyNot) {
  const testing::ScratchDir dir;
  const std::string path = dir.path() / "tokens";
  EXPECT_EQ(Tokens::read(path).error().what(),
            "Can't read the token file " + path + ": No such file or directory.");
  EXPECT_TRUE(Tokens::read(dir.path()).has_error());
  std::ofstream(path) << line("billing", "secret");
  ASSERT_TRUE(Tokens::read(path));
  EXPECT_NE(Tokens::read(path)->find(digest_of("secret")), nullptr);
  std::ofstream(path) << "\xEF\xBB\xBF" << line("billing", "secret");  // As Notepad writes it.
  ASSERT_TRUE(Tokens::read(path)) << Tokens::read(path).error().what();
  EXPECT_NE(Tokens::read(path)->find(digest_of("secret")), nullptr);
  std::ofstream(path) << std::string(kMaxTokenFileBytes + 1, '#');
  EXPECT_TRUE(Tokens::read(path).has_error());
}

TEST(TokensTest, RefusesAFileThatOthersMayWrite) {
  const testing::ScratchDir dir;
  const std::filesystem::path path = dir.path() / "tokens";
  std::ofstream(path) << line("billing", "secret");
  std::filesystem::permissions(path, std::filesystem::perms(0606));
  const auto refused = Tokens::read(path);
  ASSERT_TRUE(refused.has_error());
  EXPECT_NE(std::string(refused.error().what()).find("chmod o-w " + path.string()),
            std::string::npos)
      << refused.error().what();
}

TEST(TokensTest, MadeTokensAreLongAndDiffer) {
  const auto first = make_token();
  const auto second = make_token();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 7U + 43U);  // 32 bytes in base64url.
  EXPECT_TRUE(first->starts_with("nextid_"));
  EXPECT_EQ(first->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-_"),
            std::string::npos);
  EXPECT_NE(*first, *second);
  const auto tokens = Tokens::parse(line("a", *first), "tokens");
  ASSERT_TRUE(tokens);
  EXPECT_NE(tokens->find(digest_of(*first)), nullptr);
  EXPECT_EQ(tokens->find(digest_of(*second)), nullptr);
}

TEST(RightsTest, TextAndBack) {
  EXPECT_EQ(parse_rights("read"), Rights{Right::kRead});
  EXPECT_EQ(to_string(*parse_rights("define,read")), "read,define");
  EXPECT_EQ(parse_rights("delete"), Rights{Right::kDelete});
  EXPECT_EQ(to_string(*parse_rights("delete,define")), "define,delete");
  EXPECT_FALSE(parse_rights("read,allocate,define")->has(Right::kDelete));
  for (const auto* wrong : {"", ",", "read,", ",read", "Read", "read allocate", "all"}) {
    EXPECT_EQ(parse_rights(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace nextid::auth
