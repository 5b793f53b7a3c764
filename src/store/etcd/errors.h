// What etcd's errors mean for a call: one row each, of which docs/etcd.md has the same table.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace nextid::store {

enum class EtcdErrorKind {
  kNotApplied,  ///< The call did nothing, and never will.
  kThrottled,   ///< The same; etcd asks for fewer calls.
  kNextMember,  ///< The same, and another member may do better at once.
  kStaleToken,  ///< The same, and a new token may do better at once.
  kLostLease,   ///< The same, and a new lease may do better at once.
  kNoSpace,     ///< A write may have been made: the very one that fills the quota is answered so.
  kInDoubt,     ///< A write may have been made, may yet be, or may never be.
};

struct EtcdErrorRow {
  int code = 0;              ///< Of gRPC.
  std::string_view message;  ///< How it begins, behind "etcdserver: "; "" for all others.
  EtcdErrorKind kind = EtcdErrorKind::kInDoubt;
  std::string_view advice = {};  ///< What to do; a clause.
};

/// The first that fits counts. Everything else is in doubt.
/// https://github.com/etcd-io/etcd/blob/release-3.4/etcdserver/api/v3rpc/rpctypes/error.go
inline constexpr auto kEtcdErrors = std::to_array<EtcdErrorRow>({
    {14, "no leader", EtcdErrorKind::kNextMember,
     "most members of the cluster must run and reach each other"},
    {14, "rpc not supported for learner", EtcdErrorKind::kNextMember,
     "name members that are no learners"},
    {14, "not capable", EtcdErrorKind::kNotApplied, "bring all members to one version"},
    {14, "leader changed", EtcdErrorKind::kInDoubt},
    {14, "request timed out", EtcdErrorKind::kInDoubt,
     "most members of the cluster must run and reach each other"},
    {14, "server stopped", EtcdErrorKind::kInDoubt},
    {8, "too many requests", EtcdErrorKind::kThrottled},
    {8, "mvcc: database space exceeded", EtcdErrorKind::kNoSpace,
     "compact and defragment it, then run etcdctl alarm disarm (docs/etcd.md)"},
    {3, "request is too large", EtcdErrorKind::kNotApplied},
    {3, "revision of auth store is old", EtcdErrorKind::kStaleToken},
    {3, "user name is empty", EtcdErrorKind::kNotApplied,
     "etcd wants a user: set ETCDCTL_USER and ETCDCTL_PASSWORD, or user= and password_file="},
    {3, "authentication failed", EtcdErrorKind::kNotApplied, "check the user and the password"},
    {16, "invalid auth token", EtcdErrorKind::kStaleToken},
    {7, "permission denied", EtcdErrorKind::kNotApplied, "grant the user a role with the right"},
    {5, "requested lease not found", EtcdErrorKind::kLostLease},
    {15, "corrupt cluster", EtcdErrorKind::kNotApplied,
     "members disagree about the data: find the one that is wrong, and replace it"},
});

/// What `message`, as etcd sent it, means. Thread-safe.
EtcdErrorRow etcd_error(int code, std::string_view message);

}  // namespace nextid::store
