// What --trace shows: every byte of both directions, once, with its meaning.
#include "conversation.hpp"
#include "http1/explain.hpp"
#include "support/catch.hpp"

#include <map>

using heard::answering;
using heard::Conversation;
using http1::Request;
using http1::Response;
using wire::Direction;

namespace {

// Keeps the frames of one side, checks each, and puts the bytes of each direction together again.
class Watch : public wire::Observer {
 public:
  void frame(Direction direction, std::string_view title, wire::Bytes bytes, const wire::Trace& trace) override {
    INFO(title);
    std::size_t covered = 0;  // every byte by exactly one field, in order
    for (const wire::Trace::Field& field : trace.fields) {
      CHECK(field.offset == covered);
      CHECK_FALSE(field.name.empty());
      std::size_t parts = 0;  // of a line that is taken apart, too
      for (const wire::Trace::Field& part : field.parts) {
        CHECK(part.offset == covered + parts);
        parts += part.size;
      }
      CHECK((field.parts.empty() || parts == field.size));
      covered += field.size;
    }
    CHECK(covered == bytes.size());
    said[direction] += wire::as_text(bytes);
    titles += std::string(direction == Direction::sent ? "> " : "< ") + std::string(title) + "\n";
    dumps += wire::dump(trace, bytes);
  }
  void bytes(Direction, wire::Bytes) override {}

  std::map<Direction, std::string> said;
  std::string titles, dumps;
};

}  // namespace

