// GET /openapi.json says what the table of routes says, and holds together.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "nextid/version.h"

#include "contract/definition_fields.h"
#include "http/codec/reply.h"
#include "http/codec/routes.h"
#include "web/asset.h"

namespace nextid::http {
namespace {

namespace json = boost::json;

const json::value& document() {
  static const json::value parsed = [] {
    const auto body = web::find_asset("/openapi.json")->body;
    return json::parse({body.data(), body.size()});
  }();
  return parsed;
}

// The place that "#/components/..." names, or null.
const json::value* find_reference(const json::string& reference) {
  if (!reference.starts_with('#')) return nullptr;
  boost::system::error_code error;
  return document().find_pointer({reference.data() + 1, reference.size() - 1}, error);
}

const json::object& resolved(const json::value& part) {
  const auto* reference = part.as_object().if_contains("$ref");
  return reference != nullptr ? find_reference(reference->as_string())->as_object()
                              : part.as_object();
}

std::string text(const json::value& value) { return std::string(value.as_string()); }

// Calls `visit` with `value` and all that is in it.
template <typename Visit>
void walk(const json::value& value, const Visit& visit) {
  visit(value);
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) walk(member.value(), visit);
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) walk(element, visit);
  }
}

// Calls by method and path, each as one line of what it takes.
using Calls = std::map<std::string, std::string>;

std::string line_of(const std::set<std::string>& query, bool takes_key, bool takes_body) {
  std::string line;
  for (const auto& name : query) line += name + " ";
  if (takes_key) line += "+key ";
  if (takes_body) line += "+body ";
  return line;
}

Calls calls_of_routes() {
  Calls calls;
  for (const auto& call : describe_calls()) {
    std::set<std::string> query;
    for (const auto& parameter : call.query_parameters) {
      query.insert(std::string(parameter.name) + (parameter.required ? "!" : ""));
    }
    for (const auto method : call.methods) {
      calls[std::string(method) + " " + std::string(call.path)] =
          line_of(query, call.takes_key, call.takes_body);
    }
  }
  return calls;
}

bool has_tag(const json::object& operation, std::string_view tag) {
  const auto& tags = operation.at("tags").as_array();
  return std::any_of(tags.begin(), tags.end(),
                     [tag](const json::value& each) { return text(each) == tag; });
}

void add_parameters(const json::object& from, std::set<std::string>& query, bool& takes_key) {
  const auto* parameters = from.if_contains("parameters");
  if (parameters == nullptr) return;
  for (const auto& part : parameters->as_array()) {
    const auto& parameter = resolved(part);
    const auto* required = parameter.if_contains("required");
    const auto name = text(parameter.at("name"));
    if (parameter.at("in") == "query") {
      query.insert(name + (required != nullptr && required->as_bool() ? "!" : ""));
    }
    if (parameter.at("in") == "header" && name == "Idempotency-Key") takes_key = true;
  }
}

Calls calls_of_document() {
  const std::map<std::string, std::string> methods{
      {"get", "GET"}, {"post", "POST"}, {"put", "PUT"}, {"delete", "DELETE"}, {"head", "HEAD"}};
  Calls calls;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      const auto method = methods.find(std::string(key));
      if (method == methods.end()) continue;
      std::set<std::string> query;
      bool takes_key = false;
      add_parameters(item.as_object(), query, takes_key);
      add_parameters(operation.as_object(), query, takes_key);
      const bool takes_body = operation.as_object().contains("requestBody");
      const auto line = line_of(query, takes_key, takes_body);
      calls[method->second + " " + std::string(path)] = line;
      // It says once, in its description, that HEAD works where GET reads.
      const bool reads = method->second == "GET" && !has_tag(operation.as_object(), "Ids");
      if (reads) calls["HEAD " + std::string(path)] = line;
    }
  }
  return calls;
}

TEST(OpenApi, HasTheCallsOfTheTableAndTheirParameters) {
  EXPECT_EQ(calls_of_document(), calls_of_routes());
}

