// Whether a DynamoDB table is still the one that was opened (I8): its name can be another table's
// by now, if it was deleted and made anew, or restored from a backup under its name.
//
// DynamoDB gives each table a TableId that no other table ever has, and DescribeTable shows it. A
// table that is gone never comes back. So a look that began after an answer, and shows the same id,
// proves that the answer came from the same table. It costs a call, so most writes of a counter in
// use rely on an earlier look.
//
// What is promised, where the service tells a TableId:
//
// - No counter is made, and no engine starts, on another table, whenever it is asked.
// - If a counter's item contradicts what its engine knows (it is gone, or the writer's slot is not
//   as the last write left it), no id is given before a look that begins after that.
// - Once the table was found missing, or being deleted, the same holds for each answer, until that
//   is kCarefulFor ago.
// - Otherwise either the table was seen while the write was under way or kBeside before, by a call
//   beside the write; or the writer's last write of that item is no older than kBeside, and the
//   table was seen within kRecently: by this machine's clock, which counts the time that it slept,
//   and by the service's own.
// - While the store is open the table is looked at every 5 seconds, asked or not. After a look that
//   shows another id this process gives out no id and no counter of the store any more.
//
// One case remains: a table that was deleted and restored under its name within kBeside and the
// time of a write, with an item in which this writer's slot is as the writer left it. DynamoDB is
// not that fast: it deletes a table in some seconds, in which it shows as DELETING; the name is
// free only after that; and to restore a table takes minutes, in which there is none. DescribeTable
// may lag behind by moments, as AWS says of new tables; kCarefulFor is there for that.
//
// While DescribeTable fails for reasons that may pass, ids are given for kLongestUnseen after the
// last look that succeeded. New counters need a look at once.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/dynamodb_reply.h"
#include "base/mutex.h"

namespace nextid::store {

/// The result of one look at the table.
struct TableLook {
  enum class Kind {
    kSeen,     ///< There is a table, and its TableId is `id`.
    kGoing,    ///< The same, and it is being deleted.
    kMissing,  ///< There is none.
    kFailed,   ///< Nothing is known; `why` says more.
  };
  Kind kind = Kind::kFailed;
  std::string id = {};
  std::string why = {};
  /// The service's own clock when it answered.
  std::optional<std::chrono::system_clock::time_point> date = {};
};

/// Reads the answer to a DescribeTable.
TableLook look_of(const aws::DynamodbReply& reply);

/// A clock that never goes back and counts the time that the machine slept.
std::chrono::nanoseconds time_since_boot();

/// Thread-safe. Keeps itself alive until all have been answered. Needs a table that has an id.
class DynamodbIdentity : public std::enable_shared_from_this<DynamodbIdentity> {
 public:
  using Time = std::chrono::nanoseconds;
  using ServiceTime = std::chrono::system_clock::time_point;

  static constexpr std::chrono::seconds kInterval{4};
  static constexpr std::chrono::seconds kIntervalInTrouble{1};
  static constexpr std::chrono::seconds kTick{1};
  static constexpr std::chrono::milliseconds kBeside{100};
  static constexpr std::chrono::seconds kRecently{10};
  static constexpr std::chrono::seconds kLongestUnseen{60};
  static constexpr std::chrono::seconds kCarefulFor{60};
  /// Between the end of a look and the next one: an account has 2,500 such calls a second.
  static constexpr std::chrono::milliseconds kPause{20};

  /// What it works with.
  struct Means {
    /// Calls its argument once with the result of a DescribeTable that begins now.
    std::function<void(std::function<void(TableLook)>)> look;
    /// Calls back after a time, or sooner; false when it never will. See SignedHttp::after().
    std::function<bool(std::chrono::milliseconds, std::function<void()>)> after;
    std::function<Time()> now = &time_since_boot;
    /// Told once, with no lock held, why the store is in doubt.
    std::function<void(const std::string&)> on_doubt;
  };
  struct Names {
    std::string id;     ///< The TableId, as the opening found it a moment ago.
    std::string table;  ///< "table 'id_counters' in eu-west-1"
    std::string url;    ///< Of the store, for the command that accepts the table as it is.
  };

