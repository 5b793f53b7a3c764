// The calls of a front end that are told apart in metrics, made from its table of calls at compile
// time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nextid::stats {

/// A call's place among the labels of its front end.
using Route = std::uint8_t;
/// A request that matches no row of the table.
inline constexpr Route kOtherRoute = 0;
inline constexpr std::string_view kOtherLabel = "other";

struct RouteLabel {
  std::string_view name;
  bool gives_ids;
};

/// A front end's name in metrics, and its calls. Static data.
struct FrontEndLabels {
  std::string_view name;
  std::span<const RouteLabel> routes;
};

/// Each label once, in the order of the rows, behind kOtherLabel.
template <std::size_t kRows>
class RouteLabels {
 public:
  /// `label_of` makes the RouteLabel of a row; rows of the same name are one route.
  template <typename Row, typename LabelOf>
  constexpr RouteLabels(const std::array<Row, kRows>& rows, LabelOf label_of) {
    for (std::size_t i = 0; i < kRows; ++i) of_row_[i] = add(label_of(rows[i]));
  }

  constexpr std::span<const RouteLabel> labels() const noexcept { return {labels_.data(), count_}; }
  constexpr Route of_row(std::size_t place) const noexcept { return of_row_[place]; }

 private:
  constexpr Route add(const RouteLabel& label) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (labels_[i].name == label.name) return static_cast<Route>(i);
    }
    labels_[count_] = label;
    return static_cast<Route>(count_++);
  }

  static_assert(kRows < 256);
  std::array<RouteLabel, kRows + 1> labels_{RouteLabel{kOtherLabel, false}};
  std::size_t count_ = 1;
  std::array<Route, kRows> of_row_{};
};

}  // namespace nextid::stats
