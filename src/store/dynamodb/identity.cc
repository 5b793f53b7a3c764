#include "store/dynamodb/identity.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/cat.h"
#include "store/dynamodb/table.h"

namespace nextid::store {

using base::cat;

using Kind = aws::DynamodbReply::Kind;

TableLook look_of(const aws::DynamodbReply& reply) {
  TableLook look;
  look.date = reply.date;
  look.why = reply.why;
  if (reply.kind == Kind::kTableMissing) look.kind = TableLook::Kind::kMissing;
  if (reply.kind != Kind::kDone) return look;
  TableDescription description = description_of(reply.body);
  if (description.id.empty()) {
    look.why = "DescribeTable tells no TableId any more";
    return look;
  }
  look.kind = description.status == "DELETING" ? TableLook::Kind::kGoing : TableLook::Kind::kSeen;
  look.id = std::move(description.id);
  return look;
}

std::chrono::nanoseconds time_since_boot() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

DynamodbIdentity::DynamodbIdentity(Names names, Means means)
    : names_(std::move(names)),
      means_(std::move(means)),
      seen_(means_.now()),
      tried_(seen_),
      began_(seen_),
      ended_(seen_ - kPause) {}

void DynamodbIdentity::watch() {
  static_cast<void>(means_.after(kTick, [self = shared_from_this()] { self->tick(); }));
}

void DynamodbIdentity::tick() {
  bool begins = false;
  {
    const base::Lock lock(mutex_);
    if (!doubt_.empty()) return;
    const Time now = means_.now();
    const bool in_trouble = !trouble_.empty() || is_careful(now);
    const bool due = now - began_ >= (in_trouble ? kIntervalInTrouble : kInterval);
    begins = due && plan_look();
  }
  if (begins) begin();
  watch();
}

/// Whether more than `age` has passed by the service's clock since the table was seen.
bool DynamodbIdentity::is_older_by_service(Time age) const {
  return seen_date_ && heard_date_ && *heard_date_ - *seen_date_ > age;
}

/// Whether the table was seen lately enough for ids, where it can't be seen now.
bool DynamodbIdentity::may_go_on(Time now) const {
  return now - seen_ <= kLongestUnseen && !is_older_by_service(kLongestUnseen);
}

DynamodbIdentity::Answer DynamodbIdentity::unknown() const {
  return {Answer::Kind::kUnknown,
          cat("it is not known whether ", names_.table, " is still the one that was opened: ",
              trouble_.empty() ? "nothing shows it" : trouble_)};
}

std::optional<DynamodbIdentity::Answer> DynamodbIdentity::known_locked(const Need& need,
                                                                       Time now) const {
  if (!doubt_.empty()) return Answer{Answer::Kind::kOther, doubt_};
  if (need.strict || is_careful(now)) return std::nullopt;
  if (seen_ >= need.oldest && !is_older_by_service(kRecently)) return Answer{};
  // While looks fail, the next one is tried soon, and need not be waited for.
  const bool looks_fail = !trouble_.empty() && now - tried_ <= kRecently;
  if (looks_fail && may_go_on(now)) return Answer{};
  return std::nullopt;
}

std::optional<DynamodbIdentity::Answer> DynamodbIdentity::known(const Need& need) {
  const base::Lock lock(mutex_);
  return known_locked(need, means_.now());
}

void DynamodbIdentity::ask(Need need, std::function<void(Answer)> then) {
  base::Lock lock(mutex_);
  const Time now = means_.now();
  if (auto answer = known_locked(need, now)) {
    lock.unlock();
    return then(*std::move(answer));
  }
  if (is_careful(now)) need = {now, true};
  const bool will_do = looking_ && began_ >= need.oldest && !need.strict;
  (will_do ? riding_ : waiting_).push_back({need, std::move(then)});
  const bool begins = !will_do && plan_look();
  lock.unlock();
  if (begins) begin();
}

void DynamodbIdentity::prepare(const Need& need) {
  bool begins = false;
  {
    const base::Lock lock(mutex_);
    begins = !known_locked(need, means_.now()) && plan_look();
  }
  if (begins) begin();
}

/// False if a look is under way or planned: that one comes first. Otherwise the caller is to begin
/// it.
bool DynamodbIdentity::plan_look() {
  if (looking_ || planned_) return false;
  planned_ = true;
  return true;
}

/// Begins the look that was planned.
void DynamodbIdentity::begin() {
  Time passed{};
  {
    const base::Lock lock(mutex_);
    passed = means_.now() - ended_;
  }
  if (passed < kPause) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(kPause - passed);
    if (means_.after(left, [self = shared_from_this()] { self->look(); })) return;
  }
  look();
}

