#include "cli/counter_table.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/cat.h"
#include "cli/output.h"
#include "contract/definition_fields.h"

namespace nextid::cli {
namespace {

using base::cat;

constexpr std::size_t kPage = 1000;
constexpr std::size_t kMaxTextShown = 40;

// The beginning of a long one, in whole UTF-8 characters.
std::string shortened(const std::string& text) {
  if (text.size() <= kMaxTextShown) return for_terminal(text);
  std::size_t size = kMaxTextShown;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return for_terminal(text.substr(0, size)) + "...";
}

using Row = std::vector<std::string>;

// Text is last: it may be long.
Row heading() {
  Row row{"NAME", "VALUE"};
  for (const auto& field : contract::kNumberFields) row.push_back(base::to_upper(field.name));
  for (const auto& field : contract::kTextFields) row.push_back(base::to_upper(field.name));
  return row;
}

Row row_of(const CounterInfo& counter) {
  Row row{for_terminal(counter.name), counter.value ? std::to_string(*counter.value) : "-"};
  for (const auto& field : contract::kNumberFields) {
    row.push_back(std::to_string(counter.definition.*field.member));
  }
  for (const auto& field : contract::kTextFields) {
    row.push_back(shortened(counter.definition.*field.member));
  }
  return row;
}

}  // namespace

std::string counter_table(const std::vector<CounterInfo>& counters) {
  std::vector<Row> rows{heading()};
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

Result<CounterPage> all_counters(const Store& store, bool deleted) {
  CounterPage all;
  for (bool more = true; more;) {
    const std::string after = all.counters.empty() ? "" : all.counters.back().name;
    const auto page = deleted ? store.deleted_counters(after, kPage) : store.counters(after, kPage);
    if (!page) return page.error();
    all.counters.insert(all.counters.end(), page->counters.begin(), page->counters.end());
    all.left_out.insert(all.left_out.end(), page->left_out.begin(), page->left_out.end());
    more = page->more && !page->counters.empty();
  }
  return all;
}

}  // namespace nextid::cli
