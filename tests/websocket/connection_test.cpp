// Whole conversations, as transcripts; and that TCP's seams mean nothing.
#include "websocket/connection.hpp"

#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

using heard::operator+;
using heard::client_says;
using heard::Conversation;
using heard::from_hex;
using heard::hear;
using heard::Heard;
using heard::peer_of;
using heard::server_says;
using heard::settings;
using heard::that_is;
using heard::Then;
using support::is_bytes;
using websocket::Connection;
using websocket::DeflateParameters;
using websocket::Event;
using websocket::Limits;
using websocket::Message;
using websocket::Opcode;
using wire::as_bytes;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

namespace {

// What this side hears of these bytes, which must not depend on how they are cut.
Heard heard_by(Side side, const Buffer& bytes, const Limits& limits = {},
               const std::optional<DeflateParameters>& deflate = {}) {
  return support::same_however_cut(
      bytes, [&](const support::Pieces& pieces) { return hear(side, pieces, Then::wait, limits, deflate); });
}

// Its events alone, where nothing is to be answered.
std::string events_of(Side side, const Buffer& bytes, const Limits& limits = {}) {
  const Heard heard = heard_by(side, bytes, limits);
  CHECK_THAT(heard.output, is_bytes(""));
  CHECK_FALSE(heard.closed);
  return heard.events;
}

const Limits in_pieces{.in_pieces = true};
const Side both_sides[] = {Side::client, Side::server};

}  // namespace

// ---- messages --------------------------------------------------------------------------------------------------