void DynamodbIdentity::look() {
  Time began{};
  {
    const base::Lock lock(mutex_);
    planned_ = false;
    looking_ = true;
    began = began_ = means_.now();
    riding_ = std::exchange(waiting_, {});
  }
  means_.look(
      [self = shared_from_this(), began](const TableLook& look) { self->looked(began, look); });
}

void DynamodbIdentity::looked(Time began, const TableLook& look) {
  std::vector<Waiting> answered;
  std::vector<Answer> answers;
  bool first_doubt = false;
  bool begins = false;
  {
    const base::Lock lock(mutex_);
    looking_ = false;
    ended_ = means_.now();
    const bool was_in_doubt = !doubt_.empty();
    const bool seen = take(began, look);
    first_doubt = !was_in_doubt && !doubt_.empty();
    answered = std::exchange(riding_, {});
    for (const Waiting& waiting : answered) {
      answers.push_back(after_look(waiting.need, ended_, seen));
    }
    begins = !waiting_.empty() && plan_look();
  }
  if (begins) begin();
  if (first_doubt && means_.on_doubt) means_.on_doubt(doubt());
  for (std::size_t i = 0; i < answered.size(); ++i) answered[i].then(std::move(answers[i]));
}

/// Keeps what a look showed; true if it showed the table.
bool DynamodbIdentity::take(Time began, const TableLook& look) {
  tried_ = began;
  const bool shows_a_table =
      look.kind == TableLook::Kind::kSeen || look.kind == TableLook::Kind::kGoing;
  if (look.kind == TableLook::Kind::kGoing || look.kind == TableLook::Kind::kMissing) {
    careful_until_ = ended_ + kCarefulFor;
  }
  if (!shows_a_table) {
    trouble_ = look.why.empty() ? "DescribeTable failed" : look.why;
    return false;
  }
  if (look.id != names_.id) {
    if (doubt_.empty()) doubt_ = sentence(look.id);
    in_doubt_ = true;
    return false;
  }
  seen_ = began;
  seen_date_ = look.date;
  trouble_.clear();
  return true;
}

DynamodbIdentity::Answer DynamodbIdentity::after_look(const Need& need, Time now, bool seen) const {
  if (!doubt_.empty()) return {Answer::Kind::kOther, doubt_};
  const bool may = !need.strict && !is_careful(now) && may_go_on(now);
  return seen || may ? Answer{} : unknown();
}

void DynamodbIdentity::heard(const aws::DynamodbReply& reply) {
  const base::Lock lock(mutex_);
  if (reply.date) heard_date_ = reply.date;
  if (reply.kind == Kind::kTableMissing) careful_until_ = means_.now() + kCarefulFor;
}

std::string DynamodbIdentity::doubt() const {
  if (!in_doubt_) return "";
  const base::Lock lock(mutex_);
  return doubt_;
}

std::string DynamodbIdentity::sentence(const std::string& other) const {
  return cat("the ", names_.table, " is another one than this process opened: its TableId is ",
             other, " and was ", names_.id,
             ", so it was deleted and made anew, or restored under its name, and would give ids "
             "twice; if it is to be used as it is, run: nextid recover --all --store '",
             names_.url, "'; then start again");
}

}  // namespace nextid::store
