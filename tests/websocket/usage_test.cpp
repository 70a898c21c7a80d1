// Our own mistakes: each is an exception at the line that makes it, and nothing of it goes on the wire.
#include "heard.hpp"
#include "support/bytes.hpp"

using heard::operator+;
using heard::server_says;
using heard::settings;
using support::is_bytes;
using websocket::Connection;
using websocket::Opcode;
using wire::as_bytes;
using wire::Buffer;
using wire::Side;
using wire::UsageError;

TEST_CASE("a client needs masking keys") {
  CHECK_THROWS_AS(Connection(Side::client, {}), UsageError);
  CHECK_NOTHROW(Connection(Side::server, {}));
}

TEST_CASE("a message is of text or binary") {
  Connection server(Side::server, {});
  for (const int opcode : {0, 3, 8, 9, 10, 15}) CHECK_THROWS_AS(server.send(Opcode(opcode), {}), UsageError);
  CHECK_THAT(server.take_output(), is_bytes(""));
}

TEST_CASE("text is UTF-8, and a refused one leaves nothing behind") {
  for (const char* bad : {"\xff", "a\xc3", "\xc3(", "\xed\xa0\x80"}) {
    Connection server(Side::server, {});
    CHECK_THROWS_AS(server.send(bad), UsageError);
    CHECK_THAT(server.take_output(), is_bytes(""));
    CHECK(server.send("good"));
    CHECK_THAT(server.take_output(), is_bytes(server_says.text("good")));
    CHECK(server.send(Opcode::binary, as_bytes(bad)));  // bytes are only bytes
  }
}

TEST_CASE("text in pieces is UTF-8 as a whole") {
  Connection server(Side::server, {});
  server.send_piece(Opcode::text, as_bytes("a\xe2\x82"), false);
  CHECK_THROWS_AS(server.send_piece(Opcode::text, as_bytes("x"), true), UsageError);
  CHECK_THROWS_AS(server.send_piece(Opcode::text, {}, true), UsageError);
  server.send_piece(Opcode::text, as_bytes("\xac"), true);  // no harm done
  CHECK_THAT(server.take_output(), is_bytes(server_says.text("a\xe2\x82", false) + server_says.last("\xac")));
}

TEST_CASE("one message at a time") {
  Connection server(Side::server, {});
  server.send_piece(Opcode::text, as_bytes("a"), false);
  CHECK_THROWS_AS(server.send_piece(Opcode::binary, as_bytes("b"), true), UsageError);
  CHECK_THROWS_AS(server.send(Opcode::binary, as_bytes("b")), UsageError);
  CHECK_THROWS_AS(server.send("b"), UsageError);  // it is not the last piece of the other one
  server.send_piece(Opcode::text, as_bytes("c"), true);
  server.send_piece(Opcode::binary, as_bytes("b"), false);
  CHECK_THROWS_AS(server.send("d"), UsageError);
  CHECK_THAT(server.take_output(),
             is_bytes(server_says.text("a", false) + server_says.last("c") + server_says.binary("b", false)));
}

TEST_CASE("a Ping carries at most 125 bytes") {
  Connection server(Side::server, {});
  CHECK(server.ping(Buffer(125)));
  server.take_output();
  CHECK_THROWS_AS(server.ping(Buffer(126)), UsageError);
  CHECK_THAT(server.take_output(), is_bytes(""));
}

TEST_CASE("a Close has a code that may be sent, and a short reason") {
  Connection server(Side::server, {});
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{0, 999, 1004, 1006, 1015, 2999, 5000})
    CHECK_THROWS_AS(server.close(code), UsageError);
  CHECK_THROWS_AS(server.close(1000, std::string(124, 'x')), UsageError);
  CHECK_THROWS_AS(server.close(1000, "\xff"), UsageError);
  CHECK_THAT(server.take_output(), is_bytes(""));
  CHECK(server.is_open());  // no harm done
  server.close(1000, std::string(123, 'x'));
  CHECK_THAT(server.take_output(), is_bytes(server_says.close(1000, std::string(123, 'x'))));
}