TEST_CASE("the frames are the conversation, on both sides") {
  Conversation talk(GENERATE(as<std::size_t>(), 1, 7, 100'000));
  Watch client, server;
  talk.client().observe(&client);
  talk.server().observe(&server);
  talk.on_server = [](const http1::Event& event, http1::Connection& connection) {
    if (std::holds_alternative<Request>(event)) connection.send(Response{100, {}, 1, {}});
    answering({200, {}, 1, {}}, "hello\n")(event, connection);
  };
  talk.client().send({"POST", "/echo", 1, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}});
  talk.client().send_data(wire::as_bytes("world"));
  talk.client().send_end({{"Check", "7"}});
  talk.client().close({});
  talk.run();
  CHECK(client.said[Direction::sent] == talk.client_said());
  CHECK(client.said[Direction::received] == talk.server_said());
  CHECK(server.said[Direction::sent] == talk.server_said());
  CHECK(server.said[Direction::received] == talk.client_said());
}

TEST_CASE("frames have names") {
  Conversation talk(100'000);
  Watch server;
  talk.server().observe(&server);
  talk.on_server = answering({200, {}, 1, {{"Content-Length", "6"}}}, "hello\n");
  talk.client().send({"POST", "/echo", 1, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}});
  talk.client().send_data(wire::as_bytes("world"));
  talk.client().send_end();
  talk.run();
  CHECK(server.titles ==
        "< request head\n"
        "< chunk-size\n"
        "< chunk-data\n"
        "< end of the chunk\n"
        "< chunk-size\n"
        "< trailer section\n"
        "> response head\n"
        "> content\n");
}

TEST_CASE("a refused request is shown too, with what is wrong unexplained") {
  http1::Connection server(wire::Side::server);
  struct : wire::Observer {
    void frame(Direction, std::string_view title, wire::Bytes bytes, const wire::Trace& trace) override {
      text += std::string(title) + ":\n" + wire::dump(trace, bytes);
    }
    void bytes(Direction, wire::Bytes) override {}
    std::string text;
  } watch;
  server.observe(&watch);
  server.receive(wire::as_bytes("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), {});
  while (server.poll({})) {
  }
  CHECK(watch.text.find("\"GET /") == std::string::npos);
  CHECK(watch.text.find("Host : a\\r\\n") != std::string::npos);
  CHECK(watch.text.find("(not explained)") != std::string::npos);
  CHECK(watch.text.find("HTTP/1.1 400 Bad Request\\r\\n") != std::string::npos);
}

TEST_CASE("a byte walk takes every line apart") {
  const auto bytes = [](std::string_view text) { return wire::Buffer(text.begin(), text.end()); };
  const wire::Said talk[] = {{true, bytes("HEAD /x HTTP/1.1\r\nHost:a \r\nX:\r\n\r\n")},
                             {false, bytes("HTTP/1.0 299 \r\nA: b\r\n \tc\r\n\r\n")}};
  CHECK("\n" + http1::explain(talk, wire::Form::walk) == R"(
client → server  request head, 33 bytes
  0000  48 45 41 44              HEAD      method: the same, without the content                     RFC 9110 §9.3.2
  0004  20                       ␠         SP: one space                                             RFC 9112 §3
  0005  2f 78                    /x        request-target: origin-form, path and query               RFC 9112 §3.2.1
  0007  20                       ␠         SP: one space                                             RFC 9112 §3
  0008  48 54 54 50 2f 31 2e 31  HTTP/1.1  HTTP-version                                              RFC 9112 §2.3
  0010  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  0012  48 6f 73 74              Host      field-name                                                RFC 9110 §5.1
  0016  3a                       :         colon: directly after the name                            RFC 9112 §5.1
  0017  61                       a         field-value: which of the server's sites                  RFC 9110 §7.2
  0018  20                       ␠         OWS: optional white space, not part of the value          RFC 9112 §5
  0019  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  001b  58                       X         field-name                                                RFC 9110 §5.1
  001c  3a                       :         colon: directly after the name                            RFC 9112 §5.1
  001d  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  001f  0d 0a                    ␍␊        empty line: the head ends here                            RFC 9112 §2.1

client ← server  response head, 28 bytes
  0000  48 54 54 50 2f 31 2e 30  HTTP/1.0  HTTP-version                                              RFC 9112 §2.3
  0008  20                       ␠         SP: one space                                             RFC 9112 §4
  0009  32 39 39                 299       status-code: it worked                                    RFC 9110 §15.3
  000c  20                       ␠         SP: one space                                             RFC 9112 §4
  000d  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  000f  41                       A         field-name                                                RFC 9110 §5.1
  0010  3a                       :         colon: directly after the name                            RFC 9112 §5.1
  0011  20                       ␠         OWS: optional white space, not part of the value          RFC 9112 §5
  0012  62                       b         field-value                                               RFC 9110 §5.5
  0013  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  0015  20 09                    ␠␉        OWS: optional white space, not part of the value          RFC 9112 §5
  0017  63                       c         field-value                                               RFC 9110 §5.5
  0018  0d 0a                    ␍␊        CR LF: end of the line                                    RFC 9112 §2.2
  001a  0d 0a                    ␍␊        empty line: the head ends here                            RFC 9112 §2.1

)");
}

// As a reader sees it. When the words change on purpose, change them here.
TEST_CASE("the dump of one exchange") {
  Conversation talk(100'000);
  Watch client;
  talk.client().observe(&client);
  talk.on_server = answering({200, {}, 1, {{"Content-Type", "text/plain"}}}, "hello\n");
  talk.client().send({"GET", "/hello", 1, {{"Host", "127.0.0.1:8080"}, {"X-Own", "a\tb"}}});
  talk.run();
  CHECK("\n" + client.dumps == R"(
  0000  GET /hello HTTP/1.1\r\n                   request-line              method GET, target /hello       RFC 9112 §3
  0015  Host: 127.0.0.1:8080\r\n                  field line                which of the server's sites     RFC 9110 §7.2
  002b  X-Own: a\tb\r\n                           field line                                                RFC 9112 §5
  0037  \r\n                                      empty line                the head ends here              RFC 9112 §2.1
  0000  HTTP/1.1 200 OK\r\n                       status-line               status 200                      RFC 9112 §4
  0011  Content-Type: text/plain\r\n              field line                what the content is             RFC 9110 §8.3
  002b  Transfer-Encoding: chunked\r\n            field line                the content comes in chunks     RFC 9112 §6.1
  0047  \r\n                                      empty line                the head ends here              RFC 9112 §2.1
  0000  6\r\n                                     chunk-size                6 bytes of data follow          RFC 9112 §7.1
  0000  hello\n                                   chunk-data
  0000  \r\n                                      CRLF
  0000  0\r\n                                     chunk-size                the last chunk                  RFC 9112 §7.1
  0000  \r\n                                      empty line                the message ends here           RFC 9112 §7.1
)");
}
