#include "cli/counter_table.h"

#include <algorithm>

#include "base/cat.h"
#include "cli/output.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::size_t kPage = 1000;
constexpr std::size_t kMaxCommentShown = 40;

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

}  // namespace

std::string counter_table(const std::vector<CounterInfo>& counters) {
  std::vector<Row> rows{
      {"NAME", "VALUE", "START", "INCREMENT", "MAX", "CACHE", "REVISION", "COMMENT"}};
  for (const auto& counter : counters) rows.push_back(row_of(counter));
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
        text += cat("  ", padding, row[i]);
      } else if (!row[i].empty()) {
        text += "  " + row[i];
      }
    }
    text += "\n";
  }
  return text;
}

Result<std::vector<CounterInfo>> all_counters(const Store& store) {
  std::vector<CounterInfo> all;
  for (bool more = true; more;) {
    const auto page = store.counters(all.empty() ? "" : all.back().name, kPage);
    if (!page) return page.error();
    all.insert(all.end(), page->counters.begin(), page->counters.end());
    more = page->more && !page->counters.empty();
  }
  return all;
}

}  // namespace nextid::cli
