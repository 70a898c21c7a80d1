// How a connection ends: the closing handshake in all orders, from both sides (RFC 6455 §7).
#include "heard.hpp"
#include "support/bytes.hpp"

using heard::operator+;
using heard::client_says;
using heard::Conversation;
using heard::hear;
using heard::Heard;
using heard::peer_of;
using heard::server_says;
using heard::settings;
using heard::that_is;
using heard::Then;
using support::is_bytes;
using websocket::Close;
using websocket::Closed;
using websocket::Connection;
using websocket::Event;
using websocket::Message;
using websocket::Opcode;
using wire::as_bytes;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

namespace {

const Side both_sides[] = {Side::client, Side::server};

// One side, and what its peer says by hand.
struct One {
  explicit One(Side side) : us(that_is(side)), peer(peer_of(side)), connection(side, settings(side)) {}
  heard::Speaker us, peer;
  Connection connection;
  heard::Log log;

  void hear(const Buffer& bytes) {
    connection.receive(bytes, {});
    poll();
  }
  void poll() {
    while (const auto event = connection.poll({})) log(*event);
  }
  void hear_eof() {
    connection.receive_eof({});
    poll();
  }
  Buffer output() { return connection.take_output(); }
};

}  // namespace

TEST_CASE("the peer closes: its code is echoed, and the server ends TCP at once") {
  One server(Side::server);
  server.hear(client_says.close(1001, "I leave"));
  CHECK(server.log.text == "closed 1001 I leave\n");
  CHECK_THAT(server.output(), is_bytes(server_says.close(1001)));
  CHECK(server.connection.closed());
  CHECK_FALSE(server.connection.is_open());
}

TEST_CASE("the peer closes: a client answers, and waits until the server has ended TCP (RFC 6455 §7.1.1)") {
  One client(Side::client);
  client.hear(server_says.close(1000, "done"));
  CHECK(client.log.text == "closed 1000 done\n");
  CHECK_THAT(client.output(), is_bytes(client_says.close(1000)));
  CHECK_FALSE(client.connection.closed());
  CHECK_FALSE(client.connection.is_open());
  client.hear_eof();
  CHECK(client.connection.closed());
  CHECK(client.log.text == "closed 1000 done\n");  // no failure
  CHECK_THAT(client.output(), is_bytes(""));
}

TEST_CASE("every code that may be sent is echoed, and a Close without one has an answer without one") {
  for (const Side side : both_sides) {
    for (unsigned code = 1000; code < 5000; ++code) {
      if (!websocket::is_valid_close_code(static_cast<std::uint16_t>(code))) continue;
      One one(side);
      one.hear(one.peer.close(code, "why"));
      if (one.log.text != fmt::format("closed {} why\n", code)) FAIL(one.log.text);
      if (one.output() != one.us.close(code)) FAIL(code);
    }
    One one(side);
    one.hear(one.peer.close());
    CHECK(one.log.text == "closed 1005 \n");
    CHECK_THAT(one.output(), is_bytes(one.us.close()));
  }
}

TEST_CASE("we close: no message can be sent any more, and the peer's answer is not answered") {
  for (const Side side : both_sides) {
    One one(side);
    one.connection.close(4000, "enough");
    CHECK_FALSE(one.connection.is_open());
    CHECK_FALSE(one.connection.closed());
    CHECK_FALSE(one.connection.send("too late"));
    CHECK_FALSE(one.connection.send_piece(Opcode::binary, {}, false));
    CHECK_FALSE(one.connection.ping());
    one.connection.close(1000);
    one.connection.close(wire::Time{});
    CHECK_THAT(one.output(), is_bytes(one.us.close(4000, "enough")));
    one.hear(one.peer.close(4000));
    CHECK(one.log.text == "closed 4000 \n");
    CHECK_THAT(one.output(), is_bytes(""));
    CHECK(one.connection.closed() == (side == Side::server));
    one.hear_eof();
    CHECK(one.connection.closed());
    CHECK(one.log.text == "closed 4000 \n");
  }
}

TEST_CASE("a Close with nothing in it") {
  One server(Side::server);
  server.connection.close(Close::no_status);
  CHECK_THAT(server.output(), is_bytes(server_says.close()));
}

TEST_CASE("a program that ends: a server goes away, a client's end is normal (RFC 6455 §7.4.1)") {
  One server(Side::server), client(Side::client);
  server.connection.close(wire::Time{});
  client.connection.close(wire::Time{});
  CHECK_THAT(server.output(), is_bytes(server_says.close(1001)));
  CHECK_THAT(client.output(), is_bytes(client_says.close(1000)));
}

TEST_CASE("after our Close the peer's messages still come; its Pings are answered (RFC 6455 §5.5.2)") {
  for (const Side side : both_sides) {
    One one(side);
    one.connection.close(1000);
    one.output();
    one.hear(one.peer.text("on", false) + one.peer.ping("p") + one.peer.last(" its way") + one.peer.pong("q") +
             one.peer.close(1000));
    CHECK(one.log.text == "ping p\ntext on its way\npong q\nclosed 1000 \n");
    CHECK_THAT(one.output(), is_bytes(one.us.pong("p")));
  }
}

