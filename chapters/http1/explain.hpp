// Explains bytes that were said on a connection by letting our own machines hear them: one hears as a server what the
// client said, the other as a client what the server said. What they cannot read is shown, with the reason.
#pragma once
#include "http1/message.hpp"
#include "wire/explain.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace http1 {

// Every byte of the conversation, in the order in which it was said, as --trace would have shown it. Heads of which the
// end is missing are shown unexplained. Never fails: broken rules are part of the text.
std::string explain(std::span<const wire::Said> conversation, wire::Form form = wire::Form::dump);

// The same, up to where the conversation leaves HTTP: `switched` is set there, if it does, for the chapter that knows
// the next protocol. Where the server was not heard, a client is believed to have got what it asked for.
struct Switched {
  std::optional<Request> request;    // the one with Upgrade, if it was heard
  std::optional<Response> response;  // the 101, if it was heard
  std::vector<wire::Said> rest;      // what was said then
};
std::string explain(std::span<const wire::Said> conversation, wire::Form form, std::optional<Switched>& switched);

// The same for bytes of one side only: a server's begin with "HTTP/". Responses are taken for answers to GET.
std::string explain(wire::Bytes bytes, wire::Form form = wire::Form::dump);

}  // namespace http1
