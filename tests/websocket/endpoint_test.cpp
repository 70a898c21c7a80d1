// Client and server over real sockets: what the coroutines around the machine add to it.
#include "websocket/client.hpp"
#include "websocket/server.hpp"
#include "wire/loopback.hpp"

#include "heard.hpp"

using heard::client_says;
using heard::operator+;
using heard::server_says;
using websocket::Agreement;
using websocket::ClientOptions;
using websocket::Closed;
using websocket::Endpoint;
using websocket::EndpointOptions;
using websocket::Event;
using websocket::Link;
using websocket::Message;
using websocket::Opcode;
using wire::as_string;
using wire::awaitable;
using namespace std::chrono_literals;

namespace {

awaitable<void> echo(Link& link, const Agreement&) {
  for (;;) {
    const std::optional<Event> event = co_await link.next();
    if (!event) break;
    const auto* message = std::get_if<Message>(&*event);
    if (message) link->send(message->type, message->payload);
  }
}
awaitable<void> throw_at_once(Link& link, const Agreement&) {
  const std::optional<Event> event = co_await link.next();
  throw std::runtime_error("a handler's bug");
}
awaitable<void> leave_at_once(Link&, const Agreement&) { co_return; }
awaitable<void> say_subprotocol(Link& link, const Agreement& agreement) {
  link->send(agreement.subprotocol + (agreement.deflate ? ", compressed" : ", plain"));
  co_await link.flush();
}

// An endpoint at "/", on a free port.
struct Served : Loopback {
  explicit Served(const Endpoint::Handler& handler, const EndpointOptions& options = {}) : endpoint(handler, options) {
    http.route("GET", "/", endpoint.handler());
    server.emplace(io.get_executor(), wire::Tcp::endpoint{asio::ip::address_v4::loopback(), 0}, wire::ServerOptions{},
                   http.handler());
    asio::co_spawn(io, server->run(), [this](std::exception_ptr) { stopped = true; });
  }
  ~Served() { io.stop(); }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  std::string url() const { return fmt::format("ws://127.0.0.1:{}/", server->port()); }

  Endpoint endpoint;
  http1::Server http;
  std::optional<wire::Server> server;
  bool stopped = false;
};

awaitable<void> until_nobody_is_left(Served& s) {
  const auto nobody = [&] { return s.server->live() == 0; };
  co_await until(nobody);
}

awaitable<void> converse(Served& s, ClientOptions options) {
  auto opened = co_await websocket::open(s.url(), options);
  REQUIRE(opened);
  Link& link = opened->link;
  CHECK(opened->agreement.deflate.has_value() == options.offer.deflate.has_value());
  const std::string large(300'000, 'x');
  for (const std::string_view text : {std::string_view("Hello"), std::string_view(), std::string_view(large)}) {
    link->send(text);
    const auto message = co_await link.expect<Message>();
    REQUIRE(message);
    CHECK(message->type == Opcode::text);
    CHECK((as_string(message->payload) == text));
  }
  link->close(1000, "bye");
  const auto closed = co_await link.expect<Closed>();
  REQUIRE(closed);
  CHECK(closed->close.code == 1000);
  const auto over = co_await link.next();
  CHECK_FALSE(over);
  CHECK_FALSE(link.why());
  co_await until_nobody_is_left(s);
}

// The code of the Close that ends what this client has opened and said.
awaitable<void> closed_with(Served& s, std::uint16_t code) {
  auto opened = co_await websocket::open(s.url());
  REQUIRE(opened);
  opened->link->send("Hello");
  const auto closed = co_await opened->link.expect<Closed>();
  REQUIRE(closed);
  CHECK(closed->close.code == code);
  co_await opened->link.finish();
  co_await until_nobody_is_left(s);
}

awaitable<void> agree(Served& s, ClientOptions options, std::string expected) {
  auto opened = co_await websocket::open(s.url(), options);
  REQUIRE(opened);
  CHECK(expected.starts_with(opened->agreement.subprotocol));
  const auto message = co_await opened->link.expect<Message>();
  REQUIRE(message);
  CHECK(as_string(message->payload) == expected);
}

awaitable<void> refused(std::string url, ClientOptions options, std::string why) {
  const auto opened = co_await websocket::open(url, options);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().detail == why);
}

awaitable<void> not_a_handshake(Served& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server->port());
  co_await write_all(peer, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = co_await read_to_end(peer);
  CHECK(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade"));
  CHECK(answer.ends_with("\r\n\r\nThis resource speaks WebSocket.\n"));
}

const std::string handshake =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// Frames that come with the request: read by HTTP, and answered by WebSocket.
awaitable<void> impatient(Served& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server->port());
  const wire::Buffer frames = client_says.text("early") + client_says.close(1000);
  co_await write_all(peer, handshake + as_string(frames));
  const std::string all = co_await read_to_end(peer);
  CHECK(all.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK(all.ends_with("\r\n\r\n" + as_string(server_says.text("early") + server_says.close(1000))));
}

awaitable<void> going_away(Served& s) {
  auto opened = co_await websocket::open(s.url());
  REQUIRE(opened);
  opened->link->send("Hello");
  const auto hello = co_await opened->link.expect<Message>();
  REQUIRE(hello);
  s.server->stop();
  const auto closed = co_await opened->link.expect<Closed>();
  REQUIRE(closed);
  CHECK(closed->close.code == 1001);
  co_await opened->link.finish();
  const auto stopped = [&] { return s.stopped; };
  co_await until(stopped);
}

awaitable<void> kept_alive(Served& s) {
  auto opened = co_await websocket::open(s.url());
  REQUIRE(opened);
  const auto first = co_await opened->link.expect<websocket::Ping>();
  const auto second = co_await opened->link.expect<websocket::Ping>();
  CHECK(first);
  CHECK(second);
  co_await opened->link.finish();
}

awaitable<void> never_answers(Served& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server->port());
  co_await write_all(peer, handshake);
  const std::string all = co_await read_to_end(peer);
  CHECK(all.ends_with(as_string(server_says.ping() + server_says.close(1011, "the peer has fallen silent"))));
}

}  // namespace

