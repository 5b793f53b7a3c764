// A small client of etcd's JSON gateway: many calls at once on one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "nextid/error.h"
#include "nextid/log.h"

#include "http_client/calls.h"
#include "store/etcd/identity.h"
#include "store/etcd/session.h"
#include "store/etcd/url.h"

namespace nextid::store {

struct EtcdReply {
  enum class Kind {
    kDone,
    kNotApplied,  ///< The call did nothing, and never will.
    kThrottled,   ///< The same; etcd asks for fewer calls.
    kLostLease,   ///< The same: the lease that it names is gone.
    kNoSpace,     ///< A write may have been made, or not; nothing more comes of it.
    kInDoubt,     ///< A write may have been made, may yet be, or may never be.
    kDamaged,     ///< What answered is not the store that was opened: EtcdIdentity::doubt().
  };
  Kind kind = Kind::kInDoubt;
  std::string why = {};   ///< A clause; empty for kDone.
  int code = 0;           ///< Of gRPC, where etcd answered with an error; else 0.
  bool may_pass = false;  ///< A failure of the network, of a member, or of an election.
  bool is_etcd = true;    ///< False if what answered has no API of etcd 3.4 or newer.
  boost::json::object body = {};
};

struct EtcdRequest {
  enum class Effect {
    kRead,   ///< Linearizable, and changes nothing.
    kWrite,  ///< Linearizable. Never sent again once it may have reached a server.
    kLocal,  ///< Changes no key, and tells what one member knows.
  };
  const char* path = "";
  std::string body = {};
  Effect effect = Effect::kRead;
  std::chrono::milliseconds limit{0};  ///< For all that is done for it.
  bool signs_in = true;                ///< With the token of the user, if there is one.
};

/// The members of a cluster: which one is asked.
class EtcdMembers {
 public:
  explicit EtcdMembers(std::size_t count) : count_(count) {}

  std::size_t count() const noexcept { return count_; }
  /// The same as long as it works.
  std::size_t current() const noexcept { return current_; }
  /// The next one is asked, unless another call has found that already.
  void give_up(std::size_t member) noexcept {
    current_.compare_exchange_strong(member, (member + 1) % count_);
  }

 private:
  const std::size_t count_;
  std::atomic<std::size_t> current_{0};
};

/// What calls need. They may end after the client is gone, when one of them destroyed it.
struct EtcdMeans {
  EtcdMeans(EtcdSettings the_settings, Log log);

  /// A call of this path at a member, without the rest.
  http_client::Call call_of(std::size_t member, const char* path) const;

  const EtcdSettings settings;
  const std::vector<bool> are_here;  ///< Of each endpoint: whether it is on this machine.
  EtcdMembers members;
  EtcdIdentity identity;
  EtcdSession session;
  http_client::Calls calls;
};

/// Thread-safe.
class EtcdClient {
 public:
  /// Reads the password file and looks for those of TLS; calls nothing. kInvalid.
  static Result<std::shared_ptr<EtcdClient>> open(EtcdSettings settings, Log log);
  ~EtcdClient() { stop(); }

  /// Asks the members in turn as long as nothing was sent to one that may have done it, each once.
  /// Signs in first where there is a user, and again when the token has ended. `done` is called
  /// once: on the client's thread, or, after stop(), before call() returns. It may call again, and
  /// must not throw.
  void call(EtcdRequest request, std::function<void(EtcdReply)> done);

  /// A page of the current member that is no part of its gateway: "/metrics".
  void get(const char* path, std::function<void(http_client::Answer)> done);

  /// See http_client::Calls.
  bool after(std::chrono::milliseconds delay, std::function<void()> then) {
    return means_->calls.after(delay, std::move(then));
  }
  void stop() { means_->calls.stop(); }

  EtcdIdentity& identity() noexcept { return means_->identity; }
  const EtcdSettings& settings() const noexcept { return means_->settings; }

 private:
  explicit EtcdClient(std::shared_ptr<EtcdMeans> means) : means_(std::move(means)) {}

  const std::shared_ptr<EtcdMeans> means_;
};

/// call() that blocks; not to be used on the client's thread.
EtcdReply call_and_wait(EtcdClient& client, EtcdRequest request);

}  // namespace nextid::store
