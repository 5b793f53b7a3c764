#include "engine/flight.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/canary.h"
#include "base/check.h"

namespace nextid::engine {

using base::Canary;
using base::canary;

Flight::Flight(contract::Op op, MonotonicTime now, Cargo cargo)
    : op_(std::move(op)), cargo_(std::move(cargo)), started_(now), retry_at_(now) {}

contract::Op Flight::send() {
  NEXTID_CHECK(!sent_);
  sent_ = true;
  contract::Op op = op_;
  if (canary(Canary::kResendsWithAnotherCount) && failures_ > 0) {
    auto* const reserve = std::get_if<contract::Reserve>(&op);
    if (reserve != nullptr) reserve->step += reserve->step / cargo_.count;
  }
  return op;
}

bool Flight::bury(std::uint64_t number) noexcept {
  Waiting* const waiting = find_living(cargo_.tickets, number);
  if (waiting == nullptr) return false;
  waiting->dead = BurnReason::kDisconnect;
  return true;
}

std::vector<Ticket> Flight::expire(MonotonicTime now) {
  if (now < cargo_.earliest_deadline) return {};
  return expire_living(cargo_.tickets, now, cargo_.earliest_deadline);
}

std::vector<Ticket> Flight::living() const {
  std::vector<Ticket> tickets;
  for (const Waiting& waiting : cargo_.tickets) {
    if (!waiting.dead) tickets.push_back(waiting.ticket);
  }
  return tickets;
}

std::vector<Waiting> Flight::bury_larger_than(std::uint64_t most) {
  std::vector<Waiting> buried;
  for (Waiting& waiting : cargo_.tickets) {
    if (canary(Canary::kClampsLastBlock) && most > 0) waiting.count = std::min(waiting.count, most);
    if (waiting.dead || waiting.count <= most) continue;
    waiting.dead = BurnReason::kDiscard;
    buried.push_back(waiting);
  }
  return buried;
}

void Flight::forget_doubt(contract::Seq seq) {
  if (auto* reserve = std::get_if<contract::Reserve>(&op_)) reserve->seq = seq;
}

void Flight::verify() const {
  const bool reserves = std::holds_alternative<contract::Reserve>(op_);
  NEXTID_CHECK(reserves || (cargo_.tickets.empty() && cargo_.held == 0));
  NEXTID_CHECK(cargo_.held <= cargo_.count);
  NEXTID_CHECK(!reserves || cargo_.count > 0);
  std::uint64_t last = 0;
  for (const Waiting& waiting : cargo_.tickets) {
    NEXTID_CHECK(waiting.ticket.number > last);
    NEXTID_CHECK(waiting.dead || waiting.deadline >= cargo_.earliest_deadline);
    last = waiting.ticket.number;
  }
}

}  // namespace nextid::engine
