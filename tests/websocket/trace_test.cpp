// What --trace shows: every byte of both directions, once, with its meaning.
#include "heard.hpp"
#include "support/catch.hpp"

#include <map>

using heard::client_says;
using heard::Conversation;
using heard::from_hex;
using heard::operator+;
using heard::server_says;
using heard::settings;
using websocket::Connection;
using websocket::DeflateParameters;
using websocket::Event;
using websocket::Message;
using websocket::Opcode;
using wire::Buffer;
using wire::Direction;
using wire::Side;

namespace {

// Keeps the frames of one side, and puts the bytes of each direction together again.
class Watch : public wire::Observer {
 public:
  void frame(Direction direction, std::string_view title, wire::Bytes bytes, const wire::Trace& trace) override {
    INFO(title);
    std::size_t covered = 0;  // every byte by at most one field, in order
    for (const wire::Trace::Field& field : trace.fields) {
      CHECK(field.offset == covered);
      CHECK_FALSE(field.name.empty());
      covered += field.size;
    }
    CHECK(covered <= bytes.size());
    explained = explained && covered == bytes.size();
    said[direction].insert(said[direction].end(), bytes.begin(), bytes.end());
    text += fmt::format("{} {}, {} bytes\n{}", direction == Direction::sent ? '>' : '<', title, bytes.size(),
                        wire::dump(trace, bytes));
  }
  void bytes(Direction, wire::Bytes) override {}

  std::map<Direction, Buffer> said;
  std::string text = "\n";
  bool explained = true;
};

// What a server shows of these bytes.
std::string trace_of(const Buffer& bytes, const std::optional<DeflateParameters>& deflate = {}) {
  Watch watch;
  Connection server(Side::server, settings(Side::server, {}, deflate));
  server.observe(&watch);
  server.receive(bytes, {});
  while (server.poll({})) {
  }
  return watch.text;
}

}  // namespace