TEST_CASE("the messages of RFC 6455 §5.7 are understood") {
  CHECK(events_of(Side::client, from_hex("81 05 48 65 6c 6c 6f")) == "text Hello\n");
  CHECK(events_of(Side::server, from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")) == "text Hello\n");
  CHECK(events_of(Side::client, from_hex("01 03 48 65 6c 80 02 6c 6f")) == "text Hello\n");
  CHECK(events_of(Side::server, from_hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58")) == "pong Hello\n");
  const Heard ping = heard_by(Side::client, from_hex("89 05 48 65 6c 6c 6f"));
  CHECK(ping.events == "ping Hello\n");
  CHECK_THAT(ping.output, is_bytes(from_hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58")));
}

TEST_CASE("the messages of RFC 6455 §5.7 are said") {
  Connection client(Side::client, settings(Side::client)), server(Side::server, settings(Side::server));
  CHECK(client.send("Hello"));
  CHECK_THAT(client.take_output(), is_bytes(from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")));
  CHECK(server.send("Hello"));
  CHECK_THAT(server.take_output(), is_bytes(from_hex("81 05 48 65 6c 6c 6f")));
  server.send_piece(Opcode::text, as_bytes("Hel"), false);
  server.send_piece(Opcode::text, as_bytes("lo"), true);
  CHECK_THAT(server.take_output(), is_bytes(from_hex("01 03 48 65 6c 80 02 6c 6f")));
  server.ping(as_bytes("Hello"));
  CHECK_THAT(server.take_output(), is_bytes(from_hex("89 05 48 65 6c 6c 6f")));
  server.send(Opcode::binary, Buffer(256));
  CHECK_THAT(server.take_output(), is_bytes(from_hex("82 7e 01 00") + Buffer(256)));
  server.send(Opcode::binary, Buffer(65536));
  CHECK_THAT(server.take_output(), is_bytes(from_hex("82 7f 00 00 00 00 00 01 00 00") + Buffer(65536)));
}

TEST_CASE("every frame of a client has a key of its own") {
  static std::uint8_t made = 0;
  made = 0;
  websocket::Settings with_keys;
  with_keys.new_masking_key = [] { return websocket::MaskingKey{++made, 0, 0, 0}; };
  Connection client(Side::client, std::move(with_keys));
  client.send("ab");
  client.ping(as_bytes("ab"));
  client.close(1000);
  CHECK_THAT(client.take_output(), is_bytes(from_hex("81 82 01 00 00 00 60 62"
                                                     "89 82 02 00 00 00 63 62"
                                                     "88 82 03 00 00 00 00 e8")));
}

TEST_CASE("several messages, and empty ones") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    CHECK(events_of(side, peer.text("a") + peer.binary("b") + peer.text("") + peer.binary("") + peer.text("c")) ==
          "text a\nbinary b\ntext \nbinary \ntext c\n");
  }
}

TEST_CASE("a message in fragments, some of them empty") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    CHECK(events_of(side, peer.text("a", false) + peer.more("b") + peer.last("c")) == "text abc\n");
    CHECK(events_of(side, peer.binary("", false) + peer.more("") + peer.last("")) == "binary \n");
    CHECK(events_of(side, peer.text("", false) + peer.more("x") + peer.more("") + peer.last("") + peer.text("y")) ==
          "text x\ntext y\n");
    CHECK(events_of(side, peer.text("a", false) + peer.more("b")).empty());
  }
}

TEST_CASE("control frames come between fragments, and are answered at once") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    const Heard heard = heard_by(side, peer.text("a", false) + peer.ping("1") + peer.more("b") + peer.pong("2") +
                                           peer.ping("") + peer.last("c") + peer.ping("3"));
    CHECK(heard.events == "ping 1\npong 2\nping \ntext abc\nping 3\n");
    CHECK_THAT(heard.output, is_bytes(that_is(side).pong("1") + that_is(side).pong("") + that_is(side).pong("3")));
  }
}

TEST_CASE("a control frame between two bytes of a character") {
  CHECK(events_of(Side::server, client_says.text("\xe2", false) + client_says.pong() + client_says.more("\x82") +
                                    client_says.last("\xac")) == "pong \ntext \\xe2\\x82\\xac\n");
}

TEST_CASE("all lengths around those where the form changes") {
  for (const Side side : both_sides) {
    for (const std::size_t n : {0u, 1u, 124u, 125u, 126u, 127u, 128u, 65534u, 65535u, 65536u, 65537u}) {
      INFO(n);
      const std::string payload(n, 'x');
      Connection us(side, settings(side));
      const Side them = side == Side::client ? Side::server : Side::client;
      Connection peer(them, settings(them));
      us.send(payload);
      const Buffer said = us.take_output();
      const Bytes whole[] = {said};
      CHECK((hear(peer, whole, Then::wait, [](const Event&) {}).events == "text " + payload + "\n"));
    }
  }
}

TEST_CASE("a Ping may carry 125 bytes, and so may its Pong") {
  const std::string payload(125, 'p');
  const Heard heard = heard_by(Side::server, client_says.ping(payload));
  CHECK(heard.events == "ping " + payload + "\n");
  CHECK_THAT(heard.output, is_bytes(server_says.pong(payload)));
}

// ---- in pieces -------------------------------------------------------------------------------------------------

TEST_CASE("in pieces: what has come is delivered") {
  Connection server(Side::server, settings(Side::server, in_pieces));
  const Buffer bytes = client_says.text("Hello", false) + client_says.last("!");
  std::string pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    server.receive(Bytes(bytes).subspan(i, 1), {});
    while (const auto event = server.poll({})) {
      const auto& message = std::get<Message>(*event);
      CHECK(message.type == Opcode::text);
      pieces += (message.begins ? "[" : "") + wire::as_string(message.payload) + (message.ends ? "]" : "|");
    }
  }
  CHECK(pieces == "[H|e|l|l|o|!]");
}

TEST_CASE("in pieces: the end may be a piece without bytes, and a message may be one of them") {
  const auto pieces_of = [](const Buffer& bytes) {
    Connection server(Side::server, settings(Side::server, in_pieces));
    server.receive(bytes, {});
    std::string pieces;
    while (const auto event = server.poll({})) {
      const auto& message = std::get<Message>(*event);
      pieces += (message.begins ? "[" : "") + wire::as_string(message.payload) + (message.ends ? "]" : "|");
    }
    return pieces;
  };
  CHECK(pieces_of(client_says.text("")) == "[]");
  CHECK(pieces_of(client_says.text("a")) == "[a]");
  CHECK(pieces_of(client_says.text("a", false) + client_says.last("")) == "[a|]");
  CHECK(pieces_of(client_says.text("", false) + client_says.more("") + client_says.last("a")) == "[a]");
  CHECK(pieces_of(client_says.text("", false) + client_says.last("")) == "[]");
  CHECK(pieces_of(client_says.binary("a", false) + client_says.more("b") + client_says.last("c") +
                  client_says.text("d")) == "[a|b|c][d]");
}

TEST_CASE("in pieces or not, the same is heard") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    const Buffer talk =
        peer.text("Gr\xc3\xbc\xc3\x9f", false) + peer.ping("1") + peer.last("e") + peer.binary("xy") + peer.text("");
    CHECK(heard_by(side, talk, in_pieces).events ==
          "text Gr\\xc3\\xbc\\xc3\\x9f ...\nping 1\n... e\nbinary xy\ntext \n");
  }
}

