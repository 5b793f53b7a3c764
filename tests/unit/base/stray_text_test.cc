// What is refused in settings because nobody sees it, and how it is shown.
#include "base/stray_text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace nextid::base {
namespace {

using namespace std::string_literals;

struct Row {
  std::string character;
  std::string name;
  std::string shown;
  bool anywhere;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"\r", "a carriage return", "\\r", true},
      {"\n", "a line feed", "\\n", true},
      {"\t", "a tab", "\\t", true},
      {"\0"s, "a NUL", "\\u{0}", true},
      {"\x1b", "an escape character", "\\u{1b}", true},
      {"\x01", "the control character U+0001", "\\u{1}", true},
      {"\x7f", "the control character U+007F", "\\u{7f}", true},
      {"\xc2\x9b", "the control character U+009B", "\\u{9b}", true},
      {"\xe2\x80\xa8", "a line separator", "\\u{2028}", true},
      {" ", "a blank", " ", false},
      {"\xc2\xa0", "a no-break space", "\\u{a0}", false},
      {"\xe3\x80\x80", "an ideographic space", "\\u{3000}", false},
      {"\xe2\x80\x8b", "the blank U+200B", "\\u{200b}", false},
      {"\xef\xbb\xbf", "a byte order mark", "\\u{feff}", false},
  };
  return all;
}

std::string complaint(const std::string& text) { return stray_character(text).value_or("none"); }

TEST(StrayText, IsNamedWithItsPlace) {
  for (const Row& row : rows()) {
    const std::string& c = row.character;
    EXPECT_EQ(complaint("sqlite:/x/ids.db" + c), "it ends in " + row.name + "; remove it");
    EXPECT_EQ(complaint(c + "sqlite:/x/ids.db"), "it begins with " + row.name + "; remove it");
    EXPECT_EQ(complaint(c), "it begins with " + row.name + "; remove it");
    EXPECT_EQ(complaint("\xc3\xa4" + c + "b"),
              row.anywhere ? "its character 2 is " + row.name + "; remove it" : "none");
  }
}

TEST(StrayText, IsNotInWhatPeopleWrite) {
  for (const char* text :
       {"", "a", "sqlite:/srv/my ids/b.db",
        "Gr\xc3\xb6\xc3\x9f"
        "e",
        "\xf0\x9f\x90\x98", "dynamodb://ids?region=eu-west-1&endpoint=http://localhost:8000"}) {
    EXPECT_EQ(complaint(text), "none") << text;
    EXPECT_EQ(visible(text), text);
  }
}

TEST(StrayText, BytesThatAreNoTextPass) {
  for (const char* text : {"caf\xe9", "\xe9", "\xc3", "a\x9b", "\xf0\x9f\x90", "\xff"}) {
    EXPECT_EQ(complaint(text), "none");
  }
  EXPECT_EQ(visible("caf\xe9\x9b"), "caf\\xe9\\x9b");
}

TEST(StrayText, IsShown) {
  for (const Row& row : rows()) {
    EXPECT_EQ(visible("a" + row.character + "b"), "a" + row.shown + "b");
  }
}

}  // namespace
}  // namespace nextid::base
