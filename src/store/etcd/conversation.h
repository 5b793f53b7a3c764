// One call of etcd's, from its first attempt at a member to its end.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http_client/calls.h"
#include "store/etcd/client.h"
#include "store/etcd/errors.h"

namespace nextid::store {

/// Keeps itself, and the means, alive until `done` was called.
class EtcdConversation : public std::enable_shared_from_this<EtcdConversation> {
 public:
  EtcdConversation(std::shared_ptr<EtcdMeans> means, EtcdRequest request,
                   std::function<void(EtcdReply)> done);

  void start();

 private:
  void sign_in(const std::string& stale);
  void send();
  void answered(http_client::Answer answer);
  void answered_nothing(const http_client::Answer& answer);
  void answered_error(const http_client::Answer& answer);
  void answered_error(const EtcdErrorRow& row, const std::string& sentence);
  void answered_otherwise(const http_client::Answer& answer);
  void take(boost::json::object body);
  bool ask_next_member();
  std::chrono::milliseconds left() const;
  const std::string& endpoint() const { return means_->settings.endpoints[member_]; }
  bool may_write() const { return request_.effect == EtcdRequest::Effect::kWrite; }
  void end(EtcdReply::Kind kind, std::string why);

  const std::shared_ptr<EtcdMeans> means_;
  const EtcdRequest request_;
  const std::function<void(EtcdReply)> done_;
  const base::MonotonicTime deadline_;
  std::size_t member_ = 0;  // That was asked last.
  std::size_t members_asked_ = 0;
  std::string token_;       // That it was asked with.
  bool signed_in_ = false;  // For this call: a second time would not help.
  EtcdRevision newest_when_sent_ = 0;
  int code_ = 0;
  bool may_pass_ = false;
  bool is_etcd_ = true;
};

}  // namespace nextid::store
