// Keeps web pages of other sites from using a visitor's browser against this server.
//
// A page can have a browser send requests to any address that the browser reaches, loopback too. It
// can't read the answers of another origin; but an id is taken all the same (cross-site request
// forgery). And if its own name leads to our address (DNS rebinding), it can read the answers, too.
// Fields that no script can set give such requests away: Sec-Fetch-Site (W3C Fetch Metadata),
// Origin (RFC 6454) and Host. Programs other than browsers send neither of the first two.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/codec/problem.h"
#include "http/codec/request.h"

namespace nextid::http {

/// Immutable, so any thread may ask it. check() of a request without such fields, with a Host that
/// is ours, takes no allocation.
class BrowserGuard {
 public:
  struct Settings {
    std::string listen_host;  ///< A name or an address; IPv6 without brackets.
    /// Further names that lead here, without ports; "*.example.com" for all below that name.
    std::vector<std::string> allowed_hosts;
    /// On without tokens, when a page that gets through may do everything.
    bool check_host = true;
    /// On where it is loopback alone that keeps others out, which a proxy on this machine undoes.
    bool refuse_proxies = false;
    bool is_tls = false;  ///< Whether pages of ours are https.
  };

  explicit BrowserGuard(const Settings& settings);

  /// Refuses as `forbidden` (403)
  ///   - where proxies are refused, a request with one of kProxyFields;
  ///   - where hosts are checked, a Host that is not ours: localhost, 127.0.0.1, [::1], the listen
  ///     host, an allowed one; on 0.0.0.0 and [::], any address, since only names can be rebound.
  ///     HTTP/1.0 without Host is no browser's;
  ///   - if the call takes ids or changes something (`acts`): what is fetched before a person wants
  ///     it (Sec-Purpose: prefetch); a Sec-Fetch-Site other than
  ///     same-origin and none, or an Origin other than the Host's and those of allowed hosts. Its
  ///     scheme must be ours or, as a proxy or the browser itself tells, that of the page.
  /// The host of a target such as http://127.0.0.1/next counts in place of the field.
  /// Refuses as `invalid` (400) a request that repeats one of these fields.
  Refusal check(const Request& request, bool acts) const;

  /// Whether a browser is to keep to TLS for the host that the request names (RFC 6797): with TLS,
  /// but for localhost, which is the name of all that runs on a browser's machine.
  bool wants_only_tls(const Request& request) const;

 private:
  Refusal check_host(std::string_view authority) const;
  Refusal check_origin(const Request& request, std::string_view authority) const;
  bool is_ours(std::string_view host) const;
  bool is_own_origin(const Request& request, std::string_view authority) const;

  std::vector<std::string> own_hosts_;         // As Host fields have them, without ports.
  std::vector<std::string> allowed_hosts_;     // The same.
  std::vector<std::string> allowed_suffixes_;  // ".example.com"
  bool check_host_;
  bool refuse_proxies_;
  bool any_address_is_ours_;
  std::string_view own_scheme_;
};

}  // namespace nextid::http