std::set<std::string> properties_of(const char* schema) {
  std::set<std::string> names;
  for (const auto& property :
       document().at("components").at("schemas").at(schema).at("properties").as_object()) {
    names.emplace(property.key());
  }
  return names;
}

TEST(OpenApi, HasTheFieldsOfADefinition) {
  std::set<std::string> fields;
  for (const auto& field : contract::kDefinitionFields) fields.emplace(contract::name_of(field));
  EXPECT_EQ(properties_of("DefinitionChange"), fields);
  fields.insert({"name", "value"});
  EXPECT_EQ(properties_of("Counter"), fields);
}

TEST(OpenApi, IsOfThisVersion) {
  EXPECT_EQ(text(document().at("openapi")).substr(0, 4), "3.1.");
  EXPECT_EQ(text(document().at("info").at("version")), kVersion);
}

TEST(OpenApi, RefersToWhatItHas) {
  std::size_t references = 0;
  std::set<std::string> used;
  walk(document(), [&](const json::value& part) {
    const auto* object = part.if_object();
    if (object == nullptr || !object->contains("$ref")) return;
    ++references;
    const auto& reference = object->at("$ref").as_string();
    EXPECT_NE(find_reference(reference), nullptr) << reference;
    used.insert(std::string(reference));
  });
  EXPECT_GT(references, 100U);

  for (const auto& [kind, parts] : document().at("components").as_object()) {
    if (kind == "securitySchemes") continue;  // Named without a path.
    for (const auto& part : parts.as_object()) {
      const auto name = "#/components/" + std::string(kind) + "/" + std::string(part.key());
      EXPECT_TRUE(used.contains(name)) << name << " is used nowhere";
    }
  }
}

TEST(OpenApi, NamesEachCallOnceUnderATagThatItExplains) {
  std::set<std::string> tags;
  for (const auto& tag : document().at("tags").as_array()) tags.insert(text(tag.at("name")));
  std::set<std::string> names;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      if (key == "parameters") continue;
      EXPECT_TRUE(names.insert(text(operation.at("operationId"))).second) << path;
      EXPECT_FALSE(text(operation.at("summary")).empty()) << path;
      for (const auto& tag : operation.at("tags").as_array()) {
        EXPECT_TRUE(tags.contains(text(tag))) << path;
      }
      for (const auto& [status, part] : operation.at("responses").as_object()) {
        EXPECT_FALSE(text(resolved(part).at("description")).empty()) << path << " " << status;
      }
    }
  }
}

TEST(OpenApi, DeclaresTheVariablesOfItsPaths) {
  for (const auto& [path, item] : document().at("paths").as_object()) {
    std::string variables;
    if (const auto* parameters = item.as_object().if_contains("parameters")) {
      for (const auto& part : parameters->as_array()) {
        const auto& parameter = resolved(part);
        if (parameter.at("in") != "path") continue;
        EXPECT_TRUE(parameter.at("required").as_bool()) << path;
        variables += "{" + text(parameter.at("name")) + "}";
      }
    }
    std::string expected;
    for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      const auto variable = path.substr(at, path.find('}', at) - at + 1);
      expected.append(variable.data(), variable.size());
    }
    EXPECT_EQ(variables, expected) << path;
  }
}

TEST(OpenApi, ShowsProblemsAsTheServerWritesThem) {
  std::size_t problems = 0;
  walk(document().at("components").at("responses"), [&](const json::value& part) {
    const auto* object = part.if_object();
    if (object == nullptr || !object->contains("detail")) return;
    const auto type = text(object->at("type"));
    const auto code = type.substr(type.rfind(':') + 1);
    const Problem problem{.status = static_cast<unsigned>(object->at("status").as_int64()),
                          .code = code,
                          .detail = text(object->at("detail"))};
    const auto written = json::parse(problem_reply(problem).body);
    // A code without a title of its own is one of another listener's.
    if (written.at("title") != json::value(code)) {
      EXPECT_EQ(written, part);
    }
    ++problems;
  });
  EXPECT_GT(problems, 10U);
}

}  // namespace
}  // namespace nextid::http
