#include "node/state_keeper.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/cat.h"
#include "base/mutex.h"

namespace nextid::node {
namespace {

using base::cat;
using state::Mark;
using state::StateFile;

// The wait before the comparison: a command that takes an id and ends then reads no other counters.
constexpr std::chrono::milliseconds kFirstComparison{50};
constexpr std::size_t kLoadsAtATime = 50;
constexpr std::chrono::seconds kRetryPeriod{1};
// Most stops that are taken over, and most of them that are logged one by one.
constexpr std::size_t kMostStops = 10'000;
constexpr std::size_t kLoggedStops = 10;
// Most counters whose marks wait for a file that can't be written. Without the others the file is
// only behind, which is safe.
constexpr std::size_t kMostPending = 100'000;

std::string in_quotes(const std::string& text) { return cat("'", text, "'"); }

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

std::string recover_command(const std::string& what, const std::string& store_url,
                            const std::string& path) {
  return cat("`nextid recover ", what, " --store ", in_quotes(store_url), " --state-dir ",
             in_quotes(directory_of(path)), "`");
}

/// Why the counter in the store contradicts the mark; empty where it does not.
std::string contradiction(const Mark& mark, const contract::Outcome& outcome) {
  if (std::holds_alternative<contract::Missing>(outcome)) {
    return cat("it is not in the store, and this node has issued ids up to ", mark.issued);
  }
  const auto* found = std::get_if<contract::Found>(&outcome);
  if (found == nullptr || found->state.value >= mark.issued) return {};
  return cat("its value in the store is ", found->state.value,
             ", and this node has issued ids up to ", mark.issued);
}

}  // namespace

Result<void> check_identity(StateFile& file, const StoreOpening& opening,
                            const std::string& store_url) {
  if (opening.identity.empty()) return {};
  const auto known = file.identity();
  if (!known) return known.error();
  if (known->empty()) return file.remember_identity(opening.identity);
  if (*known == opening.identity) return {};
  return Error(ErrorCode::kCorrupt,
               cat("the store at ", store_url, " is ", opening.identity, ", and ", file.path(),
                   " remembers ", *known,
                   ": it is another store's directory, or the store was made anew, or a table was "
                   "restored under its name; ids could be given out again. Choose the right "
                   "--store or --state-dir, or, to go on with this store, run ",
                   recover_command("--all", store_url, file.path()), "."));
}

StateKeeper::StateKeeper(std::unique_ptr<StateFile> file, Runtime& runtime, std::string store_url,
                         std::string identity, TakeChanges take_changes)
    : runtime_(runtime),
      store_url_(std::move(store_url)),
      identity_(std::move(identity)),
      path_(file->path()),
      take_changes_(std::move(take_changes)),
      file_(std::move(file)) {
  if (file_->made()) {
    runtime_.log(LogLevel::kInfo,
                 cat("made ", path_, ": this node remembers nothing of earlier ids yet"));
  }
  take_over_stops();
  runtime_.high_waters().ask_also([this](const std::string& counter) { return look_up(counter); });
  thread_ = std::thread([this] { run(); });
}

StateKeeper::~StateKeeper() { finish(); }

std::shared_ptr<StateFile> StateKeeper::file() const {
  const base::Lock lock(mutex_);
  return file_;
}

std::string StateKeeper::trouble() const {
  const base::Lock lock(mutex_);
  return trouble_;
}

void StateKeeper::take_over_stops() {
  const auto stops = file()->stopped(kMostStops);
  if (!stops) return met(stops.error());
  std::size_t logged = 0;
  for (const Mark& mark : *stops) {
    runtime_.high_waters().stop(mark.counter, mark.stopped);
    if (++logged <= kLoggedStops) runtime_.log(LogLevel::kError, mark.stopped);
  }
  if (logged > kLoggedStops) {
    runtime_.log(LogLevel::kError,
                 cat(logged, " counters in all have stopped; ", path_, " keeps them."));
  }
}

/// Runs on the thread whose request makes the counter's engine.
std::optional<HighWaters::Known> StateKeeper::look_up(const std::string& counter) {
  const auto mark = file()->counter(counter);
  if (!mark) met(mark.error());
  if (!mark || !*mark) return std::nullopt;
  HighWaters::Known known;
  if ((*mark)->issued > 0) known.issued = (*mark)->issued;
  known.stopped = (*mark)->stopped;
  return known;
}

void StateKeeper::run() {
  if (finishes_within(kFirstComparison)) return;
  if (auto marks = file()->newest(kCompared)) {
    compare(*std::move(marks));
  } else {
    met(marks.error());
  }
  while (!finishes_within(kPeriod)) write();
}

bool StateKeeper::finishes_within(std::chrono::milliseconds time) {
  const base::MonotonicTime end = base::monotonic_now() + time;
  base::Lock lock(mutex_);
  while (!finishing_ && base::monotonic_now() < end) changed_.wait_until(lock.native(), end);
  return finishing_;
}

// --- Comparing

void StateKeeper::compare(std::vector<Mark> marks) {
  std::erase_if(marks, [](const Mark& mark) { return mark.issued < 1 || !mark.stopped.empty(); });
  for (std::size_t begin = 0; begin < marks.size(); begin += kLoadsAtATime) {
    const std::size_t end = std::min(begin + kLoadsAtATime, marks.size());
    {
      const base::Lock lock(mutex_);
      loads_out_ += end - begin;
    }
    std::vector<contract::Call> calls;
    for (std::size_t i = begin; i < end; ++i) {
      calls.push_back(contract::Call{
          contract::Load{marks[i].counter, contract::WriterId{0}},
          [this, mark = marks[i]](const contract::Outcome& outcome) { on_loaded(mark, outcome); },
          false});
    }
    runtime_.submit(std::move(calls));
    base::Lock lock(mutex_);
    while (loads_out_ > 0 && !finishing_) changed_.wait(lock.native());
    if (finishing_) return;
  }
}

/// The mark was read before the store was, so the store can't rightly be below it.
void StateKeeper::on_loaded(const Mark& mark, const contract::Outcome& outcome) {
  if (const std::string why = contradiction(mark, outcome); !why.empty()) {
    const std::string sentence =
        cat("counter ", in_quotes(mark.counter), " has stopped: ", why, ", as ", path_,
            " remembers. The store was probably set back. Run ",
            recover_command(mark.counter, store_url_, path_), " first.");
    runtime_.high_waters().stop(mark.counter, sentence);
    runtime_.log(LogLevel::kError, sentence);
  }
  {
    const base::Lock lock(mutex_);
    if (--loads_out_ == 0) changed_.notify_all();
  }
}

// --- Writing

void StateKeeper::finish() {
  {
    const base::Lock lock(mutex_);
    if (std::exchange(finishing_, true)) return;
  }
  changed_.notify_all();
  thread_.join();
  next_try_ = {};
  write();
}

void StateKeeper::write() {
  for (CounterChange& change : take_changes_()) add(std::move(change));
  if (!trouble().empty()) lost_ = true;
  if (pending_.empty() && !lost_) return;
  const base::MonotonicTime now = base::monotonic_now();
  if (now < next_try_) return;
  const auto written = write_pending();
  lost_ = !written;
  if (lost_) next_try_ = now + kRetryPeriod;
  met(written);
}

void StateKeeper::add(CounterChange change) {
  Mark mark{std::move(change.counter), std::max<std::int64_t>(change.issued, 0),
            std::move(change.stopped)};
  if (mark.issued < 1 && mark.stopped.empty()) return;
  const auto known = pending_.find(mark.counter);
  if (known == pending_.end()) {
    if (pending_.size() < kMostPending) pending_.emplace(mark.counter, mark);
    return;
  }
  known->second.issued = std::max(known->second.issued, mark.issued);
  if (known->second.stopped.empty()) known->second.stopped = std::move(mark.stopped);
}

Result<void> StateKeeper::write_pending() {
  if (lost_) {
    if (const auto opened = open_again(); !opened) return opened;
  }
  std::vector<Mark> marks;
  for (const auto& [name, mark] : pending_) marks.push_back(mark);
  const auto written = file()->write(marks);
  if (written) pending_.clear();
  return written;
}

/// The path may lead to a new, empty file now. So all stops are written again; a counter's mark is
/// written again when the counter is next used. The directory itself is not made again: its disk
/// may be unmounted, and come back.
Result<void> StateKeeper::open_again() {
  auto opened = StateFile::open(directory_of(path_), StateFile::Making::kFile);
  if (!opened) return opened.error();
  if (!identity_.empty()) {
    const auto remembered = (*opened)->remember_identity(identity_);
    if (!remembered) return remembered;
  }
  for (HighWaters::Stop& stop : runtime_.high_waters().stopped(kMostStops)) {
    CounterChange change;
    change.counter = std::move(stop.first);
    change.stopped = std::move(stop.second);
    add(std::move(change));
  }
  const base::Lock lock(mutex_);
  file_ = *std::move(opened);
  return {};
}

/// Logs the beginning of trouble, and its end.
void StateKeeper::met(const Result<void>& result) {
  std::string before;
  {
    const base::Lock lock(mutex_);
    before = std::exchange(trouble_, result ? std::string() : result.error().what());
  }
  if (before.empty() && !result) {
    runtime_.log(LogLevel::kWarning, cat(result.error().what(),
                                         ". Ids are given out as before, but after a restart this "
                                         "node may not see that its store was set back."));
  } else if (!before.empty() && result) {
    runtime_.log(LogLevel::kInfo, path_ + " is written again");
  }
}

}  // namespace nextid::node