TEST_CASE("after our Close the rules hold, but there is no second Close") {
  for (const Side side : both_sides) {
    One one(side);
    one.connection.close(1000);
    one.output();
    one.hear(one.peer.text("\xff"));
    CHECK(one.log.text == "failed 1007 malformed: text that is not UTF-8\n");
    CHECK_THAT(one.output(), is_bytes(""));
    CHECK(one.connection.closed());
  }
}

TEST_CASE("RFC 6455 §1.4: what comes after the peer's Close is discarded") {
  for (const Side side : both_sides) {
    One one(side);
    one.hear(one.peer.close(1000) + one.peer.text("after") + one.peer.ping() + heard::from_hex("ff ff ff"));
    one.hear(one.peer.text("\xff"));
    CHECK(one.log.text == "closed 1000 \n");
    CHECK_THAT(one.output(), is_bytes(one.us.close(1000)));
    if (side == Side::client) CHECK(one.connection.unread().empty());  // however much it is
    one.hear_eof();
    CHECK(one.log.text == "closed 1000 \n");
    CHECK(one.connection.closed());
  }
}

TEST_CASE("a Close in the midst of a message ends it") {
  for (const Side side : both_sides) {
    One one(side);
    one.hear(one.peer.text("begun", false) + one.peer.close(1001));
    CHECK(one.log.text == "closed 1001 \n");
  }
}

TEST_CASE("we may close in the midst of a message of our own") {
  One server(Side::server);
  server.connection.send_piece(Opcode::text, as_bytes("beg"), false);
  server.connection.close(1000);
  CHECK_FALSE(server.connection.send_piece(Opcode::text, as_bytes("un"), true));
  CHECK_FALSE(server.connection.send_piece(Opcode::binary, as_bytes("un"), true));
  CHECK_FALSE(server.connection.send("un"));
  CHECK_THAT(server.output(), is_bytes(server_says.text("beg", false) + server_says.close(1000)));
}

TEST_CASE("the peer hangs up instead of answering our Close") {
  for (const Side side : both_sides) {
    One one(side);
    one.connection.close(1000);
    one.output();
    one.hear_eof();
    CHECK(one.log.text == "failed 1006 truncated: the peer hung up without a Close frame\n");
    CHECK_THAT(one.output(), is_bytes(""));
    CHECK(one.connection.closed());
  }
}

TEST_CASE("after a failure there is nothing: no events, no output, no second failure") {
  for (const Side side : both_sides) {
    One one(side);
    one.hear(one.peer.last("x"));
    CHECK(one.connection.closed());
    CHECK_FALSE(one.connection.is_open());
    one.output();
    one.hear(one.peer.text("after") + one.peer.close(1000));
    one.hear_eof();
    CHECK_FALSE(one.connection.send("x"));
    CHECK_FALSE(one.connection.ping());
    one.connection.close(1000);
    one.connection.handle_timeout(wire::Time::max());
    one.poll();
    CHECK(one.log.text == "failed 1002 malformed: a continuation of nothing\n");
    CHECK_THAT(one.output(), is_bytes(""));
    CHECK_FALSE(one.connection.next_timeout());
  }
}

TEST_CASE("both sides, cut everywhere: the client closes, the server closes, both do") {
  for (const std::size_t piece_size : {1, 2, 5, 1000}) {
    for (const bool client_first : {true, false}) {
      for (const bool both : {true, false}) {
        Conversation talk(piece_size);
        if (client_first || both) talk.client().close(3001, "c");
        if (!client_first || both) talk.server().close(3002, "s");
        talk.run();
        const std::string by_client = client_first || both ? "closed 3001 c\n" : "closed 3002 \n";
        const std::string by_server = !client_first || both ? "closed 3002 s\n" : "closed 3001 \n";
        CHECK(talk.server_heard.text == by_client);
        CHECK(talk.client_heard.text == by_server);
        CHECK(talk.pair.server_hung_up);
        CHECK(talk.pair.client_hung_up);
        const auto frames = [](const Buffer& said) { return std::ranges::count(said, 0x88); };
        CHECK(frames(talk.pair.client_said) == 1);  // one Close each, whatever happens
        CHECK(frames(talk.pair.server_said) == 1);
      }
    }
  }
}

TEST_CASE("the server hangs up first") {
  Conversation talk(100);
  talk.client().close(1000);
  bool client_was_first = false;
  talk.on_server = [&](const Event&, Connection&) { client_was_first = client_was_first || talk.pair.client_hung_up; };
  talk.on_client = [&](const Event& event, Connection& client) {
    if (std::holds_alternative<Closed>(event)) CHECK_FALSE(client.closed());
  };
  talk.run();
  CHECK_FALSE(client_was_first);
  CHECK(talk.client().closed());
}
