// `nextid counters`: what the store has.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "protocol/http_reply.h"

namespace nextid::cli {
namespace {

constexpr std::size_t kPage = 1000;

struct Request {
  std::string store;
  bool json = false;
};

Result<CounterPage> read_all(const Store& store) {
  CounterPage all;
  do {
    const std::string after = all.counters.empty() ? "" : all.counters.back().name;
    const auto page = store.counters(after, kPage);
    if (!page) return page.error();
    all.counters.insert(all.counters.end(), page->counters.begin(), page->counters.end());
    all.more = page->more && !page->counters.empty();
  } while (all.more);
  return all;
}

using Row = std::vector<std::string>;

Row row_of(const CounterInfo& counter) {
  const Definition& definition = counter.definition;
  return {counter.name,
          counter.value ? std::to_string(*counter.value) : "-",
          std::to_string(definition.start),
          std::to_string(definition.increment),
          std::to_string(definition.max),
          std::to_string(definition.cache)};
}

// Columns as wide as their widest cell, names to the left and numbers to the right.
std::string table_of(const CounterPage& page) {
  std::vector<Row> rows{{"NAME", "VALUE", "START", "INCREMENT", "MAX", "CACHE"}};
  for (const auto& counter : page.counters) rows.push_back(row_of(counter));
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    text += "\n";
  }
  return text;
}

int list(const Request& request) {
  auto store = open_chosen_store(request.store);
  if (!store) return report(store.error());
  const auto page = read_all(*store);
  if (!page) return report(page.error());
  const std::string text =
      request.json ? protocol::counters_reply(*page, false).body + "\n" : table_of(*page);
  if (write_output(text)) return kOk;
  std::fprintf(stderr, "nextid: Can't write to standard output (%s).\n", std::strerror(errno));
  return kFailure;
}

}  // namespace

void add_counters(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand("counters", "List all counters, by name");
  command->add_flag("--json", request->json, "Print the JSON of GET /v1/counters");
  add_store_option(*command, request->store);
  command->callback([request, &outcome] { outcome.exit_code = list(*request); });
}

}  // namespace nextid::cli
