// A tap in front of etcd's gateway: it sees each call, and may drop it, hold it back, or answer in
// etcd's place.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "store/etcd/url.h"
#include "unit/aws/local_http_server.h"

namespace nextid::test {

struct EtcdFate {
  bool passes = true;                             ///< On to etcd.
  std::optional<testing::HttpReply> answer = {};  ///< Instead of etcd's.
};

/// Its connections serve one call each.
class EtcdTap {
 public:
  using Plan = std::function<EtcdFate(const testing::HttpCall&)>;

  EtcdTap();

  /// What becomes of each call from now on; all pass without one.
  void plan(Plan plan);
  /// The first call that `chosen` holds for has this fate, and all others pass.
  void once(std::function<bool(const testing::HttpCall&)> chosen, EtcdFate fate);

  std::string url() const { return server_.url(); }
  store::EtcdSettings settings(const std::string& prefix) const;
  /// The calls so far that `chosen` holds for.
  std::vector<testing::HttpCall> calls(
      const std::function<bool(const testing::HttpCall&)>& chosen) const;

  /// Sends a call to etcd, now.
  static testing::HttpReply pass_on(const testing::HttpCall& call);

 private:
  testing::HttpReply answer(const testing::HttpCall& call);

  std::mutex mutex_;
  Plan plan_;
  testing::LocalHttpServer server_;
};

/// A transaction that writes if its conditions hold.
bool is_write(const testing::HttpCall& call);
/// Any other transaction.
bool is_read(const testing::HttpCall& call);

/// An error as etcd's gateway sends it.
testing::HttpReply etcd_error_reply(int code, const std::string& message);

}  // namespace nextid::test
