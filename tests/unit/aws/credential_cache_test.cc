// Credentials that are renewed while they are in use. Lives of seconds stand for those of hours.
#include "aws/credential_cache.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "aws_test_support.h"

namespace nextid::aws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::contains;
using testing::eventually;

/// A source whose answers a test sets, and whose looks it counts.
class FakeSource {
 public:
  Result<Credentials> find() {
    const std::lock_guard lock(mutex_);
    looks_.push_back(steady_clock::now());
    if (failing_) return Error(ErrorCode::kUnavailable, "the source is down");
    Credentials credentials{
        .access_key_id = key_.empty() ? "key-" + std::to_string(looks_.size()) : key_,
        .secret_access_key = "s",
        .session_token = "",
        .expires = std::nullopt,
        .source = "a fake"};
    if (life_) credentials.expires = std::chrono::system_clock::now() + *life_;
    return credentials;
  }
  void warn(const std::string& line) {
    const std::lock_guard lock(mutex_);
    warnings_.push_back(line);
  }
  Result<std::unique_ptr<CredentialCache>> open() {
    return CredentialCache::open([this] { return find(); },
                                 [this](const std::string& line) { warn(line); });
  }

  void set_life(std::optional<milliseconds> life) { change(life_, life); }
  void set_failing(bool failing) { change(failing_, failing); }
  /// Always this one; by default every look finds another.
  void set_key(const std::string& key) { change(key_, key); }
  std::vector<steady_clock::time_point> looks() const { return copy(looks_); }
  std::vector<std::string> warnings() const { return copy(warnings_); }

 private:
  template <typename T>
  void change(T& member, const T& value) {
    const std::lock_guard lock(mutex_);
    member = value;
  }
  template <typename T>
  T copy(const T& member) const {
    const std::lock_guard lock(mutex_);
    return member;
  }

  mutable std::mutex mutex_;
  std::optional<milliseconds> life_;
  bool failing_ = false;
  std::string key_;
  std::vector<steady_clock::time_point> looks_;
  std::vector<std::string> warnings_;
};

std::string key_of(const CredentialCache& cache) { return cache.current()->access_key_id; }

TEST(CredentialCacheTest, OpeningLooksOnceAndFailsAsTheLook) {
  FakeSource source;
  source.set_failing(true);
  EXPECT_STREQ(source.open().error().what(), "the source is down");
  source.set_failing(false);
  const auto cache = source.open().value();
  EXPECT_EQ(key_of(*cache), "key-2");
  EXPECT_EQ(cache->trouble(), "");
}

TEST(CredentialCacheTest, RenewsBeforeTheExpiry) {
  FakeSource source;
  source.set_life(seconds(4));
  const auto cache = source.open().value();
  const auto first = cache->current();
  ASSERT_TRUE(eventually([&] { return key_of(*cache) == "key-2"; }));
  EXPECT_LT(std::chrono::system_clock::now(), *first->expires) << "the old ones had not expired";
  EXPECT_EQ(first->access_key_id, "key-1") << "who holds the old ones keeps them";
  ASSERT_TRUE(eventually([&] { return key_of(*cache) == "key-3"; })) << "and again";
  EXPECT_TRUE(source.warnings().empty());
}

TEST(CredentialCacheTest, KeysWithoutExpiryAreNotLookedForAgain) {
  FakeSource source;
  source.set_life(std::nullopt);
  FakeSource expiring;
  expiring.set_life(seconds(1));
  const auto cache = source.open().value();
  const auto other = expiring.open().value();
  ASSERT_TRUE(eventually([&] { return expiring.looks().size() == 3; }));
  EXPECT_EQ(source.looks().size(), 1U);
}

