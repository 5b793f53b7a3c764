// Who makes way for whom.
#include "net/lobby.h"

#include <cstddef>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::net {
namespace {

class LobbyTest : public ::testing::Test {
 protected:
  class Named final : public Lobby::Guest {
   public:
    Named(std::vector<std::string>& gone, std::string name) : gone_(gone), name_(std::move(name)) {}
    void make_way() override {
      gone_.push_back(name_);
      ticket.give_back();
    }

    Lobby::Ticket ticket;

   private:
    std::vector<std::string>& gone_;
    const std::string name_;
  };

  Named& stranger(std::size_t front_end, const std::string& name) {
    Named& guest = guests_.emplace_back(gone_, name);
    guest.ticket = lobby_.add_stranger(front_end, guest);
    return guest;
  }
  Named& refused(std::size_t front_end, const std::string& name) {
    Named& guest = guests_.emplace_back(gone_, name);
    guest.ticket = lobby_.add_refused(front_end, guest);
    return guest;
  }

  using Names = std::vector<std::string>;
  Names gone_;
  Lobby lobby_{2, {.most_strangers = 3, .most_refused = 2}};
  std::list<Named> guests_;
};

TEST_F(LobbyTest, TheLongestWaitingStrangerMakesWay) {
  stranger(0, "a");
  stranger(0, "b");
  stranger(0, "c");
  EXPECT_EQ(gone_, Names{});
  stranger(0, "d");
  EXPECT_EQ(gone_, Names{"a"});
  stranger(0, "e");
  EXPECT_EQ(gone_, (Names{"a", "b"}));
}

TEST_F(LobbyTest, ThoseOfABusyFrontEndPushOutOneAnother) {
  stranger(0, "probe");
  stranger(1, "a");
  stranger(1, "b");
  stranger(1, "c");
  stranger(1, "d");
  EXPECT_EQ(gone_, (Names{"a", "b"}));
  stranger(0, "another probe");
  EXPECT_EQ(gone_, (Names{"a", "b", "c"}));
}

TEST_F(LobbyTest, WhoSignsInIsNoStrangerAnyMore) {
  Named& first = stranger(0, "a");
  stranger(0, "b");
  stranger(0, "c");
  first.ticket.give_back();
  stranger(0, "d");
  EXPECT_EQ(gone_, Names{});
  stranger(0, "e");
  EXPECT_EQ(gone_, Names{"b"});
}

TEST_F(LobbyTest, APlaceIsMadeByThoseWhoWouldLeaveOne) {
  const auto any = [](std::size_t) { return true; };
  EXPECT_FALSE(lobby_.push_out_stranger(any));
  stranger(0, "a");
  EXPECT_FALSE(lobby_.push_out_stranger([](std::size_t front_end) { return front_end == 1; }));
  EXPECT_TRUE(lobby_.push_out_stranger(any));
  EXPECT_EQ(gone_, Names{"a"});
}

TEST_F(LobbyTest, ThoseTooManyPushOutOneAnotherAlone) {
  stranger(1, "stranger");
  refused(1, "a");
  refused(1, "b");
  refused(0, "probe");
  refused(1, "c");
  EXPECT_EQ(gone_, Names{"a"});
}

}  // namespace
}  // namespace nextid::net
