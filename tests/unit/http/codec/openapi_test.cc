// GET /openapi.json says what the table of routes says, and holds together.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "nextid/version.h"

#include "contract/definition_fields.h"
#include "http/codec/openapi_document.h"
#include "http/codec/reply.h"
#include "http/codec/request_id.h"
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

std::string line_of(const std::set<std::string>& query, bool takes_key, bool takes_conditions,
                    bool takes_body) {
  std::string line;
  for (const auto& name : query) line += name + " ";
  if (takes_key) line += "+key ";
  if (takes_conditions) line += "+conditions ";
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
          line_of(query, call.takes_key, call.takes_conditions, call.takes_body);
    }
  }
  return calls;
}

bool has_tag(const json::object& operation, std::string_view tag) {
  const auto& tags = operation.at("tags").as_array();
  return std::any_of(tags.begin(), tags.end(),
                     [tag](const json::value& each) { return text(each) == tag; });
}

std::vector<json::object> parameters_of(const json::object& item) {
  std::vector<json::object> parameters;
  if (const auto* parts = item.if_contains("parameters")) {
    for (const auto& part : parts->as_array()) parameters.push_back(resolved(part));
  }
  // Not among them, so that answers have one type: the text form of the document has it there.
  if (const auto* as = item.if_contains("x-nextid-as")) parameters.push_back(resolved(*as));
  return parameters;
}

std::string line_of(const json::object& item, const json::object& operation) {
  std::set<std::string> query;
  std::set<std::string> header_fields;
  for (const json::object& parameter : parameters_of(item)) {
    const auto* required = parameter.if_contains("required");
    const auto name = text(parameter.at("name"));
    if (parameter.at("in") == "query") {
      query.insert(name + (required != nullptr && required->as_bool() ? "!" : ""));
    } else if (parameter.at("in") == "header") {
      header_fields.insert(name);
    }
  }
  return line_of(query, header_fields.contains("Idempotency-Key"),
                 header_fields.contains("If-Match") && header_fields.contains("If-None-Match"),
                 operation.contains("requestBody"));
}

Calls calls_of_document() {
  const std::map<std::string, std::string> methods{
      {"get", "GET"}, {"post", "POST"}, {"put", "PUT"}, {"delete", "DELETE"}, {"head", "HEAD"}};
  Calls calls;
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [key, operation] : item.as_object()) {
      const auto method = methods.find(std::string(key));
      if (method == methods.end()) continue;
      const auto line = line_of(item.as_object(), operation.as_object());
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
  fields.insert({"name", "value"});
  EXPECT_EQ(properties_of("DefinitionChange"), fields);
  fields.insert("deleted");
  EXPECT_EQ(properties_of("Counter"), fields);
}

// What the document calls right is what the server takes, and nothing else: each parameter, header
// field and member of a body is sent with values on both sides of its bounds.
class Bounds {
 public:
  static bool allows(const json::object& schema, const std::string& value) {
    if (const auto* words = schema.if_contains("enum")) {
      const auto& allowed = words->as_array();
      return std::find(allowed.begin(), allowed.end(), json::value(value)) != allowed.end();
    }
    if (schema.at("type") == "integer") return allows_number(schema, value);
    if (schema.at("type") == "boolean") return value == "true" || value == "false";
    if (schema.contains("minLength") && value.empty()) return false;
    if (schema.contains("maxLength") &&
        value.size() > static_cast<std::size_t>(schema.at("maxLength").as_int64())) {
      return false;
    }
    const auto* pattern = schema.if_contains("pattern");
    return pattern == nullptr || std::regex_search(value, std::regex(text(*pattern)));
  }

  static std::vector<std::string> around(const json::object& schema) {
    if (schema.at("type") == "boolean") return {"true", "false", "", "True", "1", "0", "yes"};
    if (schema.at("type") != "integer") return kTexts;
    std::vector<std::string> values{
        "0", "1", "9223372036854775807", "9223372036854775808", "1.5", "-1", "+1", "x", ""};
    for (const char* bound : {"minimum", "maximum"}) {
      const auto number = schema.at(bound).to_number<std::uint64_t>();
      for (const auto near : {number - 1, number, number + 1}) {
        if (near <= kMaxId) values.push_back(std::to_string(near));
      }
    }
    return values;
  }

 private:
  static bool allows_number(const json::object& schema, const std::string& value) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return !value.empty() && error == std::errc() && end == value.data() + value.size() &&
           number >= schema.at("minimum").to_number<std::uint64_t>() &&
           number <= schema.at("maximum").to_number<std::uint64_t>();
  }

  static const std::vector<std::string> kTexts;
};

