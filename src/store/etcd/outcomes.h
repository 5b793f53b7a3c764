// What etcd's answers mean as outcomes of ops.
#pragma once

#include <utility>

#include "nextid/error.h"

#include "contract/op.h"
#include "store/etcd/client.h"

namespace nextid::store {

/// What a call that was not done means for its op.
inline contract::Outcome outcome_of(EtcdReply reply) {
  using Kind = EtcdReply::Kind;
  if (reply.kind == Kind::kDamaged) return contract::Damaged{std::move(reply.why)};
  if (reply.kind == Kind::kInDoubt || reply.kind == Kind::kNoSpace) {
    return contract::InDoubt{std::move(reply.why)};
  }
  return contract::NotApplied{std::move(reply.why), reply.kind == Kind::kThrottled};
}

/// What keys that no op can go by mean for it.
inline contract::Outcome outcome_of_unreadable(const Error& error) {
  if (error.code() == ErrorCode::kCorrupt) return contract::Damaged{error.what()};
  return contract::NotApplied{error.what()};
}

}  // namespace nextid::store
