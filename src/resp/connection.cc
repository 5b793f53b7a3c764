#include "resp/connection.h"

#include <memory>
#include <type_traits>
#include <utility>

#include "base/cat.h"
#include "resp/access.h"
#include "resp/codec/answers.h"
#include "resp/codec/reply.h"
#include "resp/counting.h"
#include "resp/limits.h"
#include "service/permission.h"

namespace nextid::resp {
namespace {

using base::cat;

constexpr std::size_t kFirstInputBytes = 4 * 1024;

constexpr std::size_t kShortAnswerBytes = 4 * 1024;

std::string error_line(std::string_view code, std::string_view sentence) {
  std::string bytes;
  append_error(bytes, code, sentence);
  return bytes;
}

// The calls of the service may have long answers.
bool has_short_answer(const Call& call) {
  return std::visit(
      []<typename Asked>(const Asked& asked) {
        if constexpr (std::is_same_v<Asked, Answer>) return asked.bytes.size() < kShortAnswerBytes;
        return !AsksService<Asked> && !std::is_same_v<Asked, Scan> && !std::is_same_v<Asked, Info>;
      },
      call);
}

// The commands of a client that lets go.
bool frees_memory(const Call& call) {
  return std::holds_alternative<Exec>(call) || std::holds_alternative<Discard>(call) ||
         std::holds_alternative<Reset>(call) || std::holds_alternative<Quit>(call);
}

// The commands that are not queued between MULTI and EXEC.
bool ends_queueing(const Call& call) {
  return std::holds_alternative<Multi>(call) || std::holds_alternative<Exec>(call) ||
         std::holds_alternative<Discard>(call) || std::holds_alternative<Reset>(call) ||
         std::holds_alternative<Quit>(call) || std::holds_alternative<SpokeHttp>(call);
}

}  // namespace

Connection::Connection(net::IoThread& io, net::Stream stream, FrontEnd& front)
    : PipelinedConnection(io, std::move(stream), front.settings, kFirstInputBytes,
                          io.stats_of(kLabels.name)),
      front_(front),
      parser_(front.limits),
      caller_(front.access) {
  session_.id = ++front.last_client;
  if (front_.audit != nullptr) client_ = peer();
  if (caller_.needs_token()) wipe_input();
  look_at_token();
}

// Of a client that has not signed in only what is small is taken.
void Connection::look_at_token() {
  if (!caller_.needs_token()) return;
  const bool signed_in = caller_.is_signed_in();
  parser_.set_limits(signed_in ? front_.limits : kLimitsBeforeAuth);
  set_signed_in(signed_in);
}

void Connection::rest() {
  parser_.rest();
  PipelinedConnection::rest();
}

void Connection::refuse_as_too_many() {
  answer_error("ERR", cat("The server has its limit of ", settings().max_connections,
                          " connections; try again soon, or elsewhere."));
  close_after_answers();
}

void Connection::refuse_as_too_slow() {
  route_ = stats::kOtherRoute;
  answer_error("ERR", cat("The command did not arrive whole within ",
                          settings().header_timeout.count(), " ms."));
  close_after_answers();
}

void Connection::refuse_as_plain() {
  route_ = stats::kOtherRoute;
  answer_error("ERR", "This port speaks TLS: connect with rediss:// (redis-cli --tls).");
  close_after_answers();
}

void Connection::refuse_as_in_the_way() {
  route_ = stats::kOtherRoute;
  answer_error("ERR",
               "Too many clients are connected, and this one has not signed in: connect again, and "
               "begin with AUTH <token>.");
  close_after_answers();
}

void Connection::refuse_as_stranger() {
  route_ = stats::kOtherRoute;
  answer_error("NOAUTH", cat("No token came within ", settings().header_timeout.count(),
                             " ms: connect again, and begin with AUTH <token>."));
  close_after_answers();
}

void Connection::note_tls_client() {
  front_.warn(
      "A client spoke TLS to the RESP port, which is plain, and was refused: let it connect "
      "without TLS, or start the server with --tls-cert and --tls-key.");
}

std::size_t Connection::held_by_protocol() const noexcept {
  return sizeof(*this) + parser_.held_bytes() + transaction_.held_bytes() +
         session_.client_name.capacity() + PipelinedConnection::held_by_protocol();
}

// What may have a long answer is not served while memory is short; ids are, to who holds little.
bool Connection::is_too_much(const Call& call) const {
  if (!io().memory().is_short() || frees_memory(call) || transaction_.is_executing()) return false;
  return holds_too_much() || !has_short_answer(call);
}

bool Connection::take_input() {
  bool took_command = false;
  while (may_take_request() && has_input()) {
    if (transaction_.has_next()) {
      take(transaction_.take_next());
      if (!transaction_.has_next()) transaction_.discard();
      continue;
    }
    const auto outcome = parser_.feed(input());
    consume(outcome.consumed);
    if (outcome.status == Parser::Status::kNeedMore) break;
    if (outcome.status == Parser::Status::kError) {
      route_ = stats::kOtherRoute;
      answer_error("ERR", cat("Protocol error: ", parser_.error(), "."));
      close_after_answers();
      break;
    }
    took_command = true;
    take(Command{parser_.arguments(), parser_.was_inline()});
  }
  return took_command;
}

// --- Commands

void Connection::take(const Increment& call) {
  net::GeneratorHold hold = generator(call.counter, caller_.user());
  // With unanswered commands before it, this one must wait its turn: ids of a connection grow.
  Entry& entry = add(route_);
  if (front_.audit != nullptr && call.count >= front_.audit->least_range()) {
    entry.noted = std::make_unique<service::AuditRecord>(by_caller(
        {.kind = service::AuditRecord::Kind::kTakeRange, .counter = std::string(call.counter)}));
    keep(entry, sizeof(service::AuditRecord));
  }
  if (call.count == 1 && queue().size() == 1) {
    if (const std::uint64_t id = hold->try_next_id()) {
      entry.generator = std::move(hold);
      return answer(last_tag(), Result<IdRange>(IdRange(id, 1, 1)));
    }
  }
  if (auto reached = entry.waiting.begin(caller_.user(), call.count)) {
    return answer(last_tag(), limited(*reached));
  }
  ask(std::move(hold), call.count);
}

void Connection::take(Multi) {
  if (transaction_.is_open()) return answer_error("ERR", "MULTI calls can not be nested.");
  transaction_.open();
  answer_now("+OK\r\n");
}

// A wrong command is told at once, and spoils the transaction: no id is taken then.
void Connection::queue_up(const Command& command, const Routed& routed) {
  route_ = stats::kOtherRoute;
  auto refusal = check_access(routed, caller_);
  if (refusal) note_refusal(routed, *refusal);
  if (!refusal && is_too_much(routed.call)) refusal = error_line("BUSY", net::kMemoryIsShort);
  if (const auto* answer = std::get_if<Answer>(&routed.call); !refusal && answer != nullptr) {
    if (answer->bytes.starts_with('-')) refusal = answer->bytes;
  }
  if (refusal) {
    transaction_.spoil();
    return answer_now(*std::move(refusal));
  }
  if (exceeds_rate(routed)) return transaction_.spoil();
  if (transaction_.add(command)) return answer_now("+QUEUED\r\n");
  answer_error("ERR", "A transaction has at most " + std::to_string(Transaction::kMostCommands) +
                          " commands, of " + std::to_string(Transaction::kMostBytes) +
                          " bytes: use a pipeline, or INCRBY.");
}

// The answers of the commands, which follow, are the elements of the array.
void Connection::take(Exec) {
  if (!transaction_.is_open()) return answer_error("ERR", "EXEC without MULTI.");
  if (transaction_.is_spoilt()) {
    transaction_.discard();
    return answer_error("EXECABORT", "Transaction discarded because of previous errors.");
  }
  std::string bytes;
  append_array_head(bytes, transaction_.execute());
  answer_now(std::move(bytes));
}

void Connection::take(Discard) {
  if (!transaction_.is_open()) return answer_error("ERR", "DISCARD without MULTI.");
  transaction_.discard();
  answer_now("+OK\r\n");
}

template <typename Asked>
std::optional<service::AuditRecord> Connection::record_of(const Asked& call) const {
  if (front_.audit == nullptr) return std::nullopt;
  auto record = service::record_of(call);
  return record ? std::optional(by_caller(*std::move(record))) : std::nullopt;
}

template <typename Asked, typename Render>
void Connection::start(Asked call, Render render) {
  add(route_);
  auto record = record_of(call);
  call_in_turn(
      [this, call = std::move(call), render = std::move(render), record = std::move(record)] {
        const auto self = std::static_pointer_cast<Connection>(shared_from_this());
        front_.service.start(call, [self, render, record](Result<typename Asked::Answer> answer) {
          service::note_end(self->front_.audit, record, answer);
          self->io().post([self, render, answer = std::move(answer)] {
            self->end_call(self->closed() ? std::string() : render(answer));
          });
        });
      });
}

template <AsksService Asked>
void Connection::take(Asked&& command) {
  service::charge(command.call, caller_.usage());
  start(command.call, [this, command](const auto& answer) {
    return answer_to(command, answer, session_.version);
  });
}

void Connection::take(Scan&& call) {
  auto after = front_.cursors.find(call.cursor);
  if (!after) {
    return answer_error("ERR", cat("The cursor ", call.cursor,
                                   " is not known here, or no more: begin the scan again with 0."));
  }
  service::ListCounters list{.after = *std::move(after), .limit = call.count};
  start(std::move(list), [this, scan = std::move(call)](const Result<CounterPage>& page) {
    return page_answer(scan, page);
  });
}

std::string Connection::page_answer(const Scan& scan, const Result<CounterPage>& page) {
  if (!page) return error_answer(page.error());
  const bool more = page->more && !page->counters.empty();
  return scan_answer(scan, *page, more ? front_.cursors.add(page->counters.back().name) : 0);
}

void Connection::take(Greeting&& call) {
  if (call.secret) {
    if (!front_.access.needs_tokens()) {
      return answer_error("ERR",
                          "AUTH was sent, but this server has no tokens: connect without a "
                          "password, or start it with --tokens FILE.");
    }
    const bool signed_in = caller_.sign_in(*call.secret);
    look_at_token();
    if (!signed_in) {
      front_.sign_ins.note(kLabels.name, peer(), now());
      note_refusal(route_, "WRONGPASS");
      return answer_error("WRONGPASS",
                          "This is no token of this server; the user's name does not "
                          "matter, the token is the password.");
    }
  }
  if (!call.hello) return answer_now("+OK\r\n");
  if (front_.access.needs_tokens() && caller_.name().empty()) {
    note_refusal(route_, "NOAUTH");
    return answer_error("NOAUTH", "This server wants a token first: HELLO 3 AUTH default <token>.");
  }
  if (call.version) session_.version = *call.version;
  if (call.client_name) session_.client_name = *std::move(call.client_name);
  answer_now(greeting(session_));
}

void Connection::take(const Rename& call) {
  session_.client_name = call.client_name;
  answer_now("+OK\r\n");
}

void Connection::take(Info&& call) {
  // Where ids went is for those who may look at all counters.
  if (!service::permission_of(service::SumUpIds::kNeeds, {}, caller_).granted()) {
    return answer_now(info(call.sections, nullptr));
  }
  const std::vector<std::string> sections(call.sections.begin(), call.sections.end());
  start(service::SumUpIds{}, [this, sections](const Result<Accounting>& accounting) {
    return info({sections.begin(), sections.end()}, accounting ? &*accounting : nullptr);
  });
}

std::string Connection::info(const std::vector<std::string_view>& sections,
                             const Accounting* accounting) const {
  std::string bytes;
  append_text(bytes, front_.info(sections, accounting), session_.version);
  return bytes;
}

void Connection::take(Reset) {
  caller_.sign_out();
  look_at_token();
  transaction_.discard();
  session_.version = Version::kResp2;
  session_.client_name.clear();
  answer_now("+RESET\r\n");
}

void Connection::take(Quit) {
  answer_now("+OK\r\n");
  close_after_answers();
}

void Connection::take(SpokeHttp) {
  front_.note_http();
  abort();
}

void Connection::take(const Command& command) {
  Routed routed = route_of(command, session_, settings().max_range);
  if (!transaction_.is_open()) return serve(std::move(routed));
  ends_queueing(routed.call) ? serve(std::move(routed)) : queue_up(command, routed);
}

void Connection::serve(Routed&& routed) {
  route_ = routed.counted_as;
  if (auto refusal = check_access(routed, caller_)) {
    note_refusal(routed, *refusal);
    return answer_now(*std::move(refusal));
  }
  if (is_too_much(routed.call)) return answer_error("BUSY", net::kMemoryIsShort);
  // What was queued was counted then.
  if (!transaction_.is_executing() && exceeds_rate(routed)) return;
  std::visit([this](auto&& call) { take(std::move(call)); }, std::move(routed.call));
}

// --- The audit log

service::AuditRecord Connection::by_caller(service::AuditRecord record) const {
  record.protocol = kLabels.name;
  record.client = client_;
  record.token = caller_.name();
  return record;
}

void Connection::note_refusal(stats::Route call, std::string_view code,
                              std::span<const std::string_view> counters) const {
  if (front_.audit == nullptr) return;
  front_.audit->note(by_caller({.kind = service::AuditRecord::Kind::kRefuse,
                                .call = kLabels.routes[call].name,
                                .counter = std::string(counters.size() == 1 ? counters[0] : ""),
                                .code = std::string(code)}));
}

// Of an error: "-NOPERM The token ..."
void Connection::note_refusal(const Routed& routed, std::string_view answer) const {
  note_refusal(routed.counted_as, answer.substr(1, answer.find(' ') - 1), routed.keys);
}

// --- Answers

void Connection::answer_now(std::string bytes) {
  add(route_);
  answer(last_tag(), std::move(bytes));
}

void Connection::answer_error(std::string_view code, std::string_view sentence) {
  answer_now(error_line(code, sentence));
}

// True, and answered, where it comes too early for the caller's token.
bool Connection::exceeds_rate(const Routed& routed) {
  const auto reached = check_rates(routed, caller_.user(), now());
  if (reached) {
    add(route_);
    answer(last_tag(), limited(*reached));
  }
  return reached.has_value();
}

void Connection::write(Entry& entry) {
  if (const auto* range = std::get_if<Result<IdRange>>(&entry.answer)) {
    count(entry, *range);
    if (!*range) return append_error(output(), range->error());
    append_integer(output(), static_cast<std::int64_t>((*range)->end()));
    put_ids(entry, **range);
    if (entry.noted) {
      entry.noted->ids = **range;
      front_.audit->note(*entry.noted);
    }
  } else {
    const auto& bytes = std::get<std::string>(entry.answer);
    stats().count(entry.route, ending_of_resp(bytes));
    output() += bytes;
  }
}

}  // namespace nextid::resp
