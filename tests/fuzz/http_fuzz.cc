// HTTP, from bytes to calls: nothing breaks it, and tearing changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz/torn.h"
#include "http/codec/reply.h"
#include "http/codec/request_parser.h"
#include "http/codec/routes.h"

namespace nextid::fuzz {
namespace {

using http::RequestParser;

constexpr http::Limits kLimits{.max_head_bytes = 512, .max_body_bytes = 256};

struct Found {
  std::string requests;
  std::string error;  // After them; "" for none.
};

Found find_in(std::string_view bytes, std::size_t piece) {
  RequestParser parser(kLimits);
  Found found;
  std::string& text = found.requests;
  feed_in_pieces(bytes, piece, parser.max_unconsumed_bytes(),
                 [&](std::string_view kept, bool& more, bool& ended) {
                   const auto outcome = parser.feed(kept);
                   if (outcome.status == RequestParser::Status::kNeedMore) {
                     more = true;
                   } else if (outcome.status == RequestParser::Status::kError) {
                     found.error = parser.problem().detail;
                     ended = true;
                   } else {
                     const auto& request = parser.request();
                     text += std::string(request.method) + " " + std::string(request.target) + " " +
                             std::string(request.body);
                     const auto routed = http::route_of(request, 1'000);
                     text += std::to_string(routed.call.index()) + std::string(routed.counter());
                     if (const auto* problem = std::get_if<http::Problem>(&routed.call)) {
                       http::append_reply(text, http::problem_reply(*problem), {});
                     }
                   }
                   return outcome.consumed;
                 });
  return found;
}

/// Of a torn chunked body the last four bytes wait for more before they are looked at: an error in
/// them may come later. And where its framing is both too long and wrong, either may be said. No
/// request depends on that.
bool may_differ(const std::string& some, const std::string& each) {
  const auto is_too_long = [](std::string_view error) {
    return error.starts_with("The framing of the chunked body exceeds");
  };
  return each.empty() || is_too_long(some) || is_too_long(each);
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = nextid::fuzz::input_of(data, size);
  const auto some = nextid::fuzz::find_in(input.bytes, input.piece);
  const auto each = nextid::fuzz::find_in(input.bytes, 1);
  if (some.requests != each.requests) std::abort();
  if (some.error.empty() && !each.error.empty()) std::abort();
  if (some.error != each.error && !nextid::fuzz::may_differ(some.error, each.error)) std::abort();
  return 0;
}
