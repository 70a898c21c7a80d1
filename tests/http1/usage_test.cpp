// Our own mistakes: each is an exception at the line that makes it, and nothing of it goes on the wire.
#include "heard.hpp"
#include "support/bytes.hpp"

using http1::Connection;
using http1::Request;
using http1::Response;
using support::is_bytes;
using wire::Side;
using wire::UsageError;

namespace {

const wire::Time now{};
const Request get{"GET", "/", 1, {{"Host", "a"}}};
const Request put{"PUT", "/", 1, {{"Host", "a"}, {"Content-Length", "5"}}};

// A server that has heard this request.
struct Server {
  explicit Server(std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n") {
    connection.receive(wire::as_bytes(request), now);
    while (connection.poll(now)) {
    }
  }
  Connection connection{Side::server};
};

}  // namespace

TEST_CASE("each side has its own verbs") {
  Connection client(Side::client), server(Side::server);
  CHECK_THROWS_AS(server.send(get), UsageError);
  CHECK_THROWS_AS(client.send(Response{}), UsageError);
}

TEST_CASE("one request at a time") {
  Connection client(Side::client);
  client.send(put);
  CHECK_THROWS_AS(client.send(get), UsageError);  // its content is still to come
  client.send_data(wire::as_bytes("hello"));
  client.send_end();
  CHECK_THROWS_AS(client.send(get), UsageError);  // its answer is still to come
}

TEST_CASE("no request after the last") {
  Connection client(Side::client);
  client.send({"GET", "/", 1, {{"Host", "a"}, {"Connection", "close"}}});
  CHECK_THROWS_AS(client.send(get), UsageError);
  client.close(now);
  CHECK(client.closed() == false);  // it still waits for the answer
  Connection closed(Side::client);
  closed.close(now);
  CHECK_THROWS_AS(closed.send(get), UsageError);
}

TEST_CASE("a request's lengths must be right") {
  Connection client(Side::client);
  CHECK_THROWS_AS(client.send({"PUT", "/", 1, {{"Host", "a"}, {"Content-Length", "five"}}}), UsageError);
  CHECK_THROWS_AS(client.send({"PUT", "/", 1, {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}}),
                  UsageError);
  CHECK_THROWS_AS(client.send({"PUT", "/", 0, {{"Transfer-Encoding", "chunked"}}}), UsageError);
  CHECK_THAT(client.take_output(), is_bytes(""));
  client.send(get);  // no harm done
}

TEST_CASE("content only as announced") {
  Connection none(Side::client);
  CHECK_THROWS_AS(none.send_data(wire::as_bytes("x")), UsageError);
  CHECK_THROWS_AS(none.send_end(), UsageError);
  none.send(get);
  CHECK_THROWS_AS(none.send_data(wire::as_bytes("x")), UsageError);
  CHECK_THROWS_AS(none.send_end(), UsageError);

  Connection five(Side::client);
  five.send(put);
  CHECK_THROWS_AS(five.send_data(wire::as_bytes("hello!")), UsageError);
  five.send_data(wire::as_bytes("hell"));
  CHECK_THROWS_AS(five.send_end(), UsageError);
  CHECK_THROWS_AS(five.send_data(wire::as_bytes("o!")), UsageError);
  five.send_data(wire::as_bytes("o"));
  five.send_end();
  CHECK_THROWS_AS(five.send_end(), UsageError);
  CHECK_THROWS_AS(five.send_data(wire::as_bytes("x")), UsageError);
  CHECK(wire::as_text(five.take_output()).ends_with("\r\n\r\nhello"));
}

TEST_CASE("no answer without a question, and one only") {
  Connection server(Side::server);
  CHECK_THROWS_AS(server.send(Response{200, {}, 1, {}}), UsageError);
  CHECK_THROWS_AS(server.send(Response{100, {}, 1, {}}), UsageError);

  Server asked;
  asked.connection.send(Response{200, {}, 1, {{"Content-Length", "0"}}});
  CHECK_THROWS_AS(asked.connection.send(Response{200, {}, 1, {}}), UsageError);
  CHECK_THROWS_AS(asked.connection.send(Response{103, {}, 1, {}}), UsageError);  // too late
  asked.connection.send_end();
  CHECK_THROWS_AS(asked.connection.send(Response{200, {}, 1, {}}), UsageError);
}

TEST_CASE("no answer after a failure: it is given already") {
  Server server("GET / HTTP/1.1\r\n\r\n");
  CHECK(server.connection.closed());
  CHECK_THROWS_AS(server.connection.send(Response{200, {}, 1, {}}), UsageError);
}

TEST_CASE("a response's length must be right") {
  Server server;
  CHECK_THROWS_AS(server.connection.send(Response{200, {}, 1, {{"Content-Length", "-1"}}}), UsageError);
  CHECK_THAT(server.connection.take_output(), is_bytes(""));
  server.connection.send(Response{200, {}, 1, {{"Content-Length", "5"}}});
  CHECK_THROWS_AS(server.connection.send_end(), UsageError);
}

TEST_CASE("101 only once the request is whole, and nothing after it") {
  Server early("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhell");
  CHECK_THROWS_AS(early.connection.send(Response{101, {}, 1, {}}), UsageError);

  Server server("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  server.connection.send(Response{101, {}, 1, {{"Connection", "upgrade"}, {"Upgrade", "x"}}});
  CHECK(server.connection.switched());
  CHECK_THROWS_AS(server.connection.send(Response{200, {}, 1, {}}), UsageError);
  CHECK_THROWS_AS(server.connection.send_data(wire::as_bytes("x")), UsageError);
}

// A handler that gave a value with a line end in it gets its exception, and the server can still answer 500.
TEST_CASE("what is refused leaves nothing behind") {
  Server server;
  CHECK_THROWS_AS(server.connection.send(Response{200, {}, 1, {{"X", "1"}, {"Y", "2\r\nZ: 3"}}}), UsageError);
  CHECK_THAT(server.connection.take_output(), is_bytes(""));
  server.connection.send(Response{500, {}, 1, {{"Content-Length", "0"}}});
  server.connection.send_end();
  CHECK_THAT(server.connection.take_output(), is_bytes("HTTP/1.1 500 Internal Server Error\r\n"
                                                       "Content-Length: 0\r\n"
                                                       "\r\n"));

  Connection client(Side::client);
  CHECK_THROWS_AS(client.send({"GET", "/", 1, {{"Host", "a"}, {"X", "1\n2"}}}), UsageError);
  CHECK_THAT(client.take_output(), is_bytes(""));
  client.send(get);
}

TEST_CASE("bad trailers are refused too") {
  Server server;
  server.connection.send(Response{200, {}, 1, {}});
  server.connection.take_output();
  CHECK_THROWS_AS(server.connection.send_end({{"X", "1\r\n"}}), UsageError);
  CHECK_THAT(server.connection.take_output(), is_bytes(""));
}
