#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/ascii.h"

namespace nextid::base {
namespace {

constexpr std::size_t kFarthest = 3;

/// How many letters are to be added, left out, exchanged, or swapped with their neighbour, to get
/// from one word to the other.
std::size_t distance(std::string_view from, std::string_view to) {
  // Rows of the table of distances of beginnings: the one before the last, the last, this one.
  std::array<std::vector<std::size_t>, 3> rows;
  for (auto& row : rows) row.resize(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) rows[2][j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
    rows[2][0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t exchange = from[i - 1] == to[j - 1] ? 0 : 1;
      rows[2][j] = std::min({rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + exchange});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        rows[2][j] = std::min(rows[2][j], rows[0][j - 2] + 1);
      }
    }
  }
  return rows[2][to.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  std::pair<std::size_t, std::string> best{kFarthest + 1, ""};
  for (const std::string& other : known) {
    // A longer name is no misspelling, and would take time: clients may send it.
    if (name.size() > other.size() + kFarthest) continue;
    const std::size_t far = distance(to_lower(name), to_lower(other));
    if (2 * far <= other.size()) best = std::min(best, {far, other});
  }
  return best.second;
}

}  // namespace nextid::base
