// What a browser can be made to send: every form of Host, and of the fields that tell whose page
// asks. Bytes go through the parser and the gate, as those of a connection do.
#include <array>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/cat.h"
#include "base/quoting.h"
#include "http/codec/request_parser.h"
#include "http/gate.h"

namespace nextid::http {
namespace {

using base::cat;

constexpr unsigned kServed = 200;

// A server without tokens.
class Server {
 public:
  explicit Server(std::string host, std::vector<std::string> allowed = {})
      : gate_(access_, {.listen_host = std::move(host), .allowed_hosts = std::move(allowed)}, {}) {}

  /// kServed, or why not: the status of the parser or the gate.
  unsigned status_of(std::string_view method, std::string_view target, const std::string& fields) {
    const std::string bytes = cat(method, " ", target, " HTTP/1.1\r\n", fields, "\r\n");
    RequestParser parser{Limits()};
    if (parser.feed(bytes).status != RequestParser::Status::kRequest) {
      return parser.problem().status;
    }
    const Request& request = parser.request();
    auth::Session session(access_);
    std::string id;
    const auto refusal = gate_.check(request, route_of(request, 100), session, id);
    return refusal ? refusal->status : kServed;
  }

 private:
  auth::Access access_;
  Gate gate_;
};

struct HostForm {
  std::string_view host;
  unsigned status;
};

constexpr std::array kHosts{
    // This machine's names, with any port, and those of --allow-host.
    HostForm{"127.0.0.1", kServed},
    HostForm{"127.0.0.1:8000", kServed},
    HostForm{"127.0.0.1:1", kServed},
    HostForm{"127.0.0.1:", kServed},
    HostForm{" \t127.0.0.1:8000 \t", kServed},
    HostForm{"localhost", kServed},
    HostForm{"localhost:8000", kServed},
    HostForm{"LocalHost", kServed},
    HostForm{"LOCALHOST:80", kServed},
    HostForm{"[::1]", kServed},
    HostForm{"[::1]:8000", kServed},
    HostForm{"[::1]:", kServed},
    HostForm{"ids.example", kServed},
    HostForm{"IDS.Example:443", kServed},
    HostForm{"[::5]:1", kServed},
    // Other names.
    HostForm{"", 403},
    HostForm{":8000", 403},
    HostForm{".", 403},
    HostForm{"evil.example", 403},
    HostForm{"evil.example:8000", 403},
    HostForm{"localhost.evil.example", 403},
    HostForm{"evil.localhost", 403},
    HostForm{"127.0.0.1.evil.example", 403},
    HostForm{"127.0.0.1.nip.io", 403},
    HostForm{"7f000001.nip.io:8000", 403},
    HostForm{"x.ids.example", 403},
    HostForm{"xids.example", 403},
    HostForm{"ids.example.evil.example", 403},
    // Dots.
    HostForm{"localhost.", 403},
    HostForm{"localhost.:8000", 403},
    HostForm{".localhost", 403},
    HostForm{"127.0.0.1.", 403},
    HostForm{"127.0.0..1", 403},
    // A user, a path, a scheme, a list.
    HostForm{"localhost@evil.example", 403},
    HostForm{"localhost:80@evil.example", 403},
    HostForm{"evil.example@localhost", 403},
    HostForm{"evil.example:80@127.0.0.1", 403},
    HostForm{"127.0.0.1/evil.example", 403},
    HostForm{"127.0.0.1\\evil.example", 403},
    HostForm{"127.0.0.1?evil.example", 403},
    HostForm{"127.0.0.1#evil.example", 403},
    HostForm{"127.0.0.1,evil.example", 403},
    HostForm{"evil.example, 127.0.0.1", 403},
    HostForm{"127.0.0.1 evil.example", 403},
    HostForm{"http://127.0.0.1", 403},
    // Other ways to write numbers.
    HostForm{"2130706433", 403},
    HostForm{"0x7f000001", 403},
    HostForm{"0x7f.0.0.1", 403},
    HostForm{"017700000001", 403},
    HostForm{"127.1", 403},
    HostForm{"127.0.1:8000", 403},
    HostForm{"127.0.0.01", 403},
    HostForm{"127.000.000.001", 403},
    // Addresses that are not listened on.
    HostForm{"127.0.0.2", 403},
    HostForm{"0.0.0.0", 403},
    HostForm{"10.0.0.1:8000", 403},
    HostForm{"[::]", 403},
    HostForm{"[::2]", 403},
    // Brackets and zones.
    HostForm{"::1", 403},
    HostForm{"[::1", 403},
    HostForm{"::1]", 403},
    HostForm{"[[::1]]", 403},
    HostForm{"[::1]x", 403},
    HostForm{"[::1]evil.example", 403},
    HostForm{"[::1].evil.example:80", 403},
    HostForm{"[0:0:0:0:0:0:0:1]", 403},
    HostForm{"[::ffff:127.0.0.1]", 403},
    HostForm{"[::1%lo]", 403},
    HostForm{"[::1%25lo]", 403},
    HostForm{"[127.0.0.1]", 403},
    // Ports that are none, and encodings.
    HostForm{"localhost:80:80", 403},
    HostForm{"localhost:http", 403},
    HostForm{"localhost:-1", 403},
    HostForm{"localhost:+80", 403},
    HostForm{"loc%61lhost", 403},
    HostForm{"localhost%00.evil.example", 403},
    HostForm{"\xef\xbd\x8cocalhost", 403},
};
static_assert(kHosts.size() == 77, "no form is left out");

constexpr std::array kHostsOnAllAddresses{
    HostForm{"127.0.0.1:8000", kServed},
    HostForm{"localhost", kServed},
    HostForm{"10.0.0.1:8000", kServed},
    HostForm{"0.0.0.0:8000", kServed},
    HostForm{"[fe80::1]:8000", kServed},
    HostForm{"[::ffff:10.0.0.1]", kServed},
    HostForm{"evil.example", 403},
    HostForm{"10.0.0.1.evil.example", 403},
    HostForm{"10.0.0.1@evil.example", 403},
    HostForm{"10.0.0.1.", 403},
    HostForm{"10.1", 403},
    HostForm{"167772161", 403},
    HostForm{"0xa.0.0.1", 403},
    HostForm{"10.0.0.256", 403},
    HostForm{"[evil.example]", 403},
    HostForm{"[10.0.0.1]", 403},
    HostForm{"[fe80::1%25eth0]", 403},
    HostForm{"fe80::1", 403},
};
static_assert(kHostsOnAllAddresses.size() == 18, "no form is left out");

// A page that leads its own name here could read what it asks for, so reads count as well.
template <std::size_t kCount>
void check_hosts(Server server, const std::array<HostForm, kCount>& forms) {
  for (const auto& [host, status] : forms) {
    const std::string field = cat("Host:", host, "\r\n");
    EXPECT_EQ(server.status_of("GET", "/next", field), status) << base::printable(host, 100);
    EXPECT_EQ(server.status_of("POST", "/next", field), status) << base::printable(host, 100);
    EXPECT_EQ(server.status_of("GET", "/v1/counters", field), status) << base::printable(host, 100);
    EXPECT_EQ(server.status_of("GET", "/healthz", field), kServed) << "probes name what they like";
  }
}

TEST(BrowserForms, The77FormsOfHost) {
  check_hosts(Server("127.0.0.1", {"ids.example", "::5"}), kHosts);
}

TEST(BrowserForms, The18FormsOfHostOnAllAddresses) {
  for (const auto* all : {"0.0.0.0", "::"}) check_hosts(Server(all), kHostsOnAllAddresses);
}

struct PageForm {
  std::string_view fields;
  unsigned status;
};

// Of requests to http://127.0.0.1:8000, where https://ids.example is known, too.
constexpr std::array kPages{
    // Programs, and pages of ours.
    PageForm{"", kServed},
    PageForm{"Sec-Fetch-Site: same-origin\r\n", kServed},
    PageForm{"Sec-Fetch-Site: none\r\n", kServed},
    PageForm{"Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", kServed},
    PageForm{"Origin: http://127.0.0.1:8000\r\n", kServed},
    PageForm{"Origin: http://127.0.0.1:8000\r\nSec-Fetch-Site: same-origin\r\n", kServed},
    PageForm{"Origin: http://ids.example\r\n", kServed},
    PageForm{"Origin: https://IDS.example:4430\r\n", kServed},
    PageForm{"Referer: http://evil.example/\r\n", kServed},  // Anybody may follow a link.
    PageForm{"Origin: http://127.0.0.1:8000\r\nReferer: http://evil.example/\r\n", kServed},
    // Pages of others, as their browser says.
    PageForm{"Sec-Fetch-Site: cross-site\r\n", 403},
    PageForm{"Sec-Fetch-Site: same-site\r\n", 403},
    PageForm{"Sec-Fetch-Site:\r\n", 403},
    PageForm{"Sec-Fetch-Site: Same-Origin\r\n", 403},
    PageForm{"Sec-Fetch-Site: same-origin, cross-site\r\n", 403},
    PageForm{"Sec-Fetch-Site: same-origin;x\r\n", 403},
    PageForm{"Sec-Fetch-Site: unheard-of\r\n", 403},
    PageForm{"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin\r\n", 400},
    PageForm{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n",
             403},
    PageForm{"Sec-Fetch-Site: cross-site\r\nOrigin: http://127.0.0.1:8000\r\n", 403},
    PageForm{"Sec-Fetch-Site: same-origin\r\nOrigin: http://evil.example\r\n", 403},
    // Pages of others, by their origin.
    PageForm{"Origin: null\r\n", 403},
    PageForm{"Origin:\r\n", 403},
    PageForm{"Origin: http://evil.example\r\n", 403},
    PageForm{"Origin: http://evil.example:8000\r\n", 403},
    PageForm{"Origin: http://127.0.0.1\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:3000\r\n", 403},
    PageForm{"Origin: http://localhost:8000\r\n", 403},
    PageForm{"Origin: http://[::1]:8000\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:8000.evil.example\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:8000@evil.example\r\n", 403},
    PageForm{"Origin: http://evil.example#127.0.0.1:8000\r\n", 403},
    PageForm{"Origin: http://evil.example://127.0.0.1:8000\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:8000/\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:8000 http://evil.example\r\n", 403},
    PageForm{"Origin: 127.0.0.1:8000\r\n", 403},
    PageForm{"Origin: //127.0.0.1:8000\r\n", 403},
    PageForm{"Origin: file://\r\n", 403},
    PageForm{"Origin: moz-extension://127.0.0.1\r\n", 403},
    PageForm{"Origin: https://xids.example\r\n", 403},
    PageForm{"Origin: https://ids.example.evil.example\r\n", 403},
    PageForm{"Origin: https://evil.example@ids.example\r\n", 403},
    PageForm{"Origin: http://127.0.0.1:8000\r\nOrigin: http://127.0.0.1:8000\r\n", 400},
    PageForm{"Origin: http://127.0.0.1:8000\r\nOrigin: http://evil.example\r\n", 400},
    // An origin is its scheme, too.
    PageForm{"Origin: https://127.0.0.1:8000\r\n", 403},
    PageForm{"Origin: ftp://ids.example\r\n", 403},
    // What a page can say itself, or a proxy of its site.
    PageForm{"Origin: http://evil.example\r\nReferer: http://127.0.0.1:8000/\r\n", 403},
    PageForm{"Origin: http://evil.example\r\nX-Forwarded-Host: evil.example\r\n", 403},
    PageForm{"Origin: http://evil.example\r\nForwarded: host=evil.example;proto=http\r\n", 403},
    PageForm{"Origin: http://evil.example\r\nX-Requested-With: XMLHttpRequest\r\n", 403},
    PageForm{"Origin: http://evil.example\r\nContent-Type: text/plain\r\n", 403},
    PageForm{"Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n", 403},
    // WebSockets.
    PageForm{"Upgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://evil.example\r\n", 403},
    PageForm{"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-Fetch-Site: cross-site\r\n", 403},
    // Before a person wants anything.
    PageForm{"Sec-Purpose: prefetch\r\n", 403},
    PageForm{"Sec-Purpose: prefetch;prerender\r\n", 403},
    PageForm{"Purpose: prefetch\r\nSec-Fetch-Site: same-origin\r\n", 403},
};
static_assert(kPages.size() == 57, "no form is left out");

TEST(BrowserForms, The57FormsOfAPageThatAsksForIds) {
  Server server("127.0.0.1", {"ids.example"});
  for (const auto& [fields, status] : kPages) {
    const std::string all = cat("Host: 127.0.0.1:8000\r\n", fields);
    const std::string shown = base::printable(fields, 200);
    for (const auto* method : {"GET", "POST"}) {
      EXPECT_EQ(server.status_of(method, "/next", all), status) << method << " " << shown;
      EXPECT_EQ(server.status_of(method, "/range?count=2", all), status) << method << " " << shown;
    }
    for (const auto* target : {"/v1/counters/a/advance", "/v1/counters/a/next"}) {
      EXPECT_EQ(server.status_of("POST", target, all), status) << target << " " << shown;
    }
    EXPECT_EQ(server.status_of("PUT", "/v1/counters/a", all), status) << shown;
    EXPECT_EQ(server.status_of("GET", "/v1/counters", all), kServed)
        << "reads change nothing, and their answers are kept from others' pages: " << shown;
  }
}

// A preflight that is not allowed explicitly keeps the request from being sent at all.
TEST(BrowserForms, NoAnswerAllowsOtherOriginsAnything) {
  for (const Reply& reply :
       {options_reply("GET, POST"), status_reply("ok"),
        problem_reply({.status = 403, .code = "forbidden", .detail = "No."})}) {
    std::string text;
    append_reply(text, reply, {});
    EXPECT_EQ(text.find("Access-Control-"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace nextid::http
