#include "resp/codec/reply.h"

#include <array>
#include <charconv>

#include "base/quoting.h"

namespace nextid::resp {
namespace {

// Appends "<type><number>\r\n" in one go.
void append_number(std::string& out, char type, std::int64_t number) {
  std::array<char, 24> text;
  text[0] = type;
  char* end = std::to_chars(text.data() + 1, text.data() + text.size() - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

// The first word of an error, which clients look at.
std::string_view code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kLimited:
      return "ERR";
    case ErrorCode::kNotFound:
      return "NOTFOUND";
    case ErrorCode::kConflict:
      return "CONFLICT";
    case ErrorCode::kPrecondition:
      return "PRECONDITION";
    case ErrorCode::kExhausted:
      return "EXHAUSTED";
    case ErrorCode::kCorrupt:
      return "CORRUPT";
    case ErrorCode::kOverloaded:
      return "BUSY";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kDeadline:
      return "DEADLINE";
  }
  return "ERR";
}

}  // namespace

void append_simple(std::string& out, std::string_view text) {
  out += '+';
  out += text;
  out += "\r\n";
}

void append_integer(std::string& out, std::int64_t number) { append_number(out, ':', number); }

void append_bulk(std::string& out, std::string_view bytes) {
  append_number(out, '$', static_cast<std::int64_t>(bytes.size()));
  out += bytes;
  out += "\r\n";
}

void append_null(std::string& out, Version version) {
  out += version == Version::kResp3 ? "_\r\n" : "$-1\r\n";
}

void append_array_head(std::string& out, std::size_t elements) {
  append_number(out, '*', static_cast<std::int64_t>(elements));
}

void append_map_head(std::string& out, std::size_t pairs, Version version) {
  if (version == Version::kResp3) {
    append_number(out, '%', static_cast<std::int64_t>(pairs));
  } else {
    append_array_head(out, 2 * pairs);
  }
}

void append_text(std::string& out, std::string_view text, Version version) {
  constexpr std::string_view kPlain = "txt:";
  if (version == Version::kResp2) return append_bulk(out, text);
  append_number(out, '=', static_cast<std::int64_t>(kPlain.size() + text.size()));
  out += kPlain;
  out += text;
  out += "\r\n";
}

void append_error(std::string& out, std::string_view code, std::string_view sentence) {
  out += '-';
  out += code;
  out += ' ';
  out += base::printable(sentence, sentence.size());
  out += "\r\n";
}

void append_error(std::string& out, const Error& error) {
  append_error(out, code_of(error.code()), error.what());
}

}  // namespace nextid::resp