TEST(CredentialCacheTest, AFailedRenewalKeepsTheOldOnesAndWarnsOnce) {
  FakeSource source;
  source.set_life(seconds(2));
  const auto cache = source.open().value();
  source.set_failing(true);
  ASSERT_TRUE(eventually([&] { return source.looks().size() >= 4; })) << "it goes on trying";
  EXPECT_EQ(key_of(*cache), "key-1");
  EXPECT_LT(*cache->current()->expires, std::chrono::system_clock::now()) << "expired, and kept";
  EXPECT_EQ(cache->trouble(), "the source is down");
  ASSERT_EQ(source.warnings().size(), 1U);
  EXPECT_TRUE(contains(source.warnings()[0], "the source is down"));

  source.set_life(seconds(60));
  source.set_failing(false);
  ASSERT_TRUE(eventually([&] { return key_of(*cache) != "key-1"; }));
  EXPECT_TRUE(eventually([&] { return source.warnings().size() == 2; }));
  EXPECT_EQ(cache->trouble(), "");
  EXPECT_TRUE(contains(source.warnings()[1], "again"));
}

TEST(CredentialCacheTest, ARefusalBringsOthers) {
  FakeSource source;
  const auto cache = source.open().value();
  cache->refused(*cache->current());
  EXPECT_TRUE(eventually([&] { return key_of(*cache) == "key-2"; }));
  EXPECT_TRUE(source.warnings().empty());
}

TEST(CredentialCacheTest, ARefusalOfFormerKeysChangesNothing) {
  FakeSource source;
  const auto cache = source.open().value();
  const auto old = cache->current();
  cache->refused(*old);
  ASSERT_TRUE(eventually([&] { return key_of(*cache) == "key-2"; }));
  cache->refused(*old);
  // A look, if there were one, would begin within a second.
  EXPECT_FALSE(
      testing::happens_within(milliseconds(1500), [&] { return source.looks().size() > 2; }));
  EXPECT_EQ(key_of(*cache), "key-2");
}

TEST(CredentialCacheTest, ManyRefusalsLookOnceASecondAndBackOff) {
  FakeSource source;
  source.set_key("same");
  const auto cache = source.open().value();
  ASSERT_TRUE(eventually([&] {
    cache->refused(*cache->current());
    return source.looks().size() >= 4;
  }));
  const auto looks = source.looks();
  EXPECT_GE(looks[1] - looks[0], seconds(1));
  EXPECT_GE(looks[2] - looks[1], seconds(1));
  EXPECT_GE(looks[3] - looks[2], seconds(2)) << "the same keys again and again";
}

TEST(CredentialCacheTest, EndsAtOnceWhenNoLookIsUnderWay) {
  FakeSource source;
  source.set_life(std::chrono::hours(6));
  auto cache = source.open().value();
  cache->refused(*cache->current());  // Within its second of peace.
  const auto start = steady_clock::now();
  cache.reset();
  EXPECT_LT(steady_clock::now() - start, milliseconds(800));
}

TEST(CredentialCacheTest, ALookBlocksNoReader) {
  std::atomic<bool> looking{false};
  std::atomic<bool> release{false};
  const auto cache = CredentialCache::open(
                         [&, first = true]() mutable -> Result<Credentials> {
                           if (!std::exchange(first, false)) {
                             looking = true;
                             eventually([&] { return release.load(); });
                           }
                           return Credentials{.access_key_id = "k",
                                              .secret_access_key = "s",
                                              .session_token = "",
                                              .expires = std::nullopt,
                                              .source = "a fake"};
                         },
                         [](const std::string&) {})
                         .value();
  cache->refused(*cache->current());
  ASSERT_TRUE(eventually([&] { return looking.load(); }));
  const auto start = steady_clock::now();
  EXPECT_EQ(key_of(*cache), "k");
  EXPECT_EQ(cache->trouble(), "");
  cache->refused(*cache->current());
  EXPECT_LT(steady_clock::now() - start, seconds(5));
  release = true;
}

TEST(CredentialCacheTest, ManyThreadsMayUseIt) {
  FakeSource source;
  source.set_life(seconds(2));
  const auto cache = source.open().value();
  std::atomic<bool> stop{false};
  std::atomic<int> empty{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto credentials = cache->current();
        if (!credentials || credentials->access_key_id.empty()) ++empty;
        cache->refused(*credentials);
        std::this_thread::yield();
      }
    });
  }
  EXPECT_TRUE(eventually([&] { return source.looks().size() >= 3; }));
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(empty, 0);
}

}  // namespace
}  // namespace nextid::aws
