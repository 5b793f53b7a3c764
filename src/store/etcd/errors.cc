#include "store/etcd/errors.h"

#include <algorithm>

namespace nextid::store {

EtcdErrorRow etcd_error(int code, std::string_view message) {
  constexpr std::string_view kBegin = "etcdserver: ";
  if (message.starts_with(kBegin)) message.remove_prefix(kBegin.size());
  const auto row =
      std::find_if(kEtcdErrors.begin(), kEtcdErrors.end(), [&](const EtcdErrorRow& each) {
        return each.code == code && message.starts_with(each.message);
      });
  if (row != kEtcdErrors.end()) return *row;
  return {.code = code, .message = "", .kind = EtcdErrorKind::kInDoubt};
}

std::string_view to_string(EtcdErrorKind kind) noexcept {
  switch (kind) {
    case EtcdErrorKind::kNotApplied:
      return "not applied";
    case EtcdErrorKind::kThrottled:
      return "throttled";
    case EtcdErrorKind::kNextMember:
      return "not applied; the next member is asked";
    case EtcdErrorKind::kStaleToken:
      return "not applied; repeated with a new token";
    case EtcdErrorKind::kLostLease:
      return "not applied; repeated with a new lease";
    case EtcdErrorKind::kNoSpace:
      return "a read tells";
    case EtcdErrorKind::kInDoubt:
      return "in doubt";
  }
  return "";
}

}  // namespace nextid::store
