// Silence, in simulated time: who is sent a Ping and when, who is given up, and who must not be.
#include "heard.hpp"
#include "support/bytes.hpp"

using heard::operator+;
using heard::peer_of;
using heard::settings;
using heard::that_is;
using support::is_bytes;
using websocket::Connection;
using websocket::Limits;
using wire::Buffer;
using wire::Bytes;
using wire::Side;
using namespace std::chrono_literals;

namespace {

const Limits limits{.ping_after = 20s, .pong_time = 15s, .close_time = 10s};
const Side both_sides[] = {Side::client, Side::server};

// A connection, its peer's words, and a clock that the test moves.
struct Timed {
  explicit Timed(Side side) : us(that_is(side)), peer(peer_of(side)), connection(side, settings(side, limits)) {}

  heard::Speaker us, peer;
  Connection connection;
  wire::Time now{};
  heard::Log log;

  void poll() {
    while (const auto event = connection.poll(now)) log(*event);
  }
  void hear(Bytes bytes) {
    connection.receive(bytes, now);
    poll();
  }
  // Lets time pass as a driver does for a program that waits for an event: it calls at the deadline, and polls.
  void pass(wire::Clock::duration duration) {
    pass(duration, [this] { poll(); });
  }
  // For one that does something else meanwhile.
  void pass_without_polling(wire::Clock::duration duration) {
    pass(duration, [] {});
  }
  Buffer output() { return connection.take_output(); }

 private:
  template <class Then>
  void pass(wire::Clock::duration duration, Then then) {
    const wire::Time until = now + duration;
    while (!connection.closed() && connection.next_timeout() && *connection.next_timeout() <= until) {
      now = *connection.next_timeout();
      connection.handle_timeout(now);
      then();
    }
    now = until;
  }
};

const char* const silent = "failed 1011 timeout: the peer has fallen silent\n";

}  // namespace

TEST_CASE("a silent peer is sent a Ping, and then given up") {
  for (const Side side : both_sides) {
    Timed one(side);
    one.poll();
    one.pass(20s - 1ms);
    CHECK_THAT(one.output(), is_bytes(""));
    one.pass(1ms);
    CHECK_THAT(one.output(), is_bytes(one.us.ping()));
    one.pass(15s - 1ms);
    CHECK_THAT(one.output(), is_bytes(""));
    CHECK(one.log.text.empty());
    CHECK_FALSE(one.connection.closed());
    one.pass(1ms);
    CHECK(one.log.text == silent);
    CHECK_THAT(one.output(), is_bytes(one.us.close(1011, "the peer has fallen silent")));
    CHECK(one.connection.closed());
  }
}

TEST_CASE("a peer that answers is sent a Ping again and again, and kept") {
  for (const Side side : both_sides) {
    Timed one(side);
    one.poll();
    for (int i = 0; i < 10; ++i) {
      one.pass(20s);
      CHECK_THAT(one.output(), is_bytes(one.us.ping()));
      one.pass(14s);
      one.hear(one.peer.pong());
    }
    CHECK_FALSE(one.connection.closed());
    CHECK_THAT(one.output(), is_bytes(""));
  }
}

TEST_CASE("any sign of life is an answer, and no Ping is sent while there are some") {
  Timed server(Side::server);
  server.poll();
  server.pass(20s);
  server.output();
  server.pass(10s);
  server.hear(server.peer.text("busy"));
  server.pass(19s);
  server.hear(server.peer.text("a long", false));
  server.pass(19s);
  Buffer half = server.peer.more(std::string(1000, 'x'));
  server.hear(Bytes(half).first(500));
  server.pass(19s);
  server.hear(Bytes(half).subspan(500, 1));  // a single byte of a payload
  server.pass(19s);
  CHECK_THAT(server.output(), is_bytes(""));
  server.pass(1s);
  CHECK_THAT(server.output(), is_bytes(server.us.ping()));
}

TEST_CASE("deadlines come once: early and repeated calls do nothing") {
  Timed server(Side::server);
  server.connection.handle_timeout(server.now + 1h);  // nobody has looked for input yet
  CHECK_THAT(server.output(), is_bytes(""));
  server.poll();
  server.connection.handle_timeout(server.now + 19s);
  CHECK_THAT(server.output(), is_bytes(""));
  server.connection.handle_timeout(server.now + 20s);
  server.connection.handle_timeout(server.now + 20s);
  server.connection.handle_timeout(server.now + 21s);
  CHECK_THAT(server.output(), is_bytes(server.us.ping()));
  CHECK(server.connection.next_timeout() == server.now + 35s);
}

