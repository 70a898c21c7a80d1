// Explains bytes that were said on a connection by letting our own machines hear them: one hears as a server what the
// client said, the other as a client what the server said. What they cannot read is shown, with the reason.
#pragma once
#include "wire/trace.hpp"

#include <span>
#include <string>

namespace http1 {

struct Said {
  bool by_client;  // else by the server
  wire::Buffer bytes;
};

enum class Form {
  dump,  // a row for each line, as --trace shows it
  walk,  // a row for each part of a line, as the book shows it; the offsets in a message go on from frame to frame
};

// Every byte of the conversation, in the order in which it was said, as --trace would have shown it. Heads of which the
// end is missing are shown unexplained. Never fails: broken rules are part of the text.
std::string explain(std::span<const Said> conversation, Form form = Form::dump);

// The same for bytes of one side only: a server's begin with "HTTP/". Responses are taken for answers to GET.
std::string explain(wire::Bytes bytes, Form form = Form::dump);

}  // namespace http1
