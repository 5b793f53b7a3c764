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

std::string text_of(std::string_view bytes, std::size_t piece) {
  RequestParser parser(kLimits);
  std::string text;
  feed_in_pieces(bytes, piece, parser.max_unconsumed_bytes(),
                 [&](std::string_view kept, bool& more, bool& ended) {
                   const auto outcome = parser.feed(kept);
                   if (outcome.status == RequestParser::Status::kNeedMore) {
                     more = true;
                   } else if (outcome.status == RequestParser::Status::kError) {
                     text += "error " + parser.problem().detail;
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
  return text;
}

/// Of a torn chunked body the last four bytes wait for more before they are looked at: an error in
/// them may come later, and nothing else.
bool is_late_error(std::string_view early, std::string_view late) {
  return early.starts_with(late) && early.substr(late.size()).starts_with("error ");
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = nextid::fuzz::input_of(data, size);
  const std::string some = nextid::fuzz::text_of(input.bytes, input.piece);
  const std::string each = nextid::fuzz::text_of(input.bytes, 1);
  if (some != each && !nextid::fuzz::is_late_error(some, each)) std::abort();
  return 0;
}
