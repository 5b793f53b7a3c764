// What is shown of a URL.
#include "store/common/url_password.h"

#include <string>

#include <gtest/gtest.h>

namespace nextid::store {
namespace {

TEST(UrlPassword, IsNotShown) {
  const auto hide = &hide_password;
  EXPECT_EQ(hide("postgres://ann:secret@db/ids"), "postgres://ann@db/ids");
  EXPECT_EQ(hide("postgres://ann:secret@a:5432,b:5433/ids?sslmode=verify-full"),
            "postgres://ann@a:5432,b:5433/ids?sslmode=verify-full");
  EXPECT_EQ(hide("mysql://ann:s%40cret@[::1]:3306/ids"), "mysql://ann@[::1]:3306/ids");
  EXPECT_EQ(hide("etcd://:secret@db:2379/ids"), "etcd://@db:2379/ids");
  EXPECT_EQ(hide("postgres://ann:@db/ids"), "postgres://ann@db/ids");
}

TEST(UrlPassword, OfAParameterIsNotShown) {
  EXPECT_EQ(hide_password("postgres:///ids?password=secret"), "postgres:///ids");
  EXPECT_EQ(hide_password("postgres:///ids?a=1&password=secret&b=2"), "postgres:///ids?a=1&b=2");
  EXPECT_EQ(hide_password("postgres://ann@db/ids?sslpassword=secret&create=false"),
            "postgres://ann@db/ids?create=false");
  EXPECT_EQ(hide_password("mysql://db/ids?PassWd=secret&ssl_key_password=secret&pwd=secret"),
            "mysql://db/ids");
  EXPECT_EQ(hide_password("postgres://db/ids?p%61ss%77ord=secret"), "postgres://db/ids");
  EXPECT_EQ(hide_password("postgres://ann:one@db/ids?password=two"), "postgres://ann@db/ids");
}

TEST(UrlPassword, OtherTextStays) {
  for (const char* text : {"postgres://ann@db/ids",
                           "postgres://db:5432/ids",
                           "etcd://a:2379,b:2379/ids",
                           "postgres://[::1]:5432/ids?user=ann@tenant&sslmode=require",
                           "postgres:///ids",
                           "postgres://ann@[::1]:5432/ids?options=-c%20a=b",
                           "dynamodb://ids?endpoint=http://[::1]:8000",
                           "dynamodb://ids?endpoint=http://a@b:1&create=false",
                           "postgres://db/ids?passfile=/x/.pgpass",
                           "etcd://db/ids?user=ann&password_file=/x/secret",
                           "sqlite:ids.db",
                           "memory:",
                           "ids.db",
                           "orders",
                           "",
                           ":",
                           "?",
                           "@",
                           "a?b",
                           "a?",
                           "a&b"}) {
    EXPECT_EQ(hide_password(text), text);
    EXPECT_FALSE(has_unclear_password(text)) << text;
  }
}

/// What must be percent-encoded and is not, and URLs that are none: too much is hidden.
TEST(UrlPassword, IsHiddenWhereItCanOnlyBeGuessed) {
  for (const char* text : {"postgres://ann:sec@ret@db/ids", "postgres://ann:sec/ret@db/ids",
                           "postgres://ann:sec?ret@db/ids", "postgres://ann:sec#ret@db/ids",
                           "postgres://ann:sec?r=e&t@db/ids", "postgres://ann:1/sec?ret@db",
                           "postgres://ann:sec/r?et@db/ids", "postgres://ann:sec@r?et@db/ids",
                           "postgres://ann:sec:ret@db", "postgres:/ann:secret@db/ids",
                           "postgres:ann:secret@db/ids", "ann:secret@db/ids", "//ann:secret@db",
                           "://ann:secret@db", "pg://ann:secret@db?password=secret",
                           "ann:secret@db?password=secret", "root:sec://ret@db"}) {
    const std::string shown = hide_password(text);
    EXPECT_EQ(shown.find("sec"), std::string::npos) << text << " became " << shown;
    EXPECT_EQ(shown.find("et@"), std::string::npos) << text << " became " << shown;
    EXPECT_NE(shown.find("@db"), std::string::npos) << text << " became " << shown;
  }
}

TEST(UrlPassword, IsUnclearWithACharacterThatMustBeEncoded) {
  for (const char* text :
       {"postgres://ann:sec@ret@db/ids", "postgres://ann:sec/ret@db/ids",
        "postgres://ann:sec?ret@db/ids", "postgres://ann:sec#ret@db/ids", "etcd://db:2379/a@b"}) {
    EXPECT_TRUE(has_unclear_password(text)) << text;
  }
  for (const char* text : {"postgres://ann:secret@db/ids", "postgres://ann:sec:ret@db/ids",
                           "postgres://ann@db/ids?options=a@b"}) {
    EXPECT_FALSE(has_unclear_password(text)) << text;
  }
}

}  // namespace
}  // namespace nextid::store
