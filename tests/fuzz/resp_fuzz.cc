// The Redis protocol, from bytes to calls: nothing breaks it, and tearing changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "fuzz/torn.h"
#include "resp/codec/commands.h"
#include "resp/codec/parser.h"

namespace nextid::fuzz {
namespace {

using resp::Parser;

constexpr resp::Limits kLimits{.max_command_bytes = 512, .max_arguments = 16};

std::string text_of(std::string_view bytes, std::size_t piece) {
  Parser parser(kLimits);
  resp::Session session;
  std::string text;
  feed_in_pieces(bytes, piece, parser.max_unconsumed_bytes(),
                 [&](std::string_view kept, bool& more, bool& ended) {
                   const auto outcome = parser.feed(kept);
                   if (outcome.status == Parser::Status::kNeedMore) {
                     more = true;
                   } else if (outcome.status == Parser::Status::kError) {
                     text += "error " + parser.error();
                     ended = true;
                   } else {
                     for (const auto argument : parser.arguments()) {
                       text += argument;
                       text += '\n';
                     }
                     const auto routed =
                         resp::route_of({parser.arguments(), parser.was_inline()}, session, 1'000);
                     const auto& call = routed.call;
                     text += std::to_string(call.index());
                     if (const auto* answer = std::get_if<resp::Answer>(&call)) {
                       if (!answer->bytes.ends_with("\r\n")) std::abort();
                       // The answer to TIME is another one a moment later.
                       if (base::to_upper(parser.arguments()[0]) != "TIME") text += answer->bytes;
                     }
                   }
                   return outcome.consumed;
                 });
  return text;
}

}  // namespace
}  // namespace nextid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = nextid::fuzz::input_of(data, size);
  const std::string torn = nextid::fuzz::text_of(input.bytes, input.piece);
  if (torn != nextid::fuzz::text_of(input.bytes, 1)) std::abort();
  return 0;
}
