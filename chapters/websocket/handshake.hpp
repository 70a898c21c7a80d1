// The opening handshake (RFC 6455 §4): one HTTP exchange, after which the connection is WebSocket's.
//
//     GET /chat HTTP/1.1                                    HTTP/1.1 101 Switching Protocols
//     Host: 127.0.0.1:8765                                  Upgrade: websocket
//     Upgrade: websocket                                    Connection: Upgrade
//     Connection: Upgrade                                   Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//     Sec-WebSocket-Version: 13
#pragma once
#include "http1/target.hpp"
#include "websocket/extensions.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace websocket {

// What both sides have agreed upon.
struct Agreement {
  std::string subprotocol;  // empty: none
  std::optional<DeflateParameters> deflate;
};

// The answer to a key, by which a server proves that it has read the request as WebSocket's (RFC 6455 §4.2.2).
std::string accept_key(std::string_view key);
// A key: 16 random bytes in base64 (RFC 6455 §4.1).
std::string new_key();

// ---- the client's half -----------------------------------------------------------------------------------------

struct Offer {
  std::vector<std::string> subprotocols;  // best first; tokens, and each of them once
  std::optional<DeflateParameters> deflate = DeflateParameters{};
  http1::Fields fields;  // more for the request: Origin, Cookie, Authorization ...
};

// "ws://host:port/path?query", or wss. Errors: those of http1::parse_url, and a fragment (RFC 6455 §3).
wire::Result<http1::Url> parse_url(std::string_view text);

// UsageError: subprotocols that cannot be offered.
http1::Request handshake_request(const http1::Url& url, const Offer& offer, std::string_view key);
// RFC 6455 §4.1. Errors: unexpected, where the connection must be failed.
wire::Result<Agreement> check_response(const http1::Response& response, const Offer& offer, std::string_view key);

// ---- the server's half -----------------------------------------------------------------------------------------

struct Policy {
  std::vector<std::string> subprotocols;  // those that are spoken here; the client's order decides
  // The window costs memory for as long as a connection lasts: 12 bits make it 50 KiB for both directions, the usual 15
  // some 300, for a few per cent of size.
  std::optional<DeflateParameters> deflate =
      DeflateParameters{.server_max_window_bits = 12, .client_max_window_bits = 12};
  // Web pages of these origins may connect, as "https://example.org"; "*": of any. A page that came from this very host
  // always may, and so may whoever is no browser and sends no Origin.
  std::vector<std::string> origins;
};

// The response to a request. With an agreement it is 101; else it says what is wrong: 400, 403 (the origin), 426.
struct Answer {
  http1::Response response;
  std::string content;  // of a refusal, for a person
  std::optional<Agreement> agreement;
};
Answer answer_request(const http1::Request& request, const Policy& policy);

}  // namespace websocket