// 128, 255 and 512 are lengths that end something.
const std::vector<std::string> Bounds::kTexts{"",
                                              "a",
                                              "_",
                                              "7",
                                              "-",
                                              ".",
                                              ":a",
                                              "a.b_c:d-e",
                                              "a b",
                                              "a/b",
                                              "\xc3\xa9",
                                              "A",
                                              "number",
                                              "string",
                                              "text",
                                              std::string(128, 'n'),
                                              std::string(129, 'n'),
                                              std::string(255, 'k'),
                                              std::string(256, 'k'),
                                              std::string(512, 'c'),
                                              std::string(513, 'c'),
                                              "\"\"",
                                              "\"k\"",
                                              "\"k",
                                              "k\"",
                                              "\"a\\\"b\"",
                                              "\"a\\b\"",
                                              "\"" + std::string(255, 'k') + "\"",
                                              "\"" + std::string(256, 'k') + "\"",
                                              "a\x7f",
                                              "*",
                                              "W/\"3\"",
                                              "\"3\", \"4\"",
                                              "\"3\" \"4\"",
                                              "3"};

struct Sent {
  std::string path;
  std::vector<std::string> query = {};
  std::string field_name = {};
  std::string field_value = {};
  std::string body = {};
};

// Whether the server takes it, as far as it can tell without its store.
bool is_taken(const std::string& method, const Sent& sent) {
  std::string target = sent.path;
  for (const auto& pair : sent.query) target += (&pair == &sent.query[0] ? "?" : "&") + pair;
  Request request;
  request.method = method;
  request.target = target;
  request.body = sent.body;
  for (const HttpFieldName& known : kHttpFields) {
    if (known.name == sent.field_name) request.*known.field = {sent.field_value, 1};
  }
  std::string id;
  if (parse_request_id(request.request_id, id)) return false;
  const auto routed = route_of(request, 1'000'000);
  const auto* problem = std::get_if<Problem>(&routed.call);
  return problem == nullptr || (problem->status != 400 && problem->status != 404);
}

std::string encoded(const std::string& value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    text += {'%', kHex[byte / 16], kHex[byte % 16]};
  }
  return text;
}

// A request of the call that is right: its needed parameters, by their examples.
Sent right_request(const std::string& path, const json::object& item,
                   const json::object& operation) {
  Sent sent{.path = path};
  for (const json::object& parameter : parameters_of(item)) {
    const auto name = text(parameter.at("name"));
    const auto& example = parameter.at("example");
    const auto value = example.is_string() ? text(example) : json::serialize(example);
    if (parameter.at("in") == "path") {
      sent.path.replace(sent.path.find('{'), name.size() + 2, value);
    } else if (parameter.at("in") == "query" && parameter.contains("required")) {
      sent.query.push_back(name + "=" + value);
    }
  }
  if (const auto* body = operation.if_contains("requestBody")) {
    sent.body = json::serialize(body->at("content").at("application/json").at("example"));
  }
  return sent;
}

// The same with another value of one parameter.
Sent with(Sent sent, const std::string& path, const json::object& parameter,
          const std::string& value) {
  const auto name = text(parameter.at("name"));
  if (parameter.at("in") == "path") {
    sent.path = path;
    sent.path.replace(sent.path.find('{'), name.size() + 2, encoded(value));
  } else if (parameter.at("in") == "query") {
    std::erase_if(sent.query, [&](const auto& pair) { return pair.starts_with(name + "="); });
    sent.query.push_back(name + "=" + encoded(value));
  } else {
    sent.field_name = name;
    sent.field_value = value;
  }
  return sent;
}

template <typename Visit>
void for_each_operation(const Visit& visit) {
  for (const auto& [path, item] : document().at("paths").as_object()) {
    for (const auto& [method, operation] : item.as_object()) {
      if (method == "parameters" || method == "x-nextid-as") continue;
      std::string name(method);
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      visit(name, std::string(path), item.as_object(), operation.as_object());
    }
  }
}

TEST(OpenApi, HasTheBoundsOfParameters) {
  std::size_t refused = 0;
  for_each_operation([&](const std::string& method, const std::string& path,
                         const json::object& item, const json::object& operation) {
    const Sent right = right_request(path, item, operation);
    EXPECT_TRUE(is_taken(method, right)) << method << " " << path;
    for (const json::object& parameter : parameters_of(item)) {
      if (parameter.at("name") == "file") continue;  // There are only some of these.
      const json::object& schema = parameter.at("schema").as_object();
      for (const std::string& value : Bounds::around(schema)) {
        const bool in_field = parameter.at("in") == "header";
        // A field is trimmed before it is looked at, and the parser lets no control character by.
        if (in_field && value.empty()) continue;
        const bool allowed = Bounds::allows(schema, value);
        refused += allowed ? 0 : 1;
        EXPECT_EQ(is_taken(method, with(right, path, parameter, value)), allowed)
            << method << " " << path << ": " << parameter.at("name") << " = " << value;
      }
    }
  });
  EXPECT_GT(refused, 500U);
}

std::vector<json::value> members_around(const json::object& schema) {
  std::vector<json::value> values{true, json::array{}, json::object{}, 1.5, -1, nullptr};
  for (const std::string& value : Bounds::around(schema)) {
    if (schema.at("type") != "integer") {
      values.emplace_back(value);
    } else if (std::uint64_t number = 0;
               std::from_chars(value.data(), value.data() + value.size(), number).ptr ==
               value.data() + value.size()) {
      if (!value.empty()) values.emplace_back(number);
    }
  }
  return values;
}

