// The field Sec-WebSocket-Extensions (RFC 6455 §9.1), and what permessage-deflate says in it (RFC 7692 §7.1).
#pragma once
#include "http1/message.hpp"
#include "wire/error.hpp"

#include <optional>
#include <string>
#include <vector>

namespace websocket {

struct Extension {
  struct Parameter {
    std::string name;
    std::optional<std::string> value;  // without quotes
  };
  std::string name;
  std::vector<Parameter> parameters;
};

// All that the fields name, in order. Errors: malformed.
wire::Result<std::vector<Extension>> parse_extensions(const http1::Fields& fields);

// The parameters of permessage-deflate. In an offer, what is asked for; afterwards, what holds.
struct DeflateParameters {
  // "No context takeover": each message is compressed by itself, so that no window is kept between two. Costs size,
  // saves memory.
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  // The base-two logarithm of the window of whoever compresses, 8 to 15. Nothing: not spoken of, which means 15.
  std::optional<int> server_max_window_bits;
  std::optional<int> client_max_window_bits;
};

// As a client: the field's value that makes this offer. That we can limit our own window is always offered.
std::string deflate_offer(const DeflateParameters& wanted);
// As a client: what the server has chosen. Errors: it has chosen something that was not offered, or no parameters of
// permessage-deflate (RFC 7692 §7.1: the connection must be failed).
wire::Result<std::optional<DeflateParameters>> check_deflate(const std::vector<Extension>& chosen,
                                                             const std::optional<DeflateParameters>& offered);

// As a server: the first offer that can be accepted, with what we want ourselves. Nothing: there is none, and the
// messages will not be compressed.
std::optional<DeflateParameters> accept_deflate(const std::vector<Extension>& offers, const DeflateParameters& wanted);
std::string deflate_answer(const DeflateParameters& accepted);

}  // namespace websocket
