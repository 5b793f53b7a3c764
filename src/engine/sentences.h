// What an engine tells people: errors of requests, warnings, and why a counter has stopped.
#pragma once

#include <cstdint>
#include <string>

#include "nextid/error.h"

#include "engine/seat.h"

namespace nextid::engine {

/// Of one counter. `issued` is Engine::issued() everywhere.
class Sentences {
 public:
  /// Both outlive it.
  Sentences(const std::string& counter, const Rules& rules) noexcept
      : counter_(counter), rules_(rules) {}

  // Refusals of a request.
  Error bad_count(std::uint64_t count) const;
  Error being_closed() const;
  Error closed() const;
  Error too_many_requests(std::uint64_t waiting) const;
  Error too_many_ids(std::uint64_t waiting, std::uint64_t more) const;
  /// `last_failure` is why the last attempt failed; empty where it did not.
  Error late(const std::string& last_failure) const;
  Error not_found() const;
  Error deleted(const Definition& definition) const;
  Error exhausted(std::uint64_t asked, std::uint64_t left, std::uint64_t max) const;
  Error past_max(std::int64_t to, std::uint64_t max) const;

  // Warnings. Up to `ids` may be skipped.
  std::string closed_in_doubt(std::uint64_t ids) const;
  std::string lost_slot(std::uint64_t ids) const;
  std::string left_a_slot() const;

  // Why it has stopped, and what to run.
  std::string set_back(std::int64_t value, std::int64_t high_water, std::int64_t issued) const;
  std::string vanished(std::int64_t issued) const;
  /// `what` is a clause.
  std::string contradicted(const std::string& what, std::int64_t issued) const;
  /// A store that is in doubt as a whole gives a whole sentence, which says what to run.
  std::string damaged(const std::string& why) const;

 private:
  std::string quoted() const;
  std::string define_command() const;
  std::string stopped(const std::string& why) const;
  std::string what_to_run() const;

  const std::string& counter_;
  const Rules& rules_;
};

}  // namespace nextid::engine
