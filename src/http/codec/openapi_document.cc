#include "http/codec/openapi_document.h"

#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/cat.h"

namespace nextid::http {
namespace {

namespace json = boost::json;
using base::cat;

// In the file, schemas of what is text where ids are, and path items whose calls take `as`.
constexpr const char* kIsId = "x-nextid-id";
constexpr const char* kTakesAs = "x-nextid-as";

json::string json_text(std::string_view text) { return json::string(text.data(), text.size()); }

json::value as_text(const json::object& schema) {
  const bool may_be_zero = schema.at("minimum").to_number<std::uint64_t>() == 0;
  json::object text{{"type", "string"},
                    {"pattern", may_be_zero ? "^(0|[1-9][0-9]{0,18})$" : "^[1-9][0-9]{0,18}$"}};
  for (const char* kept : {"nullable", "description"}) {
    if (const auto* value = schema.if_contains(kept)) text[kept] = *value;
  }
  return text;
}

class TextForm {
 public:
  explicit TextForm(json::value& document) : document_(document) {}

  void make() {
    take_as();
    walk(document_, [this](json::object& part) { convert_examples(part); });
    replace_ids(document_);
    document_.at("components").at("parameters").as_object()["AsInQuery"] =
        json::object{{"name", "as"},
                     {"in", "query"},
                     {"required", true},
                     {"description", "Ids as text."},
                     {"schema", json::object{{"type", "string"}, {"enum", {"string"}}}},
                     {"example", "string"}};
  }

 private:
  void take_as() {
    for (auto& item : document_.at("paths").as_object()) {
      json::object& path = item.value().as_object();
      const auto* reference = path.if_contains(kTakesAs);
      if (reference == nullptr) continue;
      path.at("parameters").as_array().push_back(*reference);
      path.erase(kTakesAs);
    }
  }

  template <typename Visit>
  void walk(json::value& part, const Visit& visit) {
    if (auto* object = part.if_object()) {
      visit(*object);
      for (auto& member : *object) walk(member.value(), visit);
    } else if (auto* array = part.if_array()) {
      for (auto& element : *array) walk(element, visit);
    }
  }

  void convert_examples(json::object& part) {
    const auto* schema = part.if_contains("schema");
    auto* example = part.if_contains("example");
    if (schema != nullptr && example != nullptr) convert(*example, *schema);
  }

  void convert(json::value& example, const json::value& unresolved) {
    const json::value& schema = resolved(unresolved);
    if (schema.as_object().contains(kIsId)) {
      if (example.is_number()) example = json_text(json::serialize(example));
    } else if (auto* object = example.if_object()) {
      for (auto& member : *object) {
        const auto* properties = schema.as_object().if_contains("properties");
        if (properties == nullptr) continue;
        const auto* property = properties->as_object().if_contains(member.key());
        if (property != nullptr) convert(member.value(), *property);
      }
    } else if (auto* array = example.if_array()) {
      for (auto& element : *array) convert(element, schema.at("items"));
    }
  }

  const json::value& resolved(const json::value& part) const {
    const auto* reference = part.as_object().if_contains("$ref");
    if (reference == nullptr) return part;
    boost::system::error_code error;
    return *document_.find_pointer(std::string_view(reference->as_string()).substr(1), error);
  }

  void replace_ids(json::value& part) {
    if (auto* object = part.if_object()) {
      if (object->contains(kIsId)) {
        part = as_text(*object);
        return;
      }
      for (auto& member : *object) replace_ids(member.value());
    } else if (auto* array = part.if_array()) {
      for (auto& element : *array) replace_ids(element);
    }
  }

  json::value& document_;
};

}  // namespace

OpenApiDocument::OpenApiDocument(std::uint64_t max_range) {
  const web::Asset& file = *web::find_asset(kPath);
  // The tag of the file, and what makes another document of it.
  const std::string tag = cat(file.etag.substr(0, file.etag.size() - 1), "-", max_range);
  json::value document = json::parse({file.body.data(), file.body.size()});
  document.at("components").at("parameters").at("CountInQuery").at("schema").at("maximum") =
      max_range;
  numbers_ = {json::serialize(document), tag + "\""};
  TextForm(document).make();
  text_ = {json::serialize(document), tag + "-text\""};
}

web::Asset OpenApiDocument::asset(IdFormat ids) const {
  const Form& form = ids == IdFormat::kText ? text_ : numbers_;
  return {kPath, "application/json", form.etag, form.body};
}

}  // namespace nextid::http
