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

}  // namespace nextid::store
