// Explains bytes that were said on a connection by letting our own machines hear them: one hears as a server what the
// client said, the other as a client what the server said. What they cannot read is shown, with the reason.
#pragma once
#include "wire/explain.hpp"

#include <span>
#include <string>

namespace http1 {

// Every byte of the conversation, in the order in which it was said, as --trace would have shown it. Heads of which the
// end is missing are shown unexplained. Never fails: broken rules are part of the text.
std::string explain(std::span<const wire::Said> conversation, wire::Form form = wire::Form::dump);

// The same for bytes of one side only: a server's begin with "HTTP/". Responses are taken for answers to GET.
std::string explain(wire::Bytes bytes, wire::Form form = wire::Form::dump);

}  // namespace http1
