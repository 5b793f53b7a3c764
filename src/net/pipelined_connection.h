// What the connections of protocols with pipelines have in common: requests are answered in order,
// and each id is written or given up exactly once (I5). A protocol parses requests and renders
// answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "net/answer_queue.h"
#include "net/client_connection.h"

namespace nextid::net {

// The memory that an answer keeps until it is written. A protocol has one for each of its Replies.
inline std::size_t held_bytes(const std::string& bytes) noexcept { return bytes.capacity(); }
inline std::size_t held_bytes(const Result<IdRange>& range) noexcept {
  return range ? 0 : std::string_view(range.error().what()).size();
}

/// `Entry` is an Unanswered, or derives from one.
template <typename Entry>
class PipelinedConnection : public ClientConnection {
 public:
  /// Past that it stops reading.
  static constexpr std::size_t kMaxPipeline = 1024;

  void deliver(std::uint64_t tag, Result<IdRange> range) final {
    const auto last_hold = delivered();
    if (closed()) return count_undelivered(queue_.of(tag), range);
    keep(queue_.of(tag), range);
    if (queue_.answer(tag, std::move(range))) go_on_answering();
  }

 protected:
  using ClientConnection::ClientConnection;

  /// Appends the answer to the output, and counts it. Ids are written by put_ids().
  virtual void write(Entry& entry) = 0;

  const AnswerQueue<Entry>& queue() const noexcept { return queue_; }
  Entry& last() noexcept { return queue_.last(); }
  std::uint64_t last_tag() const noexcept { return queue_.last_tag(); }
  Entry& add(stats::Route route) {
    Entry& entry = queue_.add();
    entry.route = route;
    entry.taken = now();
    return entry;
  }

  /// Asks for ids for the last entry.
  void ask(GeneratorHold generator, std::uint64_t count, std::optional<IdempotencyKey> key = {}) {
    last().has_key = key.has_value();
    last().request = allocate(*generator, count, last_tag(), key);
    last().generator = std::move(generator);
  }

  /// Answers an entry, unless the client is gone.
  template <typename Reply>
  void answer(std::uint64_t tag, Reply&& reply) {
    if (closed()) return;
    keep(queue_.of(tag), reply);
    if (queue_.answer(tag, std::forward<Reply>(reply))) go_on_answering();
  }
  /// The entry keeps that much memory until it is written.
  void keep(Entry& entry, std::size_t bytes) noexcept {
    entry.held_bytes += bytes;
    hold(bytes);
  }

  /// Begins a call of the store for the last entry when its turn has come. Its answer comes by
  /// end_call().
  void call_in_turn(std::function<void()> begin) { queue_.add_call(std::move(begin)); }
  template <typename Reply>
  void end_call(Reply&& reply) {
    queue_.end_call();
    answer(last_tag(), std::forward<Reply>(reply));
  }

  void shrink() override { queue_.shrink(); }
  std::size_t held_by_protocol() const noexcept override { return queue_.held_bytes(); }
  void rest() override { queue_.rest(); }

  /// Counts the answer to a request for ids.
  void count(const Entry& entry, const Result<IdRange>& range) {
    stats().count(entry.route, range ? stats::Ending::kOk : stats::ending_of(range.error().code()));
    note_answer(entry.taken);
  }
  /// The output ends with the answer that carries these ids.
  void put_ids(Entry& entry, const IdRange& range) {
    if (!entry.has_key) output_has_ids(*std::move(entry.generator), range.count());
  }

 private:
  /// What an idle connection keeps of the queue that a busy one grew.
  static constexpr std::size_t kIdlePipeline = 64;

  bool has_room() const noexcept final { return queue_.has_room(); }
  bool has_unanswered() const noexcept final { return !queue_.empty(); }

  template <typename Answer>
  void keep(Entry& entry, const Answer& answer) noexcept {
    if (const std::size_t bytes = held_bytes(answer); bytes > 0) keep(entry, bytes);
  }

  void go_on_answering() {
    write_answers();
    schedule_flush();
  }

  void write_answers() final {
    queue_.write_next(
        [this](Entry& entry) {
          let_go(entry.held_bytes);
          write(entry);
        },
        [this] { return has_output_room(); });
    queue_.begin_call_in_turn();
  }

  void give_up_unanswered() final {
    for (Entry& entry : queue_) {
      if (!entry.generator) continue;
      if (const auto* range = std::get_if<Result<IdRange>>(&entry.answer)) {
        count_undelivered(entry, *range);
      } else {
        withdraw(**entry.generator, entry.request);
      }
    }
  }

  /// Not for requests with a key: a repeat with the same key gets these ids.
  static void count_undelivered(const Entry& entry, const Result<IdRange>& range) {
    if (range && !entry.has_key) (*entry.generator)->count_undelivered(range->count());
  }

  AnswerQueue<Entry> queue_{kMaxPipeline, kIdlePipeline};
};

}  // namespace nextid::net
