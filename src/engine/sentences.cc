#include "engine/sentences.h"

#include <string_view>

#include "base/cat.h"
#include "contract/tombstone.h"

namespace nextid::engine {
namespace {

using base::cat;

std::string issued_so_far(std::int64_t issued) {
  return issued < 1 ? "" : cat(", and this node has issued ids up to ", issued);
}

}  // namespace

std::string Sentences::quoted() const { return cat("counter '", counter_, "'"); }

std::string Sentences::define_command() const { return "nextid define " + counter_; }

// --- Refusals

Error Sentences::bad_count(std::uint64_t count) const {
  return Error(ErrorCode::kInvalid,
               cat("count must be from 1 to ", rules_.limits.max_range, ", not ", count, "."));
}

Error Sentences::being_closed() const {
  return Error(ErrorCode::kUnavailable, quoted() + " is being closed; try again.");
}

Error Sentences::closed() const {
  return Error(ErrorCode::kUnavailable, quoted() + " was closed; try again.");
}

Error Sentences::too_many_requests(std::uint64_t waiting) const {
  return Error(ErrorCode::kOverloaded,
               cat(quoted(), " has ", waiting,
                   " requests waiting, which is this node's bound; try again soon."));
}

Error Sentences::too_many_ids(std::uint64_t waiting, std::uint64_t more) const {
  return Error(ErrorCode::kOverloaded,
               cat(quoted(), " has requests for ", waiting, " ids waiting, and ", more,
                   " more pass this node's bound; try again soon."));
}

Error Sentences::late(const std::string& last_failure) const {
  if (last_failure.empty()) {
    return Error(ErrorCode::kDeadline,
                 quoted() + " got no answer from the store in time; it is slow, try again.");
  }
  return Error(ErrorCode::kUnavailable,
               cat(quoted(), " got no answer from the store in time. Its last attempt failed: ",
                   last_failure, last_failure.ends_with('.') ? "" : "."));
}

Error Sentences::not_found() const {
  return Error(ErrorCode::kNotFound, cat("there is no ", quoted(),
                                         ", and this node makes none on first use; make it with `",
                                         define_command(), "`."));
}

Error Sentences::deleted(const Definition& definition) const {
  return Error(ErrorCode::kDeleted,
               cat(quoted(), " was deleted; ", contract::way_back(counter_, definition)));
}

Error Sentences::exhausted(std::uint64_t asked, std::uint64_t left, std::uint64_t max) const {
  return Error(ErrorCode::kExhausted,
               cat(quoted(), " is exhausted: ", asked, asked == 1 ? " id was" : " ids were",
                   " asked for, and ", left, " are left up to its max ", max,
                   max == kMaxId ? ", the largest id there is; go on with another counter."
                                 : cat("; raise that with `", define_command(), " --max N`.")));
}

Error Sentences::past_max(std::int64_t to, std::uint64_t max) const {
  return Error(ErrorCode::kInvalid,
               cat(quoted(), " can't be advanced to ", to, ", past its max ", max,
                   "; raise that first with `", define_command(), " --max N`."));
}

// --- Warnings

std::string Sentences::closed_in_doubt(std::uint64_t ids) const {
  return cat(quoted(), " was closed with a write in doubt: up to ", ids, " ids may be skipped.");
}

std::string Sentences::lost_slot(std::uint64_t ids) const {
  return cat(quoted(), " lost its slot with a write in doubt: up to ", ids, " ids may be skipped.");
}

std::string Sentences::left_a_slot() const {
  return quoted() + " left a slot behind that is not its own.";
}

// --- The stop

std::string Sentences::set_back(std::int64_t value, std::int64_t high_water,
                                std::int64_t issued) const {
  const std::string reserved = cat(", and this node has reserved ids up to ", high_water);
  return stopped(cat(
      "its value in the store is ", value, value < issued ? issued_so_far(issued) : reserved,
      ". The store was probably set back by a restored backup or an old copy. ", what_to_run()));
}

std::string Sentences::vanished(std::int64_t issued) const {
  return stopped(cat(
      "it has vanished from the store", issued_so_far(issued),
      ". The store was probably set back by a restored backup, or another one is in its place. ",
      what_to_run()));
}

std::string Sentences::contradicted(const std::string& what, std::int64_t issued) const {
  return stopped(
      cat(what, issued_so_far(issued),
          ". The store was probably set back, or changed by something else than nextid. ",
          what_to_run()));
}

std::string Sentences::damaged(const std::string& why) const {
  return stopped(why.ends_with('.') ? why : cat(why, ". ", what_to_run()));
}

std::string Sentences::stopped(const std::string& why) const {
  return cat(quoted(), " has stopped: ", why);
}

std::string Sentences::what_to_run() const {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:/.,@+-=";
  const std::string& url = rules_.store_url;
  const bool plain = url.find_first_not_of(kPlain) == std::string::npos;
  return cat("Do not only restart: run `nextid recover ", counter_, " --store ",
             plain ? url : cat("'", url, "'"), "` first.");
}

}  // namespace nextid::engine