TEST_CASE("the frames are the conversation, on both sides") {
  for (const std::size_t piece_size : {1, 7, 100'000}) {
    for (const bool deflates : {false, true}) {
      Conversation talk(piece_size, {.in_pieces = true}, deflates ? std::optional(DeflateParameters{}) : std::nullopt);
      Watch client, server;
      talk.client().observe(&client);
      talk.server().observe(&server);
      talk.on_server = [](const Event& event, Connection& connection) {
        const auto* message = std::get_if<Message>(&event);
        if (message) connection.send_piece(message->type, message->payload, message->ends);
      };
      talk.client().send("Hello");
      talk.client().ping(wire::as_bytes("p"));
      talk.client().send(std::string(300, 'x'));
      talk.client().send(Opcode::binary, Buffer(300));
      talk.run();
      talk.client().close(1000, "bye");
      talk.run();
      CHECK(client.said[Direction::sent] == talk.pair.client_said);
      CHECK(client.said[Direction::received] == talk.pair.server_said);
      CHECK(server.said[Direction::sent] == talk.pair.server_said);
      CHECK(server.said[Direction::received] == talk.pair.client_said);
      CHECK(client.explained);
      CHECK(server.explained);
    }
  }
}

// As a reader sees it. When the words change on purpose, change them here.
TEST_CASE("a message and its answer, as both sides show them") {
  Conversation talk(100'000);
  Watch client, server;
  talk.client().observe(&client);
  talk.server().observe(&server);
  talk.on_server = [](const Event& event, Connection& connection) {
    if (std::holds_alternative<Message>(event)) connection.send("Hi\n");
  };
  talk.on_client = [](const Event& event, Connection& connection) {
    if (std::holds_alternative<Message>(event)) connection.close(1000, "bye");
  };
  talk.client().send("Hello");
  talk.run();
  CHECK(client.text == R"(
> text frame, 11 bytes
  0000  81                                        FIN, RSV1-3, opcode = 0x81  FIN, opcode 1: text           RFC 6455 §5.2
  0001  85                                        MASK, Payload len = 0x85  masked, 5                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  7f 9f 4d 51 58                            Payload Data              unmasked: "Hello"               RFC 6455 §5.3
< text frame, 5 bytes
  0000  81                                        FIN, RSV1-3, opcode = 0x81  FIN, opcode 1: text           RFC 6455 §5.2
  0001  03                                        MASK, Payload len = 0x03  not masked, 3                   RFC 6455 §5.2
  0002  Hi\n                                      Payload Data                                              RFC 6455 §5.6
> close frame, 11 bytes
  0000  88                                        FIN, RSV1-3, opcode = 0x88  FIN, opcode 8: close          RFC 6455 §5.2
  0001  85                                        MASK, Payload len = 0x85  masked, 5                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  34 12 43 44 52                            Payload Data              status code 1000, "bye"         RFC 6455 §5.3
< close frame, 4 bytes
  0000  88                                        FIN, RSV1-3, opcode = 0x88  FIN, opcode 8: close          RFC 6455 §5.2
  0001  02                                        MASK, Payload len = 0x02  not masked, 2                   RFC 6455 §5.2
  0002  03 e8                                     Status code = 1000                                        RFC 6455 §7.4
)");
  const auto mirrored = [](std::string text) {
    for (std::size_t at = 1; at < text.size(); at = text.find('\n', at) + 1)
      if (text[at] != ' ') text[at] = text[at] == '>' ? '<' : '>';
    return text;
  };
  CHECK(mirrored(server.text) == client.text);
}

TEST_CASE("compressed payloads are not shown as text, what is short or between them is") {
  CHECK(trace_of(client_says.compressed(Opcode::text, from_hex("f2 48 cd"), false) + client_says.pong("p") +
                     client_says.of(Opcode::continuation, wire::as_text(from_hex("c9 c9 07 00")), true) +
                     client_says.text("x"),
                 DeflateParameters{}) == R"(
< text frame, 9 bytes
  0000  41                                        FIN, RSV1-3, opcode = 0x41  more to come, RSV1, opcode 1: text  RFC 6455 §5.2
  0001  83                                        MASK, Payload len = 0x83  masked, 3                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  c5 b2 ec                                  Payload Data              compressed                      RFC 7692 §6
< pong frame, 7 bytes
  0000  8a                                        FIN, RSV1-3, opcode = 0x8a  FIN, opcode a: pong           RFC 6455 §5.2
  0001  81                                        MASK, Payload len = 0x81  masked, 1                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  47                                        Payload Data              unmasked: "p"                   RFC 6455 §5.3
< continuation frame, 10 bytes
  0000  80                                        FIN, RSV1-3, opcode = 0x80  FIN, opcode 0: continuation   RFC 6455 §5.2
  0001  84                                        MASK, Payload len = 0x84  masked, 4                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  fe 33 26 3d                               Payload Data              compressed                      RFC 7692 §6
< text frame, 7 bytes
  0000  81                                        FIN, RSV1-3, opcode = 0x81  FIN, opcode 1: text           RFC 6455 §5.2
  0001  81                                        MASK, Payload len = 0x81  masked, 1                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  4f                                        Payload Data              unmasked: "x"                   RFC 6455 §5.3
)");
}

TEST_CASE("a payload that comes in parts is unmasked where it goes on") {
  Watch watch;
  Connection server(Side::server, settings(Side::server));
  server.observe(&watch);
  const Buffer frame = client_says.text("Hello");
  for (const auto piece : {wire::Bytes(frame).first(9), wire::Bytes(frame).subspan(9)}) {
    server.receive(piece, {});
    while (server.poll({})) {
    }
  }
  CHECK(watch.text == R"(
< text frame, 9 bytes
  0000  81                                        FIN, RSV1-3, opcode = 0x81  FIN, opcode 1: text           RFC 6455 §5.2
  0001  85                                        MASK, Payload len = 0x85  masked, 5                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
  0006  7f 9f 4d                                  Payload Data              unmasked: "Hel"                 RFC 6455 §5.3
< more of the payload, 2 bytes
  0000  51 58                                     Payload Data              unmasked: "lo"                  RFC 6455 §5.3
)");
}

TEST_CASE("a frame that breaks a rule is shown, with what is answered") {
  CHECK(trace_of(server_says.text("Hi")) == R"(
< frame header, 2 bytes
  0000  81                                        FIN, RSV1-3, opcode = 0x81  FIN, opcode 1: text           RFC 6455 §5.2
  0001  02                                        MASK, Payload len = 0x02  not masked, 2                   RFC 6455 §5.2
> close frame, 30 bytes
  0000  88                                        FIN, RSV1-3, opcode = 0x88  FIN, opcode 8: close          RFC 6455 §5.2
  0001  1c                                        MASK, Payload len = 0x1c  not masked, 28                  RFC 6455 §5.2
  0002  03 ea                                     Status code = 1002                                        RFC 6455 §7.4
  0004  a frame that is not masked                Reason                                                    RFC 6455 §7.1.6
)");
  CHECK(trace_of(client_says.close(1005)).find("0006  34 17 ") != std::string::npos);
  CHECK(trace_of(client_says.close(1005)).find("status code 1005, at byte 2") != std::string::npos);
}

TEST_CASE("what comes after the peer's Close is shown as discarded") {
  Watch watch;
  Connection client(Side::client, settings(Side::client));
  client.observe(&watch);
  client.receive(server_says.close() + server_says.text("Hi"), {});
  while (client.poll({})) {
  }
  CHECK(watch.text == R"(
< close frame, 2 bytes
  0000  88                                        FIN, RSV1-3, opcode = 0x88  FIN, opcode 8: close          RFC 6455 §5.2
  0001  00                                        MASK, Payload len = 0x00  not masked, 0                   RFC 6455 §5.2
> close frame, 6 bytes
  0000  88                                        FIN, RSV1-3, opcode = 0x88  FIN, opcode 8: close          RFC 6455 §5.2
  0001  80                                        MASK, Payload len = 0x80  masked, 0                       RFC 6455 §5.2
  0002  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
< after the end, 4 bytes
  0000  81 02 48 69                               discarded                 nothing counts after Close      RFC 6455 §1.4
)");
}
