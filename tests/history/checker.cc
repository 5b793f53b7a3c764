#include "history/checker.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace nextid::history {
namespace {

constexpr std::uint64_t kMaxId = (std::uint64_t{1} << 63) - 1;

std::string id_text(std::uint64_t id) {
  return id <= kMaxId ? std::to_string(id)
                      : std::to_string(id) + " (" + std::to_string(static_cast<std::int64_t>(id)) +
                            " if signed)";
}

/// The records of one counter, and the checks over them.
class CounterCheck {
 public:
  CounterCheck(const History& history, const Expectations& expected, std::string name,
               Report& report)
      : history_(history), expected_(expected), name_(std::move(name)), report_(report) {}

  void add(const Record& record) { (record.advanced ? advances_ : records_).push_back(&record); }

  void run() {
    increment_ = expected_.increment.value_or(common_increment());
    for (const Record* record : records_) check_record(*record);
    check_order_of_nodes();
    check_union();
  }

 private:
  /// Ids counted from the counter's start: 0 is the first, 1 the next on its stride.
  struct Run {
    std::uint64_t first;
    std::uint64_t last;
    const Record* record;
  };

  /// All ranges of a counter have one increment; answers with a single id don't show it.
  std::uint64_t common_increment() const {
    for (const Record* record : records_) {
      if (record->count > 1 && record->increment > 0) return record->increment;
    }
    return 1;
  }

  void check_record(const Record& record) {
    ++report_.answered;
    if (record.count != record.asked) {
      add(Invariant::kHonest, "asked for " + std::to_string(record.asked) + ", got " +
                                  std::to_string(record.count) + ": " + text(record));
    }
    if (record.start < expected_.start || record.end > expected_.max ||
        record.end < expected_.start || record.start > expected_.max) {
      add(Invariant::kHonest, "not in " + id_text(expected_.start) + " ... " +
                                  id_text(expected_.max) + ": " + text(record));
      return;
    }
    if (expected_.value && record.end > *expected_.value) {
      add(Invariant::kDurable,
          "beyond the counter's value " + id_text(*expected_.value) + ": " + text(record));
    }
    if (record.count > 1 && record.increment != increment_) {
      add(Invariant::kContiguous,
          "increment is not the counter's " + std::to_string(increment_) + ": " + text(record));
      return;
    }
    check_run(record);
  }

  // Ranges that make sense go on to the checks of uniqueness and gaps.
  void check_run(const Record& record) {
    if (record.end < record.start) {
      add(Invariant::kContiguous, "ends before it starts: " + text(record));
      return;
    }
    const std::uint64_t first = record.start - expected_.start;
    const std::uint64_t last = record.end - expected_.start;
    if (first % increment_ != 0 || last % increment_ != 0) {
      add(Invariant::kContiguous, "not on the counter's stride, " + id_text(expected_.start) +
                                      " + n * " + std::to_string(increment_) + ": " + text(record));
      return;
    }
    const std::uint64_t ids = (last - first) / increment_ + 1;
    if (ids != record.count) {
      add(Invariant::kContiguous, "says " + std::to_string(record.count) + " ids and spans " +
                                      std::to_string(ids) + ": " + text(record));
    }
    if (is_replay(record)) return;
    runs_.push_back({first / increment_, last / increment_, &record});
  }

  /// Whether an answer with the same key was there before, and then it must be the same.
  bool is_replay(const Record& record) {
    if (record.key.empty()) return false;
    const auto [known, is_new] = keys_.try_emplace(record.key, &record);
    const Record& first = *known->second;
    if (first.start != record.start || first.count != record.count) {
      add(Invariant::kUnique,
          "key " + record.key + " stands for two ranges: " + text(first) + " and " + text(record));
    }
    return !is_new;
  }

  void check_order_of_nodes() {
    using Records = std::vector<const Record*>;
    const bool within_node = expected_.order == Expectations::Order::kWithinNode;
    std::map<std::string_view, std::pair<Records, Records>> nodes;
    const auto node_of = [&](const Record* record) -> std::pair<Records, Records>& {
      return nodes[within_node ? std::string_view(record->node) : std::string_view()];
    };
    for (const Record* record : records_) {
      auto& [later, earlier] = node_of(record);
      if (record->key.empty() && !record->cursor) later.push_back(record);
      earlier.push_back(record);
    }
    for (const Record* record : advances_) node_of(record).second.push_back(record);
    for (auto& [name, records] : nodes) check_order(records.first, records.second);
  }

  // I3. Of all answers received before B was sent, only the one with the highest end can matter.
  void check_order(std::vector<const Record*>& by_sent, std::vector<const Record*>& by_received) {
    std::sort(by_sent.begin(), by_sent.end(),
              [](const Record* a, const Record* b) { return a->sent_ns < b->sent_ns; });
    std::sort(by_received.begin(), by_received.end(),
              [](const Record* a, const Record* b) { return a->received_ns < b->received_ns; });

    const Record* highest = nullptr;
    auto before = by_received.begin();
    for (const Record* record : by_sent) {
      for (; before != by_received.end() && (*before)->received_ns < record->sent_ns; ++before) {
        if (highest == nullptr || (*before)->end > highest->end) highest = *before;
      }
      if (highest != nullptr && highest->end >= record->start) {
        add(Invariant::kOrdered,
            text(*record) + " was sent after an answer with ids as high: " + text(*highest));
      }
    }
  }

