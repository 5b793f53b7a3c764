// Events of real descriptors, tasks of other threads, and timers.
#include "net/reactor.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/base/sanitizer.h"

namespace nextid::net {
namespace {

using std::chrono::milliseconds;

// One end of a connection, and what it is told.
class End final : public Reactor::Handler {
 public:
  End(Reactor& reactor, Socket socket) : reactor_(reactor), socket_(std::move(socket)) {
    EXPECT_FALSE(reactor_.add(socket_.descriptor(), *this));
  }

  void on_ready(Readiness ready) override {
    told.push_back(ready);
    if (react) react();
  }
  void close() {
    reactor_.remove(*this);
    socket_.close();
  }
  int descriptor() const { return socket_.descriptor(); }

  std::vector<Readiness> told;
  std::function<void()> react;

 private:
  Reactor& reactor_;
  Socket socket_;
};

class ReactorTest : public ::testing::Test {
 protected:
  static std::pair<Socket, Socket> connection() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    return {Socket(ends[0]), Socket(ends[1])};
  }
  static void send(const Socket& socket, std::string_view bytes) {
    EXPECT_EQ(::send(socket.descriptor(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  void look() { reactor_.turn(Reactor::Wait::kNot); }

  Reactor reactor_;
};

TEST_F(ReactorTest, TellsOnceWhatIsReady) {
  auto [here, there] = connection();
  End end(reactor_, std::move(here));
  look();
  ASSERT_EQ(end.told.size(), 1U);
  EXPECT_TRUE(end.told[0].writable);
  EXPECT_FALSE(end.told[0].readable);
  look();
  EXPECT_EQ(end.told.size(), 1U);

  send(there, "a");
  look();
  look();
  ASSERT_EQ(end.told.size(), 2U);
  EXPECT_TRUE(end.told[1].readable);
  EXPECT_FALSE(end.told[1].ended);
  send(there, "b");  // The first byte was not read.
  look();
  EXPECT_EQ(end.told.size(), 3U);

  ::shutdown(there.descriptor(), SHUT_WR);
  look();
  ASSERT_EQ(end.told.size(), 4U);
  EXPECT_TRUE(end.told[3].ended && end.told[3].readable);
}

TEST_F(ReactorTest, ACrashOfThePeerIsReadableAndWritable) {
  auto [here, there] = connection();
  End end(reactor_, std::move(here));
  send(Socket(::dup(end.descriptor())), "unread");
  there.close();
  look();
  ASSERT_FALSE(end.told.empty());
  EXPECT_TRUE(end.told.back().ended && end.told.back().readable && end.told.back().writable);
}

TEST_F(ReactorTest, NothingIsToldOfWhatAHandlerRemovedInTheSameTurn) {
  auto [a, a_peer] = connection();
  auto [b, b_peer] = connection();
  End first(reactor_, std::move(a));
  End second(reactor_, std::move(b));
  // Whichever is told first removes the other one.
  first.react = [&] { second.close(); };
  second.react = [&] { first.close(); };
  look();
  EXPECT_EQ(first.told.size() + second.told.size(), 1U);
}

TEST_F(ReactorTest, CallsAgainWithoutWaiting) {
  auto [here, there] = connection();
  End end(reactor_, std::move(here));
  int calls = 0;
  end.react = [&] {
    if (++calls < 3) reactor_.call_again(end);
  };
  for (int i = 0; i < 3; ++i) reactor_.turn(Reactor::Wait::kForEvents);
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(end.told.back().readable || end.told.back().writable);
}

TEST_F(ReactorTest, NobodyIsCalledAgainOnceRemoved) {
  auto [a, a_peer] = connection();
  auto [b, b_peer] = connection();
  End first(reactor_, std::move(a));
  End second(reactor_, std::move(b));
  look();
  first.told.clear();
  second.told.clear();
  reactor_.call_again(first);
  reactor_.call_again(second);
  first.close();
  look();
  EXPECT_TRUE(first.told.empty());
  EXPECT_EQ(second.told.size(), 1U);

  reactor_.call_again(second);
  second.react = [&] { second.close(); };
  reactor_.call_again(second);  // Removed by the call before.
  look();
  EXPECT_EQ(second.told.size(), 2U);
}

TEST_F(ReactorTest, ATaskOfAnotherThreadEndsTheWait) {
  bool ran = false;
  std::thread other([&] { reactor_.post([&] { ran = reactor_.in_this_thread(); }); });
  while (!ran) reactor_.turn(Reactor::Wait::kForEvents);
  other.join();
  EXPECT_FALSE(std::exchange(ran, false) && !reactor_.in_this_thread());
  // And again: the wake-up before is no obstacle.
  std::thread another([&] { reactor_.post([&] { ran = true; }); });
  while (!ran) reactor_.turn(Reactor::Wait::kForEvents);
  another.join();
}

TEST_F(ReactorTest, ATaskOfItsOwnThreadNeedsNoEvent) {
  look();
  std::vector<int> order;
  reactor_.post([&] {
    order.push_back(1);
    reactor_.post([&] { order.push_back(3); });
  });
  reactor_.post([&] { order.push_back(2); });
  while (order.size() < 3) reactor_.turn(Reactor::Wait::kForEvents);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(ReactorTest, StopEndsTheWait) {
  std::thread other([&] { reactor_.stop(); });
  while (!reactor_.stopped()) reactor_.turn(Reactor::Wait::kForEvents);
  other.join();
  reactor_.turn(Reactor::Wait::kForEvents);  // Does not wait any more.
}

TEST_F(ReactorTest, TimersRunInTheirOrderAndNotBefore) {
  std::vector<int> order;
  const auto begin = base::monotonic_now();
  reactor_.run_after(milliseconds(20), [&] { order.push_back(2); });
  reactor_.run_after(milliseconds(5), [&] {
    order.push_back(1);
    reactor_.run_after(milliseconds(30), [&] { order.push_back(3); });
  });
  while (order.size() < 3) reactor_.turn(Reactor::Wait::kForEvents);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(base::monotonic_now() - begin, milliseconds(35));
}

TEST_F(ReactorTest, ABadDescriptorIsAnErrorThatIsTold) {
  auto [here, there] = connection();
  End end(reactor_, std::move(here));
  EXPECT_EQ(reactor_.add(-1, end).value(), EBADF);
}

TEST(ReactorLimitTest, WithoutDescriptorsItIsNotMade) {
  if (testing::kAddressSanitizer) {
    GTEST_SKIP() << "not run: the sanitizers need a descriptor of their own";
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(Reactor(), std::system_error);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace nextid::net
