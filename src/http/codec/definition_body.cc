#include "http/codec/definition_body.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/core/string.hpp>

#include "base/cat.h"
#include "base/quoting.h"
#include "base/whole_number.h"
#include "contract/definition_fields.h"
#include "http/codec/json_object.h"

namespace nextid::http {
namespace {

using base::cat;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonSuffix = "+json";

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         boost::beast::iequals({text.data() + text.size() - end.size(), end.size()},
                               {end.data(), end.size()});
}

bool is_json(std::string_view content_type) {
  const auto end = content_type.substr(0, content_type.find(';')).find_last_not_of(" \t");
  const auto essence = content_type.substr(0, end + 1);
  return (essence.size() == kJson.size() && ends_with_ignoring_case(essence, kJson)) ||
         ends_with_ignoring_case(essence, kJsonSuffix);
}

Refusal check_content_type(const Field& field) {
  if (field.count == 0) return std::nullopt;
  if (field.count > 1) return invalid("The field Content-Type is given more than once.");
  if (is_json(field.value)) return std::nullopt;
  return invalid(cat("The Content-Type is ", base::in_quotes(field.value),
                     "; it must be application/json, or left out."));
}

JsonField number_field(std::string_view name, std::optional<std::uint64_t>& number,
                       std::uint64_t min, std::uint64_t max) {
  return {.name = name,
          .expected = cat("a whole number from ", min, " to ", max, ", as a number or as text"),
          .take = [&number, min, max](JsonKind, std::string_view text) {
            number = base::whole_number(text, min, max);
            return number.has_value();
          }};
}

JsonField text_field(std::string_view name, std::optional<std::string>& field,
                     std::size_t most_bytes) {
  return {.name = name,
          .expected = cat("text of at most ", most_bytes, " bytes in UTF-8"),
          .take = [&field, most_bytes](JsonKind kind, std::string_view text) {
            field = text;
            return kind == JsonKind::kString && text.size() <= most_bytes;
          }};
}

/// What GET says of a counter beside its definition, so that its answer can be sent back.
struct Answered {
  bool has_name = false;
  bool has_value = false;

  std::vector<JsonField> fields(const std::string& counter) {
    return {{.name = "name",
             .expected = cat("'", counter, "', as in the path, or left out"),
             .take =
                 [this, &counter](JsonKind, std::string_view text) {
                   has_name = true;
                   return text == counter;
                 }},
            {.name = "value",
             .expected = "a whole number, as GET shows it",
             .take =
                 [this](JsonKind, std::string_view text) {
                   has_value = true;
                   return base::whole_number(text, 0, kMaxId).has_value();
                 },
             .may_be_null = true}};
  }
};

}  // namespace

bool says_nothing(std::string_view body) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::string rest(body);
  std::erase_if(rest, [&](char c) { return kBlanks.find(c) != std::string_view::npos; });
  return body.empty() || rest == "{}" || rest == "null";
}

Refusal parse_definition(const Request& request, const std::string& counter,
                         DefinitionChange& change) {
  if (auto refusal = check_content_type(request.content_type)) return refusal;
  if (says_nothing(request.body)) return std::nullopt;
  std::vector<JsonField> fields;
  contract::for_each_field(
      [&](const contract::NumberField& field) {
        fields.push_back(
            number_field(field.name, change.*field.change, field.least_in_change(), field.most));
      },
      [&](const contract::TextField& field) {
        fields.push_back(text_field(field.name, change.*field.change, field.most_bytes));
      });
  Answered answered;
  for (JsonField& field : answered.fields(counter)) fields.push_back(std::move(field));
  if (auto refusal = read_json_object(request.body, fields)) return refusal;
  // By itself it is no answer that is sent back, but somebody who means to set it.
  if (answered.has_value && !answered.has_name) {
    return invalid(
        "The field 'value' can't be set: POST .../advance raises a counter's value, and nothing "
        "lowers it.");
  }
  return std::nullopt;
}

Refusal parse_advance(const Request& request, std::uint64_t& to) {
  if (auto refusal = check_content_type(request.content_type)) return refusal;
  std::optional<std::uint64_t> number;
  const std::array fields{number_field("to", number, 1, kMaxId)};
  if (!says_nothing(request.body)) {
    if (auto refusal = read_json_object(request.body, fields)) return refusal;
  }
  if (!number) {
    return invalid("The field 'to' is missing: the body must be JSON such as {\"to\":1000}.");
  }
  to = *number;
  return std::nullopt;
}

}  // namespace nextid::http
