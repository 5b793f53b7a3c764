// Each way to write a URL of container credentials that says one host and may mean another: what is
// asked, or that nothing is.
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "aws/container_credentials.h"
#include "fake_environment.h"

namespace nextid::aws {
namespace {

using testing::FakeEnvironment;

struct UriForm {
  std::string_view uri;
  std::string_view asked;  // "": it is refused.
};

constexpr std::string_view kRefused;

constexpr std::array kUris{
    // Plain, and a secret stays on this machine or is encrypted.
    UriForm{"http://127.0.0.1/x", "http://127.0.0.1/x"},
    UriForm{"http://LOCALHOST:80/x", "http://LOCALHOST:80/x"},
    UriForm{"http://[::1]:1/x", "http://[::1]:1/x"},
    UriForm{"http://169.254.170.2/x", "http://169.254.170.2/x"},
    UriForm{"https://keys.example/x", "https://keys.example/x"},
    UriForm{"http://keys.example/x", kRefused},
    UriForm{"http://192.0.2.1/x", kRefused},
    UriForm{"http://169.254.169.254/x", kRefused},
    UriForm{"http://0.0.0.0/x", kRefused},
    // A user.
    UriForm{"http://127.0.0.1@keys.example/x", kRefused},
    UriForm{"http://127.0.0.1:80@keys.example/x", kRefused},
    UriForm{"http://keys.example@127.0.0.1/x", kRefused},
    UriForm{"http://user:secret@127.0.0.1/x", kRefused},
    UriForm{"https://user@keys.example/x", kRefused},
    UriForm{"http://127.0.0.1\\@keys.example/x", kRefused},
    UriForm{"http://keys.example\\@127.0.0.1/x", kRefused},
    // What comes after the host.
    UriForm{"http://127.0.0.1#@keys.example/x", "http://127.0.0.1/#@keys.example/x"},
    UriForm{"http://127.0.0.1?@keys.example/x", "http://127.0.0.1/?@keys.example/x"},
    UriForm{"http://keys.example#@127.0.0.1/x", kRefused},
    UriForm{"http://keys.example?@127.0.0.1/x", kRefused},
    UriForm{"http://keys.example/@127.0.0.1/x", kRefused},
    UriForm{"http://keys.example:80#127.0.0.1", kRefused},
    // Names that begin or end like one of this machine's.
    UriForm{"http://localhost.example/x", kRefused},
    UriForm{"http://127.0.0.1.example/x", kRefused},
    UriForm{"http://xlocalhost/x", kRefused},
    UriForm{"http://localhost./x", kRefused},
    // Other ways to write numbers: the check and the call agree on what they mean.
    UriForm{"http://2130706433/x", "http://127.0.0.1/x"},
    UriForm{"http://0x7f000001/x", "http://127.0.0.1/x"},
    UriForm{"http://0177.0.0.1/x", "http://127.0.0.1/x"},
    UriForm{"http://127.1/x", "http://127.0.0.1/x"},
    UriForm{"http://3221225985/x", kRefused},
    UriForm{"http://0xc0000201/x", kRefused},
    UriForm{"http://192.513/x", kRefused},
    UriForm{"http://127.0.0.256/x", kRefused},
    UriForm{"http://%31%32%37.0.0.1/x", "http://127.0.0.1/x"},
    UriForm{"http://keys%2eexample/x", kRefused},
    // IPv6.
    UriForm{"http://[0:0:0:0:0:0:0:1]/x", "http://[::1]/x"},
    UriForm{"http://[::ffff:127.0.0.1]/x", kRefused},
    UriForm{"http://[::ffff:7f00:1]/x", kRefused},
    UriForm{"http://[::ffff:c000:201]/x", kRefused},
    UriForm{"http://[::127.0.0.1]/x", kRefused},
    UriForm{"http://[fd00:ec2::254]/x", kRefused},
    UriForm{"http://[::1]evil.example/x", kRefused},
    // Other schemes, and none.
    UriForm{"file:///etc/passwd", kRefused},
    UriForm{"file://127.0.0.1/etc/passwd", kRefused},
    UriForm{"gopher://127.0.0.1/x", kRefused},
    UriForm{"ftp://127.0.0.1/x", kRefused},
    UriForm{"//127.0.0.1/x", kRefused},
    UriForm{"127.0.0.1/x", kRefused},
    UriForm{"http:///x", kRefused},
    UriForm{"http://", kRefused},
    // Ports, blanks and line ends.
    UriForm{"http://127.0.0.1:0/x", kRefused},
    UriForm{"http://127.0.0.1:65536/x", kRefused},
    UriForm{"http://127.0.0.1:80:80/x", kRefused},
    UriForm{"http://127.0.0.1 keys.example/x", kRefused},
    UriForm{"http://127.0.0.1/x\r\nX-Evil: 1", kRefused},
};
static_assert(kUris.size() == 56, "no form is left out");

TEST(ContainerUri, The56FormsAskWhomTheySay) {
  for (const auto& [uri, asked] : kUris) {
    const FakeEnvironment variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", std::string(uri)}};
    const auto url = container_credentials_url(variables.get());
    if (asked != kRefused) {
      EXPECT_EQ(url.has_error() ? url.error().what() : url.value().value(), asked) << uri;
      continue;
    }
    ASSERT_TRUE(url.has_error()) << uri << ": " << url.value().value();
    EXPECT_EQ(url.error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(std::string_view(url.error().what()).find("secret"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace nextid::aws
