// The connections that make way for newcomers: of clients that have not signed in, where that is
// needed, and of those that are one too many and only here to be told so. In the order in which
// they came.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <utility>
#include <vector>

namespace nextid::net {

/// Of one I/O thread; not thread-safe. Front ends are numbers, from 0.
class Lobby {
 public:
  class Guest {
   public:
    /// Ends; its ticket is returned before this returns.
    virtual void make_way() = 0;

   protected:
    ~Guest() = default;
  };
  using Guests = std::list<Guest*>;

  /// A guest's place in the order, until it is destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Guests& guests, Guest& guest)
        : guests_(&guests), at_(guests.insert(guests.end(), &guest)) {}
    ~Ticket() { give_back(); }
    Ticket(Ticket&& other) noexcept
        : guests_(std::exchange(other.guests_, nullptr)), at_(other.at_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      give_back();
      guests_ = std::exchange(other.guests_, nullptr);
      at_ = other.at_;
      return *this;
    }
    void give_back() {
      if (Guests* const guests = std::exchange(guests_, nullptr)) guests->erase(at_);
    }

   private:
    Guests* guests_ = nullptr;
    Guests::iterator at_;
  };

  /// Both at least 1.
  struct Limits {
    std::size_t most_strangers = ~std::size_t{0};  ///< Of all front ends together.
    std::size_t most_refused = 256;                ///< Of each front end.
  };

  Lobby(std::size_t front_ends, Limits limits);

  /// Of one that has not signed in. Where these are too many the longest waiting one makes way, of
  /// the front end that has most of them: so those of a busy front end push out one another.
  Ticket add_stranger(std::size_t front_end, Guest& guest);
  /// Of one that is one too many. The longest waiting one of the same front end makes way.
  Ticket add_refused(std::size_t front_end, Guest& guest);

  /// Has a stranger make way, as above, of those front ends that `may_be_of` says yes to. False
  /// where there is none.
  bool push_out_stranger(const std::function<bool(std::size_t front_end)>& may_be_of);

 private:
  std::size_t strangers() const noexcept;

  const Limits limits_;
  std::vector<Guests> strangers_;  // Of each front end.
  std::vector<Guests> refused_;
};

}  // namespace nextid::net
