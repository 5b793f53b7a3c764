#include "net/lobby.h"

namespace nextid::net {

Lobby::Lobby(std::size_t front_ends, Limits limits)
    : limits_(limits), strangers_(front_ends), refused_(front_ends) {}

Lobby::Ticket Lobby::add_stranger(std::size_t front_end, Guest& guest) {
  if (strangers() >= limits_.most_strangers) {
    push_out_stranger([](std::size_t) { return true; });
  }
  return {strangers_[front_end], guest};
}

Lobby::Ticket Lobby::add_refused(std::size_t front_end, Guest& guest) {
  Guests& refused = refused_[front_end];
  if (refused.size() >= limits_.most_refused) refused.front()->make_way();
  return {refused, guest};
}

bool Lobby::push_out_stranger(const std::function<bool(std::size_t)>& may_be_of) {
  Guests* most = nullptr;
  for (std::size_t i = 0; i < strangers_.size(); ++i) {
    if (strangers_[i].empty() || !may_be_of(i)) continue;
    if (most == nullptr || strangers_[i].size() > most->size()) most = &strangers_[i];
  }
  if (most == nullptr) return false;
  most->front()->make_way();
  return true;
}

std::size_t Lobby::strangers() const noexcept {
  std::size_t sum = 0;
  for (const Guests& guests : strangers_) sum += guests.size();
  return sum;
}

}  // namespace nextid::net