  // I1 and I5: walks the runs upwards; what a run starts below was answered before, what it starts
  // above is a gap.
  void check_union() {
    std::sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) {
      return std::pair(a.first, a.last) < std::pair(b.first, b.last);
    });
    std::uint64_t next = 0;  // The lowest id that no run so far reaches.
    const Run* highest = nullptr;
    std::uint64_t distinct = 0;
    for (const Run& run : runs_) {
      if (run.first < next) {
        add(Invariant::kUnique, "ids from " + id_text(id_at(run.first)) + " to " +
                                    id_text(id_at(std::min(run.last, next - 1))) +
                                    " were answered twice: " + text(*highest->record) + " and " +
                                    text(*run.record));
      } else if (run.first > next && (expected_.no_gap || expected_.exact)) {
        add_gap(next, run.first - 1, " before " + text(*run.record));
      }
      if (run.last < next) continue;
      distinct += run.last - std::max(run.first, next) + 1;
      next = run.last + 1;
      highest = &run;
    }
    report_.ids += distinct;
    check_total(next, distinct);
  }

  void check_total(std::uint64_t next, std::uint64_t distinct) {
    if (expected_.exact && next < *expected_.exact) {
      add_gap(next, *expected_.exact - 1, " at the end");
    }
    if (expected_.exact && next > *expected_.exact) {
      add(Invariant::kAccounted, "ids up to " + id_text(id_at(next - 1)) + " were answered, " +
                                     std::to_string(*expected_.exact) + " ids expected");
    }
    if (!expected_.value) return;
    const std::uint64_t reserved = *expected_.value < expected_.start
                                       ? 0
                                       : (*expected_.value - expected_.start) / increment_ + 1;
    if (distinct + expected_.burned != reserved) {
      add(Invariant::kAccounted, std::to_string(reserved) + " ids were reserved, but " +
                                     std::to_string(distinct) + " were answered and " +
                                     std::to_string(expected_.burned) + " burned");
    }
  }

  void add_gap(std::uint64_t first, std::uint64_t last, const std::string& where) {
    add(Invariant::kAccounted, "ids from " + id_text(id_at(first)) + " to " + id_text(id_at(last)) +
                                   " are in no answer," + where);
  }

  void add(Invariant invariant, const std::string& description) {
    report_.add(invariant, "counter " + name_ + ": " + description);
  }

  std::uint64_t id_at(std::uint64_t index) const { return expected_.start + index * increment_; }

  std::string text(const Record& record) const {
    const std::string ids = record.advanced ? "advanced to " : id_text(record.start) + " ... ";
    return "[" + ids + id_text(record.end) + ", client " + record.client + ", " +
           std::to_string(record.sent_ns) + " to " + std::to_string(record.received_ns) + " ns, " +
           history_.files.at(record.file) + ":" + std::to_string(record.line) + "]";
  }

  const History& history_;
  const Expectations& expected_;
  std::string name_;
  Report& report_;
  std::uint64_t increment_ = 1;
  std::vector<const Record*> records_;
  std::vector<const Record*> advances_;
  std::map<std::string_view, const Record*> keys_;
  std::vector<Run> runs_;
};

}  // namespace

std::string_view to_string(Invariant invariant) noexcept {
  switch (invariant) {
    case Invariant::kUnique:
      return "I1 unique";
    case Invariant::kDurable:
      return "I2 durable first";
    case Invariant::kOrdered:
      return "I3 ordered";
    case Invariant::kContiguous:
      return "I4 contiguous";
    case Invariant::kAccounted:
      return "I5 accounted";
    case Invariant::kHonest:
      return "I6 exhaustion is honest";
    case Invariant::kForwards:
      return "I7 never backwards";
    case Invariant::kSameStore:
      return "I8 same store";
    case Invariant::kLive:
      return "liveness";
  }
  return "?";
}

void Report::add(Invariant invariant, std::string description) {
  Finding& finding = findings_[static_cast<std::size_t>(invariant)];
  ++finding.count;
  if (finding.examples.size() < kExamples) finding.examples.push_back(std::move(description));
}

void Report::add(const Report& other) {
  for (std::size_t i = 0; i < kInvariants; ++i) {
    std::vector<std::string>& examples = findings_[i].examples;
    findings_[i].count += other.findings_[i].count;
    for (const std::string& example : other.findings_[i].examples) {
      if (examples.size() < kExamples) examples.push_back(example);
    }
  }
  counters += other.counters;
  answered += other.answered;
  unanswered += other.unanswered;
  ids += other.ids;
}

std::uint64_t Report::total() const noexcept {
  return std::accumulate(findings_.begin(), findings_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Finding& one) { return sum + one.count; });
}

std::uint64_t Report::count(Invariant invariant) const noexcept {
  return findings_[static_cast<std::size_t>(invariant)].count;
}

const std::vector<std::string>& Report::examples(Invariant invariant) const noexcept {
  return findings_[static_cast<std::size_t>(invariant)].examples;
}

Report check(const History& history, const Expectations& expectations) {
  Report report;
  std::map<std::string, CounterCheck> counters;
  const auto counter = [&](const std::string& name) -> CounterCheck& {
    return counters.try_emplace(name, history, expectations, name, report).first->second;
  };
  // A counter that was named is checked even if nobody got an id of it.
  if (!expectations.counter.empty()) counter(expectations.counter);
  for (const Record& record : history.records) {
    if (!expectations.counter.empty() && record.counter != expectations.counter) continue;
    CounterCheck& own = counter(record.counter);
    if (record.answered()) {
      own.add(record);
    } else {
      ++report.unanswered;
    }
  }
  report.counters = counters.size();
  for (auto& [name, one] : counters) one.run();
  return report;
}

}  // namespace nextid::history
