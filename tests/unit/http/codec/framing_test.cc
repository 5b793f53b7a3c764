// What is a request's end, for every form of framing_forms.h: the parser's verdict, whole and torn.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/quoting.h"
#include "http/codec/request_parser.h"
#include "unit/http/codec/framing_forms.h"

namespace nextid::http {
namespace {

using Status = RequestParser::Status;
using testing::FramingForm;

constexpr std::string_view kNext = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

struct Found {
  std::vector<std::string> targets = {};
  std::string body = {};  // Of the first request.
  unsigned refused = 0;

  friend bool operator==(const Found&, const Found&) = default;
};

void PrintTo(const Found& found, std::ostream* out) {
  for (const auto& target : found.targets) *out << target << ", ";
  *out << "'" << base::printable(found.body, 100) << "', " << found.refused;
}

// What a parser finds that gets these pieces, one after the other, as a connection gives them.
class Reader {
 public:
  void read(std::string_view piece) {
    if (found_.refused != 0) {
      // A connection reads no more. If it did, nothing would come of it.
      EXPECT_EQ(parser_.feed(piece).status, Status::kError);
      return;
    }
    pending_.append(piece);
    while (step()) {
    }
  }

  const Found& found() const { return found_; }

 private:
  bool step() {
    const auto outcome = parser_.feed(pending_);
    if (outcome.status == Status::kError) found_.refused = parser_.problem().status;
    if (outcome.status == Status::kRequest) {
      if (found_.targets.empty()) found_.body = parser_.request().body;
      found_.targets.emplace_back(parser_.request().target);
    }
    pending_ = pending_.substr(outcome.consumed);
    return outcome.status == Status::kRequest;
  }

  RequestParser parser_{Limits{}};
  std::string pending_;
  Found found_;
};

Found found_in(std::initializer_list<std::string_view> pieces) {
  Reader reader;
  for (const auto piece : pieces) reader.read(piece);
  return reader.found();
}

Found expected_of(const FramingForm& form) {
  if (form.refused != 0) return {.refused = form.refused};
  const bool is_options = form.bytes.starts_with("OPTIONS");
  return {.targets = {is_options ? "*" : "/held", "/smuggled"}, .body = form.body};
}

TEST(Framing, The134FormsEndWhereTheySay) {
  const auto forms = testing::framing_forms();
  EXPECT_EQ(forms.size(), 134U) << "no form is left out";
  for (const FramingForm& form : forms) {
    const std::string bytes = form.bytes + std::string(kNext);
    EXPECT_EQ(found_in({bytes}), expected_of(form)) << base::printable(bytes, 300);
  }
}

// A refused form stays refused, and a served one has its end, wherever a packet ends.
TEST(Framing, TheyEndThereHoweverTheyAreTorn) {
  for (const FramingForm& form : testing::framing_forms()) {
    const std::string bytes = form.bytes + std::string(kNext);
    const std::string_view all = bytes;
    for (std::size_t at = 0; at <= all.size(); ++at) {
      ASSERT_EQ(found_in({all.substr(0, at), all.substr(at)}), expected_of(form))
          << base::printable(all, 300) << ", torn after " << at << " bytes";
    }
    Reader bytewise;
    for (const char& byte : all) bytewise.read({&byte, 1});
    EXPECT_EQ(bytewise.found(), expected_of(form)) << base::printable(all, 300);
  }
}

}  // namespace
}  // namespace nextid::http