bool allows_member(const json::object& schema, const json::value& value) {
  if (value.is_null()) return schema.contains("nullable");
  if (const auto* string = value.if_string()) {
    return schema.at("type") == "string" && Bounds::allows(schema, std::string(*string));
  }
  if (schema.at("type") != "integer" || value.is_double()) return false;
  return (value.is_int64() || value.is_uint64()) && Bounds::allows(schema, json::serialize(value));
}

TEST(OpenApi, HasTheBoundsOfBodies) {
  std::size_t refused = 0;
  for_each_operation([&](const std::string& method, const std::string& path,
                         const json::object& item, const json::object& operation) {
    const auto* described = operation.if_contains("requestBody");
    if (described == nullptr) return;
    const json::object& schema =
        resolved(described->at("content").at("application/json").at("schema"));
    EXPECT_FALSE(schema.at("additionalProperties").as_bool());
    for (const auto& [name, part] : schema.at("properties").as_object()) {
      for (const json::value& value : members_around(part.as_object())) {
        Sent sent = right_request(path, item, operation);
        json::object body{{name, value}};
        if (name == "value") body["name"] = "orders";
        sent.body = json::serialize(body);
        const bool allowed =
            allows_member(part.as_object(), value) && (name != "name" || value == "orders");
        refused += allowed ? 0 : 1;
        EXPECT_EQ(is_taken(method, sent), allowed) << method << " " << path << ": " << sent.body;
      }
    }
    Sent unknown = right_request(path, item, operation);
    unknown.body = R"({"unknown":1})";
    EXPECT_FALSE(is_taken(method, unknown));
  });
  EXPECT_GT(refused, 50U);
}

TEST(OpenApi, NamesNoParameterAsASchema) {
  const auto& components = document().at("components").as_object();
  std::set<std::string> names;
  for (const char* kind : {"schemas", "parameters", "responses"}) {
    for (const auto& part : components.at(kind).as_object()) {
      std::string name(part.key());
      for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      EXPECT_TRUE(names.insert(name).second) << name;
    }
  }
  for (const auto& part : components.at("parameters").as_object()) {
    EXPECT_FALSE(part.value().at("schema").as_object().contains("$ref")) << part.key();
  }
}

TEST(OpenApi, HasOneTypeForEachThing) {
  for (const IdFormat ids : {IdFormat::kNumber, IdFormat::kText}) {
    const OpenApiDocument documents(7);
    const auto asset = documents.asset(ids);
    const auto form = json::parse({asset.body.data(), asset.body.size()});
    walk(form, [](const json::value& part) {
      const auto* object = part.if_object();
      if (object == nullptr) return;
      for (const char* mixed : {"oneOf", "anyOf", "allOf", "const"}) {
        EXPECT_FALSE(object->contains(mixed));
      }
      if (const auto* type = object->if_contains("type")) {
        EXPECT_FALSE(type->is_array());
      }
    });
    const auto& components = form.at("components");
    const bool is_text = ids == IdFormat::kText;
    EXPECT_EQ(components.at("schemas").at("Id").at("properties").at("id").at("type"),
              is_text ? "string" : "integer");
    EXPECT_EQ(components.at("responses")
                  .at("IdAnswer")
                  .at("content")
                  .at("application/json")
                  .at("example")
                  .at("id"),
              is_text ? json::value("42") : json::value(42));
    EXPECT_EQ(components.at("parameters").at("CountInQuery").at("schema").at("maximum"), 7);
    const auto& parameters = form.at("paths").at("/next").at("parameters").as_array();
    const auto has_as = std::any_of(parameters.begin(), parameters.end(), [](const auto& each) {
      return each.at("$ref") == "#/components/parameters/AsInQuery";
    });
    EXPECT_EQ(has_as, is_text);
    EXPECT_NE(asset.etag, OpenApiDocument(8).asset(ids).etag);
  }
  const OpenApiDocument documents(1'000'000);
  const auto file = web::find_asset("/openapi.json")->body;
  const auto body = documents.asset(IdFormat::kNumber).body;
  EXPECT_EQ(json::parse({body.data(), body.size()}), json::parse({file.data(), file.size()}));
  EXPECT_NE(documents.asset(IdFormat::kNumber).etag, documents.asset(IdFormat::kText).etag);
}

TEST(OpenApi, IsOfThisVersion) {
  EXPECT_EQ(text(document().at("openapi")).substr(0, 4), "3.0.");
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
      if (key == "parameters" || key == "x-nextid-as") continue;
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
    Problem problem{.status = static_cast<unsigned>(object->at("status").as_int64()),
                    .code = code,
                    .detail = text(object->at("detail"))};
    if (const auto* after = object->if_contains("retry_after_ms")) {
      problem.retry_after = std::chrono::milliseconds(after->as_int64());
    }
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
