// A client: one request after the other, on any node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/context.h"
#include "simulation/node.h"

namespace nextid::simulation {

class Client {
 public:
  using Nodes = std::vector<std::unique_ptr<Node>>;

  Client(Context& context, const Ledger& ledger, Nodes& nodes, std::size_t index)
      : context_(context),
        ledger_(ledger),
        nodes_(nodes),
        name_("client-" + std::to_string(index)),
        left_(context.parameters.requests) {}

  /// `before_each` is called before each request.
  void start(std::function<void()> before_each);
  /// No more requests: what waits goes on.
  void stop() noexcept { left_ = 0; }
  /// Its last request has ended.
  bool done() const noexcept { return left_ == 0 && !waits_; }
  void end_cursor();

 private:
  /// Ids on loan, and how many of them were handed out.
  struct Cursor {
    std::shared_ptr<Process> process;
    engine::Loan lent;
    std::uint64_t used = 0;
  };

  void think();
  void act();
  void request(const std::shared_ptr<Process>& process);
  bool take_from_cursor(const std::shared_ptr<Process>& process);
  microseconds timeout();

  Context& context_;
  const Ledger& ledger_;
  Nodes& nodes_;
  const std::string name_;
  std::uint64_t left_;
  bool waits_ = false;
  std::function<void()> before_each_;
  std::optional<Cursor> cursor_;
};

}  // namespace nextid::simulation
