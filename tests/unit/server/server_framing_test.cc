// No form of framing_forms.h has a server take what follows it for a request of its own when it is
// none, or leave it out when it is one.
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "base/quoting.h"
#include "unit/http/codec/framing_forms.h"
#include "unit/server/server_fixture.h"

namespace nextid::server {
namespace {

using ServerFramingTest = testing::ServerTest;

TEST_F(ServerFramingTest, TakesAnIdForWhatIsARequestAndForNothingElse) {
  start();
  const std::string next = testing::get("/next?counter=smuggled");
  std::uint64_t served = 0;
  for (const testing::FramingForm& form : testing::framing_forms()) {
    const std::string shown = base::printable(form.bytes, 300);
    testing::HttpClient client = connect();
    ASSERT_TRUE(client.send(form.bytes + next));
    const auto first = client.read(!form.bytes.starts_with("HEAD"));
    if (form.refused != 0) {
      EXPECT_EQ(first.status, form.refused) << shown;
      EXPECT_TRUE(client.reads_end()) << shown;
      continue;
    }
    EXPECT_GE(first.status, 200U) << shown;
    EXPECT_EQ(client.read().status, 200U) << shown;
    ++served;
  }
  stop();
  EXPECT_EQ(stored_value("smuggled"), served);
}

}  // namespace
}  // namespace nextid::server
