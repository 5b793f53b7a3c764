#include "http/codec/json_object.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>

#include "base/cat.h"
#include "base/nearest.h"
#include "base/quoting.h"

namespace nextid::http {
namespace {

using base::cat;

namespace json = boost::json;

// Boost's parser calls it for each thing that it finds; false ends the parsing.
class Handler {
 public:
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  explicit Handler(std::span<const JsonField> fields) : fields_(fields) {}

  Refusal refusal;

  // "in the field 'max'", while one is being read.
  std::string place() const { return field_ == nullptr ? "" : ", in the field " + name(*field_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code& error) {
    return std::exchange(in_object_, true) ? other("an object", error) : true;
  }
  bool on_object_end(std::size_t, json::error_code&) { return true; }
  bool on_array_begin(json::error_code& error) { return other("an array", error); }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return add(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    add(part);
    return find_field(std::exchange(text_, {}), error);
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return add(part); }
  bool on_string(json::string_view part, std::size_t, json::error_code& error) {
    add(part);
    return take(JsonKind::kString, std::exchange(text_, {}), error);
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code& error) {
    return take(JsonKind::kInteger, std::to_string(number), error);
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code& error) {
    return take(JsonKind::kInteger, std::to_string(number), error);
  }
  bool on_double(double, json::string_view part, json::error_code& error) {
    const auto point = part.find('.');
    if (is_whole({part.data(), part.size()}, point)) {
      return take(JsonKind::kInteger, std::string(part.data(), point), error);
    }
    return other(base::printable({part.data(), part.size()}), error);
  }
  bool on_bool(bool value, json::error_code& error) {
    return other(value ? "true" : "false", error);
  }
  bool on_null(json::error_code& error) {
    if (field_ == nullptr || !field_->may_be_null) return other("null", error);
    field_ = nullptr;
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  // "131072.0", as languages without integers write them.
  static bool is_whole(std::string_view number, std::size_t point) {
    return point != std::string_view::npos && number.size() > point + 1 &&
           number.find_first_not_of("0123456789") == point &&
           number.find_first_not_of('0', point + 1) == std::string_view::npos;
  }

  static std::string name(const JsonField& field) { return cat("'", field.name, "'"); }

  bool add(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }

  bool refuse(std::string sentence, json::error_code& error) {
    refusal = invalid(std::move(sentence));
    error = json::make_error_code(json::error::syntax);  // Any: the parser only wants one.
    return false;
  }

  bool find_field(const std::string& key, json::error_code& error) {
    const auto field = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const JsonField& known) { return known.name == key; });
    if (field == fields_.end()) {
      std::string known;
      std::vector<std::string> names;
      for (const auto& each : fields_) {
        known += (known.empty() ? "" : ", ") + name(each);
        names.emplace_back(each.name);
      }
      const std::string meant = base::nearest(key, names);
      return refuse(cat("The field ", base::in_quotes(key), " is unknown; this call takes ", known,
                        meant.empty() ? "." : cat("; did you mean '", meant, "'?")),
                    error);
    }
    field_ = &*field;
    if (std::find(seen_.begin(), seen_.end(), field_) != seen_.end()) {
      return refuse(cat("The field ", name(*field_), " is given more than once."), error);
    }
    seen_.push_back(field_);
    return true;
  }

  bool take(JsonKind kind, const std::string& text, json::error_code& error) {
    const std::string shown = kind == JsonKind::kString ? base::in_quotes(text) : text;
    if (!in_object_ || !field_->take(kind, text)) return other(shown, error);
    field_ = nullptr;
    return true;
  }

  // A value that no field takes, or no object at all.
  bool other(const std::string& shown, json::error_code& error) {
    if (!in_object_) {
      return refuse(cat("The body is ", shown, "; it must be a JSON object."), error);
    }
    return refuse(
        cat("The field ", name(*field_), " is ", shown, "; it must be ", field_->expected, "."),
        error);
  }

  const std::span<const JsonField> fields_;
  std::vector<const JsonField*> seen_;
  const JsonField* field_ = nullptr;  // The one whose value is being read.
  bool in_object_ = false;
  std::string text_;  // Of a key or string that comes in parts.
};

}  // namespace

Refusal read_json_object(std::string_view text, std::span<const JsonField> fields) {
  json::parse_options options;
  options.max_depth = 2;  // The handler refuses what is inside the object with a better sentence.
  json::basic_parser<Handler> parser(options, fields);
  json::error_code error;
  const std::size_t size = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().refusal) return parser.handler().refusal;
  if (!error && size < text.size()) error = json::make_error_code(json::error::extra_data);
  if (!error) return std::nullopt;
  const std::string rest =
      size < text.size() ? ", before " + base::in_quotes(text.substr(size)) : "";
  return invalid(cat("The body is no JSON in UTF-8: ", error.message(), " at byte ", size, rest,
                     parser.handler().place(), "."));
}

}  // namespace nextid::http