TEST_CASE("a client and a server converse, compressed or not") {
  Served s(echo);
  s.run(converse(s, {}));
  ClientOptions plain;
  plain.offer.deflate.reset();
  s.run(converse(s, plain));
}

TEST_CASE("a handler that returns closes normally; one that throws, with 1011") {
  Served leaves(leave_at_once), throws(throw_at_once);
  leaves.run(closed_with(leaves, 1000));
  throws.run(closed_with(throws, 1011));
}

TEST_CASE("the handler and the client hear what was agreed") {
  EndpointOptions options;
  options.policy.subprotocols = {"b"};
  Served s(say_subprotocol, options);
  ClientOptions both;
  both.offer.subprotocols = {"a", "b"};
  s.run(agree(s, both, "b, compressed"));
  ClientOptions none;
  none.offer.deflate.reset();
  s.run(agree(s, none, ", plain"));
}

TEST_CASE("who does not get a connection is told why") {
  Served s(echo);
  s.run(refused(s.url() + "elsewhere", {}, "the server answered 404 Not Found"));
  ClientOptions page;
  page.offer.fields.add("Origin", "http://evil.example");
  s.run(refused(s.url(), page, "the server answered 403 Forbidden"));
  s.run(refused("http://127.0.0.1/", {}, "a WebSocket URL begins with ws:// or wss://"));
  s.run(not_a_handshake(s));
}

TEST_CASE("wss without somebody to trust is our own bug") {
  Loopback loopback;
  CHECK_THROWS_AS(loopback.run(refused("wss://127.0.0.1/", {}, "")), wire::UsageError);
}

TEST_CASE("frames that come together with the request are not lost") {
  Served s(echo);
  s.run(impatient(s));
}

TEST_CASE("a server that stops is going away: 1001") {
  Served s(echo);
  s.run(going_away(s));
}

TEST_CASE("limits are the machine's: Pings keep a quiet client, and end one that never answers") {
  EndpointOptions options;
  options.limits.ping_after = 5ms;
  Served s(echo, options);
  s.run(kept_alive(s));
  options.limits.pong_time = 20ms;
  Served strict(echo, options);
  strict.run(never_answers(strict));
}
