// The etcd that tests talk to: one of this process's own, or the one that
// NEXTID_TEST_ETCD_ENDPOINTS names.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "contract/store_driver.h"
#include "store/etcd/client.h"
#include "store/etcd/url.h"

namespace nextid::test {

class EtcdServer {
 public:
  /// The server of this process, started on first use. Throws std::runtime_error when it can't be.
  static const EtcdServer& instance();

  /// "HOST:PORT", perhaps several with commas between.
  const std::string& endpoints() const noexcept { return endpoints_; }
  store::EtcdSettings settings(const std::string& prefix) const;

  /// Opens a store at the prefix, which is made when it is missing.
  std::shared_ptr<contract::StoreDriver> open(
      const std::string& prefix,
      std::function<base::WallMicros()> clock = &base::wall_now_us) const;

  // As another program. They throw std::runtime_error.
  void put(const std::string& key, const std::string& value) const;
  std::optional<std::string> get(const std::string& key) const;
  void remove(const std::string& key) const;
  /// All keys PREFIX/...
  void drop(const std::string& prefix) const;

  /// One call of the gateway, and the JSON object that it answers.
  boost::json::object call(const char* path, const std::string& body) const;

 private:
  EtcdServer();

  const std::string endpoints_;
  std::shared_ptr<store::EtcdClient> client_;
};

}  // namespace nextid::test
