// `nextid counters`: what the store has.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "nextid/nextid.h"

#include "cli/chosen_store.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/server_options.h"
#include "protocol/http_reply.h"

namespace nextid::cli {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::size_t kMaxCommentShown = 40;

struct Request {
  server::ConfigSources sources;
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

// The beginning of a long one, in whole UTF-8 characters.
std::string short_comment(const std::string& comment) {
  if (comment.size() <= kMaxCommentShown) return for_terminal(comment);
  std::size_t size = kMaxCommentShown;
  while (size > 0 && (static_cast<unsigned char>(comment[size]) & 0xc0) == 0x80) --size;
  return for_terminal(comment.substr(0, size)) + "...";
}

using Row = std::vector<std::string>;

Row row_of(const CounterInfo& counter) {
  const Definition& definition = counter.definition;
  return {counter.name,
          counter.value ? std::to_string(*counter.value) : "-",
          std::to_string(definition.start),
          std::to_string(definition.increment),
          std::to_string(definition.max),
          std::to_string(definition.cache),
          std::to_string(definition.revision),
          short_comment(definition.comment)};
}

// Columns as wide as their widest cell: names to the left, numbers to the right, comments last.
std::string table_of(const CounterPage& page) {
  std::vector<Row> rows{
      {"NAME", "VALUE", "START", "INCREMENT", "MAX", "CACHE", "REVISION", "COMMENT"}};
  for (const auto& counter : page.counters) rows.push_back(row_of(counter));
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      if (i == 0) {
        text += row[i] + padding;
      } else if (i + 1 < row.size()) {
        text += "  " + padding + row[i];
      } else if (!row[i].empty()) {
        text += "  " + row[i];
      }
    }
    text += "\n";
  }
  return text;
}

int list(const Request& request) {
  auto store = open_existing_store(request.sources);
  if (!store) return report(store.error());
  const auto page = read_all(*store);
  if (!page) return report(page.error());
  return print(request.json ? protocol::counters_reply(*page, false).body + "\n" : table_of(*page));
}

}  // namespace

void add_counters(CLI::App& app, Outcome& outcome) {
  const auto request = std::make_shared<Request>();
  auto* command = app.add_subcommand("counters", "List all counters, by name");
  command->add_flag("--json", request->json, "Print the JSON of GET /v1/counters");
  add_store_options(*command, request->sources);
  command->callback([request, &outcome] { outcome.exit_code = list(*request); });
}

}  // namespace nextid::cli
