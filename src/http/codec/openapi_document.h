// GET /openapi.json: the file of web/ as this server is set, in two forms. In one ids are integers,
// as calls answer by default; in the other they are text, and the calls have `as=string`. So each
// call has answers of one type, which clients that are generated need.
#pragma once

#include <cstdint>
#include <string>

#include "http/codec/id_format.h"
#include "web/asset.h"

namespace nextid::http {

class OpenApiDocument {
 public:
  static constexpr const char* kPath = "/openapi.json";

  /// `max_range` is the largest count of one request.
  explicit OpenApiDocument(std::uint64_t max_range);
  OpenApiDocument(const OpenApiDocument&) = delete;
  OpenApiDocument& operator=(const OpenApiDocument&) = delete;

  /// Its text lives as long as this.
  web::Asset asset(IdFormat ids) const;

 private:
  struct Form {
    std::string body;
    std::string etag;
  };

  Form numbers_;
  Form text_;
};

}  // namespace nextid::http