// ---- sending in pieces -----------------------------------------------------------------------------------------

TEST_CASE("a message is sent in pieces, with other things between them") {
  Connection server(Side::server, settings(Side::server));
  CHECK(server.send_piece(Opcode::text, as_bytes("\xc3"), false));
  server.ping(as_bytes("p"));
  CHECK(server.send_piece(Opcode::text, {}, false));
  server.receive(client_says.ping("q"), {});
  while (server.poll({})) {
  }
  CHECK(server.send_piece(Opcode::text, as_bytes("\xa9"), true));
  CHECK(server.send("next"));
  CHECK_THAT(server.take_output(),
             is_bytes(server_says.text("\xc3", false) + server_says.ping("p") + server_says.more("") +
                      server_says.pong("q") + server_says.last("\xa9") + server_says.text("next")));
}

// ---- both sides ------------------------------------------------------------------------------------------------

TEST_CASE("a conversation from its beginning to its end") {
  for (const std::size_t piece_size : {1, 2, 3, 7, 100'000}) {
    INFO(piece_size);
    Conversation talk(piece_size);
    talk.on_server = [](const Event& event, Connection& server) {
      const auto* message = std::get_if<Message>(&event);
      if (message) server.send("Hello, " + wire::as_string(message->payload));
    };
    talk.on_client = [](const Event& event, Connection& client) {
      if (std::holds_alternative<Message>(event)) client.close(1000, "bye");
    };
    talk.client().send("WebSocket");
    talk.run();
    CHECK(talk.server_heard.text == "text WebSocket\nclosed 1000 bye\n");
    CHECK(talk.client_heard.text == "text Hello, WebSocket\nclosed 1000 \n");
    CHECK_THAT(talk.pair.client_said, is_bytes(client_says.text("WebSocket") + client_says.close(1000, "bye")));
    CHECK_THAT(talk.pair.server_said, is_bytes(server_says.text("Hello, WebSocket") + server_says.close(1000)));
    CHECK(talk.pair.server_hung_up);
    CHECK(talk.pair.client_hung_up);
  }
}

TEST_CASE("an echo under all parameters of compression, cut everywhere") {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "line " + std::to_string(i * i) + '\n';
  const std::optional<int> bits[] = {std::nullopt, 8, 9, 12, 15};
  for (const std::size_t piece_size : {1, 13, 4096, 100'000}) {
    for (const bool flag : {false, true}) {
      for (const auto& server_bits : bits) {
        for (const auto& client_bits : bits) {
          Conversation talk(piece_size, {.in_pieces = piece_size == 13},
                            DeflateParameters{flag, !flag, server_bits, client_bits});
          talk.on_server = [](const Event& event, Connection& server) {
            const auto* message = std::get_if<Message>(&event);
            if (message) server.send_piece(message->type, message->payload, message->ends);
          };
          std::string expected;
          for (const std::string_view each : {std::string_view(text), std::string_view(text).substr(5, 40),
                                              std::string_view(), std::string_view("short")}) {
            talk.client().send(each);
            talk.client().send(Opcode::binary, as_bytes(each));
            expected += "text " + wire::visible(as_bytes(each)) + "\nbinary " + wire::visible(as_bytes(each)) + '\n';
          }
          talk.run();
          if (talk.server_heard.text == expected && talk.client_heard.text == expected) continue;
          INFO(piece_size << " bytes at a time, windows " << server_bits.value_or(0) << ", "
                          << client_bits.value_or(0));
          CHECK(talk.server_heard.text == expected);
          CHECK(talk.client_heard.text == expected);
        }
      }
    }
  }
}

// ---- compression on the wire (RFC 7692 §6) ---------------------------------------------------------------------

TEST_CASE("RFC 7692 §7.2.3: compressed messages are understood, in one frame or in several") {
  const auto heard = [](const Buffer& bytes) { return heard_by(Side::client, bytes, {}, DeflateParameters{}).events; };
  CHECK(heard(from_hex("c1 07 f2 48 cd c9 c9 07 00")) == "text Hello\n");
  CHECK(heard(from_hex("41 03 f2 48 cd 80 04 c9 c9 07 00")) == "text Hello\n");
  CHECK(heard(from_hex("c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00")) == "text Hello\ntext Hello\n");
  CHECK(heard(from_hex("c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00")) == "text Hello\n");
  CHECK(heard(from_hex("c1 08 f3 48 cd c9 c9 07 00 00")) == "text Hello\n");
  CHECK(heard(from_hex("c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00")) == "text Hello\n");
  CHECK(heard(from_hex("c1 01 00")) == "text \n");
  CHECK(heard(from_hex("41 00 00 00 80 01 00")) == "text \n");  // fragments without a byte
  // A message that is not compressed may come between them, and leaves the window alone.
  CHECK(heard(from_hex("c1 07 f2 48 cd c9 c9 07 00 81 02 48 69 c1 05 f2 00 11 00 00")) ==
        "text Hello\ntext Hi\ntext Hello\n");
  // Control frames are never compressed.
  CHECK(heard(from_hex("41 03 f2 48 cd 8a 01 70 80 04 c9 c9 07 00")) == "pong p\ntext Hello\n");
}

TEST_CASE("RSV1 is set on the first frame of a compressed message only; short messages are left as they are") {
  Connection server(Side::server, settings(Side::server, {}, DeflateParameters{}));
  const auto first_byte = [&] { return server.take_output().at(0); };
  server.send(std::string(32, 'x'));
  CHECK(first_byte() == 0xc1);
  server.send(std::string(31, 'x'));
  CHECK(first_byte() == 0x81);
  server.send(Opcode::binary, Buffer(1000));
  CHECK(first_byte() == 0xc2);
  server.send_piece(Opcode::text, as_bytes("a"), false);  // how long it will be is not known
  CHECK(first_byte() == 0x41);
  server.ping(as_bytes("a"));
  CHECK(first_byte() == 0x89);
  server.send_piece(Opcode::text, as_bytes(std::string(100, 'x')), false);
  CHECK(first_byte() == 0x00);
  server.send_piece(Opcode::text, {}, true);
  CHECK(first_byte() == 0x80);
  server.close(1000, std::string(100, 'x'));
  CHECK(first_byte() == 0x88);
}

TEST_CASE("without the extension, nothing is compressed") {
  Connection server(Side::server, settings(Side::server));
  server.send(std::string(100, 'x'));
  CHECK_THAT(server.take_output(), is_bytes(server_says.text(std::string(100, 'x'))));
}