TEST_CASE("looking again without success does not start the time anew") {
  Timed server(Side::server);
  for (int i = 0; i < 19; ++i) {
    server.poll();
    server.pass(1s);
  }
  CHECK_THAT(server.output(), is_bytes(""));
  server.pass(1s);
  CHECK_THAT(server.output(), is_bytes(server.us.ping()));
}

// What takes time is then our own: there may be a Pong among the bytes that nobody has looked at.
TEST_CASE("a program that does not ask for the next event is not taken for a silent peer") {
  for (const Side side : both_sides) {
    Timed one(side);
    one.connection.receive(one.peer.text("work") + one.peer.text("more"), one.now);
    REQUIRE(one.connection.poll(one.now));
    CHECK_FALSE(one.connection.next_timeout());
    one.pass_without_polling(1h);
    CHECK_FALSE(one.connection.closed());
    CHECK_THAT(one.output(), is_bytes(""));
    one.poll();
    CHECK(one.log.text == "text more\n");
    one.pass(20s - 1ms);  // and the silence begins now
    CHECK_THAT(one.output(), is_bytes(""));
  }
}

TEST_CASE("nor after a Ping, once the answer has come") {
  Timed server(Side::server);
  server.poll();
  server.pass(20s);
  server.output();
  server.connection.receive(server.peer.pong(), server.now);
  REQUIRE(server.connection.poll(server.now));
  server.pass_without_polling(1h);
  CHECK_FALSE(server.connection.closed());
  CHECK_THAT(server.output(), is_bytes(""));
}

TEST_CASE("who does not answer our Close is given up") {
  for (const Side side : both_sides) {
    Timed one(side);
    one.poll();
    one.pass(5s);
    one.connection.close(1000);
    one.output();
    one.poll();
    one.pass(10s - 1ms);
    CHECK_FALSE(one.connection.closed());
    one.pass(1ms);
    CHECK(one.connection.closed());
    CHECK(one.log.text == silent);
    CHECK_THAT(one.output(), is_bytes(""));
  }
}

TEST_CASE("messages do not put off the end, and nor do Pings") {
  Timed server(Side::server);
  server.connection.close(1000);
  server.poll();
  for (int i = 0; i < 9; ++i) {
    server.pass(1s);
    server.hear(server.peer.text("still"));
    server.hear(server.peer.pong());
  }
  server.pass(1s);
  CHECK(server.connection.closed());
  CHECK(server.log.text.ends_with(silent));
}

TEST_CASE("a Ping that is under way does not matter any more after our Close") {
  Timed server(Side::server);
  server.poll();
  server.pass(20s);
  server.pass(14s);
  server.connection.close(1000);
  server.poll();
  server.output();
  server.pass(9s);
  CHECK_FALSE(server.connection.closed());
  server.hear(server.peer.close(1000));
  CHECK(server.log.text == "closed 1000 \n");
}

TEST_CASE("a server that does not end TCP is not waited for, and that is no failure") {
  Timed client(Side::client);
  client.hear(client.peer.close(1000));
  client.pass(10s - 1ms);
  CHECK_FALSE(client.connection.closed());
  client.pass(1ms);
  CHECK(client.connection.closed());
  CHECK(client.log.text == "closed 1000 \n");
}

TEST_CASE("data after the Close do not put off the end either") {
  Timed client(Side::client);
  client.hear(client.peer.close(1000));
  for (int i = 0; i < 9; ++i) {
    client.pass(1s);
    client.hear(client.peer.text("again"));
  }
  client.pass(1s);
  CHECK(client.connection.closed());
}

TEST_CASE("two machines keep each other alive for hours") {
  heard::Conversation talk(3, limits);
  for (int i = 0; i < 1000; ++i) {
    talk.run();
    talk.pair.wait(7s);
  }
  CHECK_FALSE(talk.client().closed());
  CHECK_FALSE(talk.server().closed());
  CHECK(talk.client_heard.text.find("ping") != std::string::npos);
  CHECK(talk.client_heard.text.find("failed") == std::string::npos);
}
