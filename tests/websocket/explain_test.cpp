// What is written about bytes that were said: by labs, by the book, by the explorer.
#include "websocket/explain.hpp"

#include "wire/bytes.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <vector>

using wire::Buffer;
using wire::Said;

namespace {

constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view accepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const std::string response = std::string(accepted) + "\r\n";
const std::string compressing = std::string(accepted) + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

// RFC 6455 §5.7 and RFC 7692 §7.2.3.1: "Hello", masked, not masked, compressed.
constexpr std::string_view masked_hello = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
constexpr std::string_view hello = "\x81\x05Hello";
constexpr std::string_view compressed_hello{"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9};

Said by_client(std::string_view text) { return {true, Buffer(text.begin(), text.end())}; }
Said by_server(std::string_view text) { return {false, Buffer(text.begin(), text.end())}; }

std::string explained(std::initializer_list<Said> conversation) {
  return websocket::explain(std::vector<Said>(conversation));
}
std::string explained(std::string_view bytes) { return websocket::explain(wire::as_bytes(bytes)); }

}  // namespace

TEST_CASE("a handshake, then frames, each by its speaker") {
  const std::string text = explained({by_client(request), by_server(response), by_client(masked_hello),
                                      by_server(hello), by_client(masked_hello.substr(0, 7))});
  CHECK(text.contains("client → server  request head, "));
  CHECK(text.contains("client → server  text frame, 11 bytes\n"));
  CHECK(text.contains("unmasked: \"Hello\""));
  CHECK(text.contains("client ← server  text frame, 7 bytes\n"));
  CHECK(text.contains("!     truncated: Payload Data needs 4 more bytes\n"));
}

TEST_CASE("frames that come together with the handshake") {
  const std::string text = explained({by_client(request), by_server(response + std::string(hello))});
  CHECK(text.contains("client ← server  text frame, 7 bytes\n"));
}

TEST_CASE("what one side says, alone") {
  CHECK(explained(masked_hello).starts_with("client → server  text frame, 11 bytes\n"));
  CHECK(explained(hello).starts_with("client ← server  text frame, 7 bytes\n"));
  CHECK(explained(response + std::string(hello)).contains("client ← server  text frame, 7 bytes\n"));
  CHECK(explained(std::string(request) + std::string(masked_hello)).contains("unmasked: \"Hello\""));
  CHECK(explained("GET / HTTP/1.1\r\n\r\n").contains("malformed: "));
  CHECK(explained("").empty());
  CHECK(explained("\x81").contains("not complete, 1 bytes\n"));
}

TEST_CASE("compressed messages are shown as they are, where they were agreed upon") {
  CHECK(explained({by_client(request), by_server(compressing), by_server(compressed_hello)}).contains("compressed"));
  CHECK(explained({by_client(request), by_server(response), by_server(compressed_hello)}).contains("a reserved bit"));
  CHECK(explained(compressed_hello).contains("compressed"));
}

TEST_CASE("rules that are broken, and what comes after the end") {
  const std::string text =
      explained({by_client(request), by_server(response), by_client(hello), by_client(masked_hello)});
  CHECK(text.contains("!     malformed: a frame that is not masked\n"));
  CHECK(text.contains("client → server  after the end, 11 bytes\n"));
}

TEST_CASE("an upgrade that is declined, and one to something else") {
  const std::string_view declined = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string_view second = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string text = explained({by_client(request), by_server(declined), by_client(second), by_server(declined)});
  CHECK(text.contains("target /second"));
  CHECK(explained({by_client(std::string(request) + std::string(second)), by_server(declined)})
            .contains("target /second"));

  const std::string_view other = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
  CHECK(explained({by_client(request), by_server(other), by_client("PRI *")}).contains("the next protocol, 5 bytes\n"));
}
