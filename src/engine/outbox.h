// What an engine wants done, until its owner takes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/effects.h"
#include "engine/request_queue.h"

namespace nextid::engine {

/// Collects effects. Most engines are idle, so it has memory for them only while there are any.
class Outbox {
 public:
  /// `waiting` gets the ids from `first` on.
  void grant(const Waiting& waiting, std::uint64_t first, std::uint64_t increment) {
    effects().grants.push_back(Grant{waiting.ticket, IdRange(first, waiting.count, increment)});
  }

  void refuse(const Ticket& ticket, const Error& error) {
    effects().refusals.push_back(Refusal{ticket, error});
  }
  void refuse(const AdvanceTicket& ticket, const Error& error) {
    effects().advances.push_back(AdvanceAnswer{ticket, error});
  }
  template <typename AnyTicket>
  void refuse(const std::vector<AnyTicket>& tickets, const Error& error) {
    for (const AnyTicket& ticket : tickets) refuse(ticket, error);
  }

  void advanced(const AdvanceTicket& ticket, contract::CounterState counter) {
    effects().advances.push_back(AdvanceAnswer{ticket, std::move(counter)});
  }

  /// At most one until the owner has taken it.
  void send(Attempt attempt) {
    NEXTID_CHECK(!effects().attempt);
    effects().attempt.emplace(std::move(attempt));
  }

  void warn(std::string warning) { effects().warnings.push_back(std::move(warning)); }
  void stopped(const std::string& sentence) { effects().stopped = sentence; }

  /// All of it; nothing is left.
  Effects take() {
    const auto taken = std::exchange(effects_, nullptr);
    return taken ? std::move(*taken) : Effects{};
  }

 private:
  Effects& effects() {
    if (!effects_) effects_ = std::make_unique<Effects>();
    return *effects_;
  }

  std::unique_ptr<Effects> effects_;  // While there are any.
};

}  // namespace nextid::engine
