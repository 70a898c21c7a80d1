// Deadlines, in simulated time: who is cut off, when, and with which answer; and who must not be.
#include "heard.hpp"
#include "support/catch.hpp"

using http1::Connection;
using http1::Limits;
using wire::Side;
using namespace std::chrono_literals;

namespace {

const Limits limits = {.idle_time = 75s, .head_time = 20s, .content_time = 60s};

// A connection, its peer's words, and a clock that the test moves.
struct Timed {
  explicit Timed(Side side) : connection(side, limits) {}

  Connection connection;
  wire::Time now{};
  heard::Log log;

  void poll() {
    while (auto event = connection.poll(now)) log(*event);
  }
  void hear(std::string_view text) {
    connection.receive(wire::as_bytes(text), now);
    poll();
  }
  // Lets time pass as a driver does: it calls at the deadline, if there is one by then.
  void pass(wire::Clock::duration duration) {
    const wire::Time until = now + duration;
    while (!connection.closed() && connection.next_timeout() && *connection.next_timeout() <= until) {
      now = *connection.next_timeout();
      connection.handle_timeout(now);
      poll();
    }
    now = until;
  }
  std::string output() { return wire::as_string(connection.take_output()); }
};

struct TimedServer : Timed {
  TimedServer() : Timed(Side::server) { poll(); }
};
struct TimedClient : Timed {
  explicit TimedClient(const http1::Request& request = {"GET", "/", 1, {{"Host", "a"}}}) : Timed(Side::client) {
    connection.send(request);
    output();
    poll();
  }
};

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("an idle connection is closed without a word") {
  TimedServer server;
  server.pass(74s);
  CHECK_FALSE(server.connection.closed());
  server.pass(1s);
  CHECK(server.connection.closed());
  CHECK(server.log.text.empty());  // nobody was owed anything
  CHECK(server.output().empty());
}

TEST_CASE("the idle time begins anew after each exchange") {
  TimedServer server;
  server.pass(70s);
  server.hear(get);
  server.connection.send(http1::Response{204, {}, 1, {}});
  server.connection.send_end();
  server.poll();
  server.pass(74s);
  CHECK_FALSE(server.connection.closed());
  server.pass(1s);
  CHECK(server.connection.closed());
}

TEST_CASE("slow-loris: a head that comes byte by byte has to be whole in time") {
  TimedServer server;
  server.pass(70s);
  for (int i = 0; i < 19; ++i) {
    server.hear(get.substr(static_cast<std::size_t>(i), 1));
    server.pass(1s);
    REQUIRE_FALSE(server.connection.closed());
  }
  server.hear("X");
  server.pass(999ms);
  CHECK_FALSE(server.connection.closed());
  server.pass(1ms);
  CHECK(server.connection.closed());
  CHECK(server.log.text == "failed 408 timeout: waited too long for the peer\n");
  CHECK(server.output().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
}

TEST_CASE("slow-loris: empty lines do not keep a connection") {
  TimedServer server;
  for (int i = 0; i < 100 && !server.connection.closed(); ++i) {
    server.hear("\r");
    server.pass(1s);
    server.hear("\n");
    server.pass(1s);
  }
  CHECK(server.connection.closed());
}

TEST_CASE("content has to go on") {
  for (const char* how : {"Content-Length: 5\r\n\r\nhe", "Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
                          "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a", "Content-Length: 5\r\n\r\n",
                          "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nX: 1\r\n"}) {
    INFO(how);
    TimedServer server;
    server.hear(std::string("POST / HTTP/1.1\r\nHost: a\r\n") + how);
    server.pass(59s);
    CHECK_FALSE(server.connection.closed());
    server.pass(1s);
    CHECK(server.connection.closed());
    CHECK(server.log.text.ends_with("failed 408 timeout: waited too long for the peer\n"));
    CHECK(server.output().starts_with("HTTP/1.1 408 "));
  }
}

TEST_CASE("content that goes on may take as long as it likes") {
  TimedServer server;
  server.hear("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    server.pass(59s);
    server.hear("x");
  }
  CHECK(server.log.text.ends_with("data xxxxxxxxxx\nend\n"));
}

TEST_CASE("slow-loris: a chunk's line, byte by byte, is not content") {
  TimedServer server;
  server.hear("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;");
  for (int i = 0; i < 60; ++i) {
    server.hear("x");
    server.pass(1s);
  }
  CHECK(server.connection.closed());
}

// The peer has done its part: what takes time is ours.
TEST_CASE("a slow handler is not the peer's fault") {
  SECTION("after a request without content") {
    TimedServer server;
    server.hear(get);
    server.pass(1h);
    CHECK_FALSE(server.connection.closed());
  }
  SECTION("that has taken the head, and no more events yet") {
    TimedServer server;
    server.connection.receive(wire::as_bytes(get), server.now);
    REQUIRE(server.connection.poll(server.now));
    server.pass(1h);
    CHECK_FALSE(server.connection.closed());
  }
  SECTION("that has the content waiting") {
    TimedServer server;
    const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    server.connection.receive(wire::as_bytes(post + "hello"), server.now);
    REQUIRE(server.connection.poll(server.now));  // the head
    server.pass(1h);
    CHECK_FALSE(server.connection.closed());
    server.poll();
    CHECK(server.log.text == "data hello\nend\n");
  }
  SECTION("that has taken a piece of the content") {
    TimedServer server;
    server.hear("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    server.connection.receive(wire::as_bytes("hello"), server.now);
    REQUIRE(server.connection.poll(server.now));
    server.pass(1h);
    CHECK_FALSE(server.connection.closed());
  }
}

TEST_CASE("a slow handler that has taken the end of the content, and no more") {
  TimedServer server;
  server.hear("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  server.connection.receive(wire::as_bytes("0\r\n\r\n"), server.now);
  REQUIRE(server.connection.poll(server.now));
  server.pass(1h);
  CHECK_FALSE(server.connection.closed());
}

TEST_CASE("a timeout after the answer has begun cannot be answered") {
  TimedServer server;
  server.hear("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  server.connection.send(http1::Response{200, {}, 1, {{"Content-Length", "2"}}});
  server.output();
  server.pass(60s);
  CHECK(server.connection.closed());
  CHECK(server.log.text.ends_with("failed 408 timeout: waited too long for the peer\n"));
  CHECK(server.output().empty());
}

TEST_CASE("content that nobody wants is not waited for either") {
  TimedServer server;
  server.hear("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  server.connection.send(http1::Response{204, {}, 1, {}});
  server.connection.send_end();
  server.output();
  server.poll();
  server.pass(60s);
  CHECK(server.connection.closed());
  CHECK(server.log.text.find("failed") == std::string::npos);  // the exchange is over, for us
}

TEST_CASE("a client waits for its answer, but not for ever") {
  TimedClient client;
  client.pass(74s);
  CHECK_FALSE(client.connection.closed());
  client.pass(1s);
  CHECK(client.connection.closed());
  CHECK(client.log.text == "failed 408 timeout: waited too long for the peer\n");
  CHECK(client.output().empty());  // 408 is a server's word
}

TEST_CASE("a client waits for the rest of its answer, but not for ever") {
  TimedClient head;
  head.hear("HTTP/1.1 200 OK\r\n");
  head.pass(20s);
  CHECK(head.log.text.starts_with("failed 408 timeout"));

  TimedClient content;
  content.hear("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12");
  content.pass(59s);
  content.hear("3");
  content.pass(59s);
  CHECK_FALSE(content.connection.closed());
  content.pass(1s);
  CHECK(content.log.text.ends_with("data 123\nfailed 408 timeout: waited too long for the peer\n"));
}

TEST_CASE("a client that still uploads waits for nothing") {
  TimedClient client({"PUT", "/", 1, {{"Host", "a"}, {"Content-Length", "10"}}});
  for (int i = 0; i < 10; ++i) {
    client.pass(59s);
    REQUIRE_FALSE(client.connection.closed());
    client.connection.send_data(wire::as_bytes("x"));
    client.poll();
  }
  client.connection.send_end();
  client.poll();
  client.pass(74s);
  CHECK_FALSE(client.connection.closed());
  client.pass(1s);
  CHECK(client.connection.closed());
}

TEST_CASE("a client between two exchanges has no deadline") {
  TimedClient client;
  client.hear("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.log.text.ends_with("end\n"));
  client.pass(24h);
  CHECK_FALSE(client.connection.closed());
}

TEST_CASE("an interim response starts the client's waiting anew") {
  TimedClient client;
  client.pass(70s);
  client.hear("HTTP/1.1 103 Early Hints\r\n\r\n");
  client.pass(74s);
  CHECK_FALSE(client.connection.closed());
  client.hear("HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(client.log.text.ends_with("end\n"));
}

TEST_CASE("early and repeated calls do nothing") {
  TimedServer server;
  server.hear("GET ");
  server.connection.handle_timeout(server.now + 19s);
  CHECK_FALSE(server.connection.closed());
  server.connection.handle_timeout(server.now + 20s);
  server.connection.handle_timeout(server.now + 20s);
  server.connection.handle_timeout(server.now + 90s);
  server.poll();
  CHECK(server.log.text == "failed 408 timeout: waited too long for the peer\n");
  CHECK_FALSE(server.connection.next_timeout());
}
