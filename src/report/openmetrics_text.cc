#include "report/openmetrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <utility>

namespace nextid::report {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // The notation of Go's %g: two spellings of a bucket's bound would be two series.
  const double size = std::fabs(value);
  const auto format = value != 0 && (size < 1e-4 || size >= 1e21) ? std::chars_format::scientific
                                                                  : std::chars_format::fixed;
  std::array<char, 32> text;
  const auto end = std::to_chars(text.begin(), text.end(), value, format).ptr;
  return {text.begin(), end};
}

// A bound is a floating-point number to every reader: 1.0, not 1.
std::string bound_text(double bound) {
  std::string text = number_text(bound);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
}

/// The page so far, and the family that is being written.
class Writer {
 public:
  void family(const MetricFamily& family) {
    name_ = family.name;
    if (family.type == MetricType::Counter) name_.resize(name_.size() - kTotal.size());
    metadata("TYPE", type_of(family.type));
    for (const std::string_view unit : {"seconds", "bytes"}) {
      if (name_.ends_with("_" + std::string(unit))) metadata("UNIT", unit);
    }
    metadata("HELP", family.help);
    for (const ClientMetric& metric : family.metric) samples(family.type, metric);
  }

  std::string finish() && { return std::move(out_) + "# EOF\n"; }

 private:
  static std::string_view type_of(MetricType type) {
    if (type == MetricType::Counter) return "counter";
    return type == MetricType::Histogram ? "histogram" : "gauge";
  }

  void metadata(std::string_view what, std::string_view text) {
    out_.append("# ").append(what).append(" ").append(name_).append(" ");
    append_escaped(out_, text);
    out_ += '\n';
  }

  void samples(MetricType type, const ClientMetric& metric) {
    if (type == MetricType::Counter) return sample(kTotal, metric, metric.counter.value);
    if (type == MetricType::Gauge) return sample("", metric, metric.gauge.value);
    for (const auto& bucket : metric.histogram.bucket) {
      sample("_bucket", metric, static_cast<double>(bucket.cumulative_count),
             bound_text(bucket.upper_bound));
    }
    sample("_count", metric, static_cast<double>(metric.histogram.sample_count));
    sample("_sum", metric, metric.histogram.sample_sum);
  }

  /// `bound` is the label "le" of a bucket.
  void sample(std::string_view suffix, const ClientMetric& metric, double value,
              std::string_view bound = {}) {
    out_.append(name_).append(suffix);
    char separator = '{';
    const auto label = [&](std::string_view name, std::string_view text) {
      out_ += std::exchange(separator, ',');
      out_.append(name).append("=\"");
      append_escaped(out_, text);
      out_ += '"';
    };
    for (const auto& [name, text] : metric.label) label(name, text);
    if (!bound.empty()) label("le", bound);
    if (separator == ',') out_ += '}';
    out_.append(" ").append(number_text(value)).append("\n");
  }

  std::string out_;
  std::string name_;  // Of the family: a counter's without "_total".
};

}  // namespace

std::string openmetrics_text(const std::vector<MetricFamily>& families) {
  Writer writer;
  for (const MetricFamily& family : families) writer.family(family);
  return std::move(writer).finish();
}

}  // namespace nextid::report
