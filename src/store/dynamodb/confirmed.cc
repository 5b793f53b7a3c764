#include "store/dynamodb/confirmed.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace nextid::store {
namespace {

using contract::CounterState;
using contract::Damaged;
using contract::Found;
using contract::InDoubt;
using contract::Load;
using contract::Missing;
using contract::NotApplied;
using contract::Outcome;
using contract::Refused;
using contract::Seq;
using contract::WriterId;
using Need = DynamodbIdentity::Need;
using Verdict = DynamodbIdentity::Answer;

/// The part of an op that its outcome is judged by.
struct Sent {
  bool is_load = false;
  WriterId writer = 0;
  Seq seq = 0;
  Seq prev = 0;
};

template <typename Op>
Sent sent_as(const Op& op) {
  Sent sent;
  sent.is_load = std::is_same_v<Op, Load>;
  if constexpr (requires { op.writer; }) sent.writer = op.writer;
  if constexpr (requires { op.seq; }) {
    sent.seq = op.seq;
    sent.prev = op.prev;
  }
  return sent;
}

/// A failure tells nothing of what is in the table.
bool is_failure(const Outcome& outcome) {
  return std::holds_alternative<InDoubt>(outcome) || std::holds_alternative<NotApplied>(outcome);
}

/// Neither is the writer's slot where the op before left it, nor is it this op's.
bool contradicts(const CounterState& state, const Sent& sent) {
  const Seq found = state.slot ? state.slot->seq : 0;
  return found != sent.prev && found != sent.seq;
}

/// The outcome shows that the table may be another one, or is a Load's: no engine may start by
/// chance on another table.
bool is_delicate(const Sent& sent, const Outcome& outcome) {
  if (sent.writer == 0) return false;
  if (sent.is_load || std::holds_alternative<Missing>(outcome) ||
      std::holds_alternative<Damaged>(outcome)) {
    return true;
  }
  const auto* refused = std::get_if<Refused>(&outcome);
  return refused != nullptr && contradicts(refused->state, sent);
}

/// A slot that the writer wrote a moment ago is found only in the table in which it was written. A
/// seq is about the time at which its op was made.
bool follows_closely(const contract::Reserve& op, base::WallMicros now) {
  constexpr auto kClosely = std::chrono::microseconds(DynamodbIdentity::kBeside).count();
  return op.prev != 0 && op.prev <= now && now - op.prev <= static_cast<std::uint64_t>(kClosely);
}

Outcome judged(const Verdict& verdict, bool is_load, Outcome outcome) {
  if (verdict.kind == Verdict::Kind::kOther) return Damaged{verdict.why};
  if (verdict.kind == Verdict::Kind::kSame) return outcome;
  if (is_load) return NotApplied{verdict.why};
  return InDoubt{verdict.why};
}

void confirm(DynamodbIdentity& identity, const Need& need, bool is_load, Outcome outcome,
             const OutcomeReceiver& done) {
  if (is_failure(outcome)) return done(std::move(outcome));
  if (const auto verdict = identity.known(need)) {
    return done(judged(*verdict, is_load, std::move(outcome)));
  }
  identity.ask(need, [is_load, outcome = std::move(outcome), done](const Verdict& verdict) {
    done(judged(verdict, is_load, outcome));
  });
}

}  // namespace

OutcomeReceiver confirmed(std::shared_ptr<DynamodbIdentity> identity, const contract::Op& op,
                          base::WallMicros now, OutcomeReceiver done) {
  const Sent sent = std::visit([](const auto& each) { return sent_as(each); }, op);
  const auto* reserve = std::get_if<contract::Reserve>(&op);
  std::optional<Need> beside;
  if (reserve != nullptr && !follows_closely(*reserve, now)) beside = identity->beside();
  identity->prepare(beside.value_or(identity->recent()));
  return [identity = std::move(identity), sent, beside, done = std::move(done)](Outcome outcome) {
    Need need = is_delicate(sent, outcome) ? identity->from_now() : identity->recent();
    if (beside && !need.strict) need.oldest = std::max(need.oldest, beside->oldest);
    confirm(*identity, need, sent.is_load, std::move(outcome), done);
  };
}

OutcomeReceiver confirmed_from_now(std::shared_ptr<DynamodbIdentity> identity,
                                   OutcomeReceiver done) {
  return [identity = std::move(identity), done = std::move(done)](Outcome outcome) {
    confirm(*identity, identity->from_now(), false, std::move(outcome), done);
  };
}

}  // namespace nextid::store