  DynamodbIdentity(Names names, Means means);

  /// Begins to look every few seconds, until Means::after() ends it. Once.
  void watch();

  /// Which look will do.
  struct Need {
    Time oldest;          ///< The look began then, or later.
    bool strict = false;  ///< Needed even while looks fail.
  };
  Need from_now() const { return {means_.now(), true}; }
  Need recent() const { return {means_.now() - kRecently}; }
  /// For a write that is sent now.
  Need beside() const { return {means_.now() - kBeside}; }

  struct Answer {
    enum class Kind {
      kSame,
      kUnknown,  ///< For now; `why` says why.
      kOther,    ///< For good; `why` is doubt().
    };
    Kind kind = Kind::kSame;
    std::string why = {};
  };

  /// The answer, if it is known without a look.
  std::optional<Answer> known(const Need& need);
  /// Calls `then` once: at once if known() has the answer, or else on the thread on which
  /// Means::look() answers, with no lock held. It must not throw.
  void ask(Need need, std::function<void(Answer)> then);
  /// Begins a look if ask(need) would need one now. Called when a request is sent, so that the look
  /// runs beside it.
  void prepare(const Need& need);

  /// Takes in what an answer about the table tells by the way; to be called with each.
  void heard(const aws::DynamodbReply& reply);

  /// Why no id is given any more, without a full stop; empty while there is no such reason. Cheap
  /// while there is none.
  std::string doubt() const;

 private:
  struct Waiting {
    Need need;
    std::function<void(Answer)> then;
  };

  std::optional<Answer> known_locked(const Need& need, Time now) const NEXTID_REQUIRES(mutex_);
  bool is_careful(Time now) const NEXTID_REQUIRES(mutex_) { return now < careful_until_; }
  bool is_older_by_service(Time age) const NEXTID_REQUIRES(mutex_);
  bool may_go_on(Time now) const NEXTID_REQUIRES(mutex_);
  Answer unknown() const NEXTID_REQUIRES(mutex_);
  Answer after_look(const Need& need, Time now, bool seen) const NEXTID_REQUIRES(mutex_);
  bool plan_look() NEXTID_REQUIRES(mutex_);
  void begin();
  void look();
  void looked(Time began, const TableLook& look);
  bool take(Time began, const TableLook& look) NEXTID_REQUIRES(mutex_);
  void tick();
  std::string sentence(const std::string& other) const;

  const Names names_;
  const Means means_;

  mutable base::Mutex mutex_;
  std::string doubt_ NEXTID_GUARDED_BY(mutex_);
  std::atomic<bool> in_doubt_{false};  // doubt_ is not empty, and will not change.
  // When the last look that showed the table began, and when the last look that has ended began.
  Time seen_ NEXTID_GUARDED_BY(mutex_);
  Time tried_ NEXTID_GUARDED_BY(mutex_);
  // By the service's clock.
  std::optional<ServiceTime> seen_date_ NEXTID_GUARDED_BY(mutex_);
  std::optional<ServiceTime> heard_date_ NEXTID_GUARDED_BY(mutex_);
  std::string trouble_ NEXTID_GUARDED_BY(mutex_);  // Why the look at tried_ did not show the table.
  Time careful_until_ NEXTID_GUARDED_BY(mutex_){0};
  Time began_ NEXTID_GUARDED_BY(mutex_);  // Of the last look, ended or not.
  Time ended_ NEXTID_GUARDED_BY(mutex_);
  bool looking_ NEXTID_GUARDED_BY(mutex_) = false;
  bool planned_ NEXTID_GUARDED_BY(mutex_) = false;  // The next look waits for kPause to pass.
  std::vector<Waiting> riding_ NEXTID_GUARDED_BY(mutex_);   // For the look under way.
  std::vector<Waiting> waiting_ NEXTID_GUARDED_BY(mutex_);  // For the next one.
};

}  // namespace nextid::store
