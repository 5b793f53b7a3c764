#include "store/etcd/conversation.h"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/cat.h"
#include "http_client/service_words.h"

namespace nextid::store {
namespace {

using base::cat;
using http_client::service_words;

namespace json = boost::json;
using Kind = EtcdReply::Kind;

constexpr std::chrono::milliseconds kShortestTry{10};

boost::json::value parse(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value() : value;
}

/// {"error":…,"message":…,"code":…}; nothing for what etcd's gateway never sends.
struct GatewayError {
  int code = 0;
  std::string message;
};
std::optional<GatewayError> gateway_error(const std::string& body) {
  const json::value value = parse(body);
  const json::object* object = value.if_object();
  const json::value* code = object != nullptr ? object->if_contains("code") : nullptr;
  const json::value* message = object != nullptr ? object->if_contains("message") : nullptr;
  if (message == nullptr && object != nullptr) message = object->if_contains("error");
  if (code == nullptr || !code->is_int64() || message == nullptr || !message->is_string()) {
    return std::nullopt;
  }
  return GatewayError{static_cast<int>(code->get_int64()), std::string(message->get_string())};
}

bool is_of_tls(const http_client::Answer& answer) {
  return answer.certificate_refused || answer.failure.find("SSL") != std::string::npos;
}

/// What libcurl says, and what a user can do about it.
std::string no_answer(const std::string& endpoint, const http_client::Answer& answer) {
  std::string words = service_words(answer.failure);
  while (words.ends_with(' ') || words.ends_with('.')) words.pop_back();
  if (answer.certificate_refused) {
    return cat("the certificate of ", endpoint, " is not accepted: ", words,
               "; name its authority's file with ca_file= or ETCDCTL_CACERT");
  }
  const auto tells = [&](std::string_view part) { return words.find(part) != std::string::npos; };
  std::string why = cat(endpoint, " gave no answer: ", words);
  if (tells("alert")) {
    why +=
        "; etcd wants a certificate of its client: cert_file= and key_file=, or ETCDCTL_CERT "
        "and ETCDCTL_KEY";
  } else if (tells("SSL_connect") || tells("wrong version number")) {
    why += "; if etcd does not speak TLS there, leave out tls=true and ca_file=";
  } else if (tells("Empty reply") && endpoint.starts_with("http:")) {
    why += "; if etcd speaks TLS there, add tls=true, or ca_file=";
  }
  return why;
}

}  // namespace

EtcdConversation::EtcdConversation(std::shared_ptr<EtcdMeans> means, EtcdRequest request,
                                   std::function<void(EtcdReply)> done)
    : means_(std::move(means)),
      request_(std::move(request)),
      done_(std::move(done)),
      deadline_(base::monotonic_now() + request_.limit) {}

void EtcdConversation::start() {
  if (!request_.signs_in || means_->settings.user.empty()) return send();
  token_ = means_->session.token();
  if (token_.empty()) return sign_in("");
  send();
}

/// Gets a token that is not `stale`, and goes on.
void EtcdConversation::sign_in(const std::string& stale) {
  signed_in_ = true;
  const auto ask = [means = means_, limit = left()](EtcdSession::Done done) {
    const EtcdSettings& settings = means->settings;
    const json::object user{{"name", settings.user}, {"password", settings.password}};
    EtcdRequest request{.path = "/v3/auth/authenticate",
                        .body = json::serialize(user),
                        .effect = EtcdRequest::Effect::kLocal,
                        .limit = limit,
                        .signs_in = false};
    std::make_shared<EtcdConversation>(
        means, std::move(request),
        [done = std::move(done)](const EtcdReply& reply) {
          constexpr int kFailedPrecondition = 9;  // Authentication is not enabled.
          if (reply.code == kFailedPrecondition) return done(std::string());
          if (reply.kind != Kind::kDone) {
            const ErrorCode code = reply.may_pass ? ErrorCode::kUnavailable : ErrorCode::kInvalid;
            return done(Error(code, reply.why));
          }
          const json::value* token = reply.body.if_contains("token");
          if (token == nullptr || !token->is_string()) {
            return done(Error(ErrorCode::kUnavailable, "etcd gave no token"));
          }
          done(std::string(token->get_string()));
        })
        ->start();
  };
  means_->session.renew(stale, ask, [self = shared_from_this()](Result<std::string> token) {
    if (!token) {
      self->may_pass_ = token.error().code() == ErrorCode::kUnavailable;
      return self->end(Kind::kNotApplied, token.error().what());
    }
    self->token_ = *std::move(token);
    self->send();
  });
}

std::chrono::milliseconds EtcdConversation::left() const {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline_ - base::monotonic_now());
}

void EtcdConversation::send() {
  const auto limit = left();
  if (limit < kShortestTry) return end(Kind::kNotApplied, "etcd took too long");
  member_ = means_->members.current();
  ++members_asked_;
  newest_when_sent_ = means_->identity.newest();
  http_client::Call call = means_->call_of(member_, request_.path);
  // A member that knows no leader refuses such a call at once, and does not let it wait.
  call.headers = {"Content-Type: application/json", "Grpc-Metadata-hasleader: true"};
  if (!token_.empty()) call.headers.push_back("Authorization: " + token_);
  call.body = request_.body;
  call.limit = limit;
  if (members_asked_ < means_->members.count()) call.connecting = limit / 2;
  call.done = [self = shared_from_this()](http_client::Answer answer) {
    self->answered(std::move(answer));
  };
  means_->calls.send(std::move(call));
}

