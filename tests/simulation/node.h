// A machine on which processes that allocate run, one after the other.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simulation/process.h"

namespace nextid::simulation {

class Node {
 public:
  Node(Context& context, Ledger& ledger, SimulatedStore& store, std::size_t index)
      : context_(context),
        ledger_(ledger),
        store_(store),
        machine_(context, kFirstNumber + index),
        index_(index) {
    if (context.random.chance(context.parameters.state_files)) file_.emplace();
    start();
  }

  Machine& machine() noexcept { return machine_; }
  /// The process that runs, or null.
  std::shared_ptr<Process> process() const {
    return processes_.back()->over() ? nullptr : processes_.back();
  }
  const std::vector<std::shared_ptr<Process>>& processes() const noexcept { return processes_; }

  void start() {
    const std::string name = std::to_string(index_) + "." + std::to_string(processes_.size());
    processes_.push_back(std::make_shared<Process>(context_, ledger_, store_, machine_, name,
                                                   file_ ? &*file_ : nullptr));
  }

  void close(microseconds timeout) {
    if (const auto running = process()) {
      machine_.when_awake([running, timeout] { running->close(timeout, [] {}); });
    }
  }

  void rest(microseconds timeout) {
    if (const auto running = process()) {
      machine_.when_awake([running, timeout] { running->rest(timeout); });
    }
  }

  void write_state_file() {
    if (const auto running = process()) running->write_state_file();
  }

  /// Before the store was recovered: the process ends, and the next one takes the store as it is.
  void accept_store() {
    crash();
    if (!file_) return;
    file_->identity = store_.identity();
    file_->known.stopped.clear();
    file_->told_corrupt = false;
    file_->highest.clear();  // The store is above all that.
    file_->since = context_.next_moment();
  }

  /// Once it has closed, the next process starts.
  void restart(microseconds timeout) {
    const auto running = process();
    if (!running || std::exchange(restarts_, true)) return;
    machine_.when_awake(
        [this, running, timeout] { running->close(timeout, [this] { start_later(); }); });
  }

  /// Also in the middle of its sleep, or of its closing.
  void crash() {
    const auto running = process();
    if (!running) return;
    const bool was_closing = std::exchange(restarts_, true);
    running->crash();
    machine_.wake();
    if (!was_closing) start_later();
  }

 private:
  static constexpr std::uint64_t kFirstNumber = 1'000;

  void start_later() {
    context_.queue.after(context_.up_to(context_.parameters.down_us), [this] {
      restarts_ = false;
      start();
    });
  }

  Context& context_;
  Ledger& ledger_;
  SimulatedStore& store_;
  Machine machine_;
  const std::size_t index_;
  std::optional<StateFile> file_;
  std::vector<std::shared_ptr<Process>> processes_;
  bool restarts_ = false;  // A process is closing, or down.
};

}  // namespace nextid::simulation
