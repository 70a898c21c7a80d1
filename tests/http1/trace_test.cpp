// What --trace shows: every byte of both directions, once, with its meaning.
#include "conversation.hpp"
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
        "< content\n"
        "< end of the chunk\n"
        "< chunk-size\n"
        "< trailers\n"
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

// As a reader sees it. When the words change on purpose, change them here.
TEST_CASE("the dump of one exchange") {
  Conversation talk(100'000);
  Watch client;
  talk.client().observe(&client);
  talk.on_server = answering({200, {}, 1, {{"Content-Type", "text/plain"}}}, "hello\n");
  talk.client().send({"GET", "/hello", 1, {{"Host", "127.0.0.1:8080"}, {"X-Own", "a\tb"}}});
  talk.run();
  INFO(client.dumps);
  CHECK(client.dumps == R"(
)");
}