void EtcdConversation::answered(http_client::Answer answer) {
  if (!answer.failure.empty()) return answered_nothing(answer);
  if (answer.status != 200) return answered_error(answer);
  json::value body = parse(answer.body);
  if (!body.is_object()) return answered_otherwise(answer);
  take(std::move(body.get_object()));
}

void EtcdConversation::take(json::object body) {
  if (request_.effect != EtcdRequest::Effect::kLocal) {
    const json::value* header = body.if_contains("header");
    if (header == nullptr || !header->is_object()) {
      return end(may_write() ? Kind::kInDoubt : Kind::kNotApplied,
                 cat(endpoint(), " answered without a header"));
    }
    const json::object& fields = header->get_object();
    std::string doubt = means_->identity.take_header(
        etcd_id(fields, "cluster_id"), etcd_integer(fields, "revision"), newest_when_sent_);
    if (!doubt.empty()) return end(Kind::kDamaged, std::move(doubt));
  }
  EtcdReply reply{.kind = Kind::kDone};
  reply.body = std::move(body);
  done_(std::move(reply));
}

/// Whether another member is asked now.
bool EtcdConversation::ask_next_member() {
  means_->members.give_up(member_);
  if (members_asked_ >= means_->members.count() || left() < kShortestTry) return false;
  send();
  return true;
}

void EtcdConversation::answered_nothing(const http_client::Answer& answer) {
  const bool harmless = answer.never_sent || !may_write();
  if (harmless && ask_next_member()) return;
  if (!harmless) means_->members.give_up(member_);
  may_pass_ = !is_of_tls(answer);
  end(harmless ? Kind::kNotApplied : Kind::kInDoubt, no_answer(endpoint(), answer));
}

void EtcdConversation::answered_error(const http_client::Answer& answer) {
  const auto error = gateway_error(answer.body);
  if (!error) return answered_otherwise(answer);
  code_ = error->code;
  may_pass_ = code_ == 14 || code_ == 8 || code_ == 4;  // UNAVAILABLE and the like.
  const EtcdErrorRow row = etcd_error(error->code, error->message);
  std::string sentence = cat("etcd at ", endpoint(), " answered: ", service_words(error->message));
  if (!row.advice.empty()) sentence += cat("; ", row.advice);
  constexpr int kPermissionDenied = 7;
  if (code_ == kPermissionDenied) {
    sentence += cat(": etcdctl role grant-permission ROLE --prefix=true readwrite ",
                    means_->settings.prefix, "/");
  }
  answered_error(row, sentence);
}

void EtcdConversation::answered_error(const EtcdErrorRow& row, const std::string& sentence) {
  switch (row.kind) {
    case EtcdErrorKind::kNextMember:
      if (ask_next_member()) return;
      return end(Kind::kNotApplied, sentence);
    case EtcdErrorKind::kStaleToken:
      if (signed_in_ || token_.empty()) return end(Kind::kNotApplied, sentence);
      --members_asked_;
      return sign_in(token_);
    case EtcdErrorKind::kNotApplied:
      return end(Kind::kNotApplied, sentence);
    case EtcdErrorKind::kThrottled:
      return end(Kind::kThrottled, sentence);
    case EtcdErrorKind::kLostLease:
      return end(Kind::kLostLease, sentence);
    case EtcdErrorKind::kNoSpace:
      return end(may_write() ? Kind::kNoSpace : Kind::kNotApplied, sentence);
    case EtcdErrorKind::kInDoubt:
      break;
  }
  // Another member may know the leader, or reach it.
  means_->members.give_up(member_);
  end(may_write() ? Kind::kInDoubt : Kind::kNotApplied, sentence);
}

/// Something else than the gateway, such as a proxy in front of it.
void EtcdConversation::answered_otherwise(const http_client::Answer& answer) {
  const std::string start = cat(endpoint(), " answered with HTTP status ", answer.status);
  if (answer.body.find("HTTP request to an HTTPS server") != std::string::npos) {
    return end(Kind::kNotApplied, start + "; etcd speaks TLS there: add tls=true, or ca_file=");
  }
  is_etcd_ = answer.status != 404;
  if (!is_etcd_) {
    return end(Kind::kNotApplied, start + ", so it is no etcd 3.4 or newer with its JSON gateway");
  }
  end(may_write() ? Kind::kInDoubt : Kind::kNotApplied, start + ", which etcd does not");
}

void EtcdConversation::end(Kind kind, std::string why) {
  EtcdReply reply{.kind = kind,
                  .why = std::move(why),
                  .code = code_,
                  .may_pass = may_pass_,
                  .is_etcd = is_etcd_};
  done_(std::move(reply));
}

}  // namespace nextid::store
