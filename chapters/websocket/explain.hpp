// Explains bytes that were said on a connection: the opening handshake by http1's machines, what follows by ours, each
// as the side to which it was said. What they cannot read is shown, with the reason.
#pragma once
#include "wire/explain.hpp"

#include <span>
#include <string>

namespace websocket {

// Every byte of the conversation, in the order in which it was said, as --trace would have shown it; only that what is
// compressed is not unfolded. A conversation that does not begin with HTTP is one of frames. Never fails: broken rules
// are part of the text.
std::string explain(std::span<const wire::Said> conversation, wire::Form form = wire::Form::dump);

// The same for bytes of one side only. Frames are the client's where the first of them is masked.
std::string explain(wire::Bytes bytes, wire::Form form = wire::Form::dump);

}  // namespace websocket
