// Another protocol takes the connection over: nothing is lost, nothing of HTTP is left, and it stays one connection to
// whoever watches it. The other protocol is lines of text, from the tests of the drivers.
#include "http1/client.hpp"
#include "http1/server.hpp"
#include "wire/echo.hpp"

#include <cstdio>

using http1::Exchange;
using http1::Response;
using wire::awaitable;
using wire::LinkOptions;
using wire::Stream;

namespace {

const std::string request = "GET /lines HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: lines\r\n\r\n";

Response switching() { return {101, {}, 1, {{"Connection", "upgrade"}, {"Upgrade", "lines"}}}; }

// Greets, and says every line back.
awaitable<void> greet_and_echo(Stream stream, LinkOptions options) {
  LineLink link(std::move(stream), lines::Connection(), options);
  link->send("welcome");
  for (;;) {
    auto event = co_await link.next();
    if (!event) break;
    const auto* line = std::get_if<lines::Line>(&*event);
    if (line) link->send("echo " + line->text);
  }
}

awaitable<void> upgrade(Exchange& exchange) {
  exchange.upgrade(switching(), greet_and_echo);
  co_return;
}
awaitable<void> upgrade_and_throw(Exchange& exchange) {
  exchange.upgrade(switching(), greet_and_echo);
  throw std::runtime_error("a handler's bug, after the upgrade");
  co_return;
}
awaitable<void> hello(Exchange& exchange) {
  exchange.respond({}, "hello\n");
  co_return;
}

struct UpgradingServer {
  explicit UpgradingServer(wire::Tracer* tracer = nullptr) {
    http.route("GET", "/lines", upgrade);
    http.route("GET", "/throws", upgrade_and_throw);
    http.route("GET", "/hello", hello);
    LinkOptions link;
    link.tracer = tracer;
    server.emplace(wire::ServerOptions{.link = link}, http.handler());
  }
  http1::Server http;
  std::optional<EchoServer> server;
};

std::string after_the_head(const std::string& all) {
  return all.substr(std::min(all.find("\r\n\r\n") + 4, all.size()));
}

// All at once: what the HTTP side read too far is the other protocol's.
awaitable<void> early_bytes(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, request + "one\ntwo\nthr");
  co_await write_all(peer, "ee\nbye\n");
  const std::string all = co_await read_to_end(peer);
  CHECK(all.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK(after_the_head(all) == "welcome\necho one\necho two\necho three\n");
  co_await until_live(s, 0);
}

awaitable<void> after_another_exchange(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" + request + "bye\n");
  const std::string all = co_await read_to_end(peer);
  CHECK(all.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(all.find("hello\nHTTP/1.1 101 ") != std::string::npos);
  CHECK(all.ends_with("\r\n\r\nwelcome\n"));
}

awaitable<void> bug_in_the_handler(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, "GET /throws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: lines\r\n\r\none\n");
  const std::string all = co_await read_to_end(peer);
  CHECK(after_the_head(all).empty());  // nobody serves it: the connection ends
  co_await until_live(s, 0);
}

// The server's first line comes with the response, and both have been read before the client changes hands.
awaitable<void> by_client(EchoServer& s, wire::Tracer* tracer) {
  auto stream = co_await wire::connect("127.0.0.1", s.server.port());
  REQUIRE(stream);
  LinkOptions options;
  options.tracer = tracer;
  http1::Client client(std::move(*stream), options);
  const http1::Request asks{"GET", "/lines", 1, {{"Host", "a"}, {"Connection", "upgrade"}, {"Upgrade", "lines"}}};
  auto response = co_await client.send(asks);
  REQUIRE(response);
  CHECK(response->status == 101);
  Stream taken = co_await client.upgrade();
  LineLink link(std::move(taken), lines::Connection(), options);
  auto welcome = co_await link.next();
  CHECK(text_of(welcome) == "welcome");
  link->send("hello");
  auto echo = co_await link.next();
  CHECK(text_of(echo) == "echo hello");
  co_await link.finish();
}

awaitable<void> stopped_while_upgraded(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, request + "one\n");
  std::string got;
  std::array<char, 1000> chunk;
  while (!got.ends_with("echo one\n")) {
    auto [ec, n] = co_await peer.async_read_some(asio::buffer(chunk), wire::nothrow);
    REQUIRE_FALSE(ec);
    got.append(chunk.data(), n);
  }
  s.server.stop();
  const std::string rest = co_await read_to_end(peer);
  CHECK(rest == "bye\n");
  co_await until_stopped(s);
}

// A peer that sends the response and a line of the next protocol in one packet.
awaitable<void> one_packet(wire::TcpAcceptor& acceptor) {
  wire::TcpSocket socket = co_await acceptor.async_accept(wire::use_awaitable);
  co_await write_all(
      socket, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: lines\r\n\r\nfirst\nsecond\nbye\n");
  const std::string rest = co_await read_to_end(socket);
  CHECK(rest.find("HTTP/1.1\r\n") != std::string::npos);
}

awaitable<void> read_too_far(std::uint16_t port) {
  auto stream = co_await wire::connect("127.0.0.1", port);
  REQUIRE(stream);
  http1::Client client(std::move(*stream));
  const http1::Request asks{"GET", "/", 1, {{"Host", "a"}, {"Connection", "upgrade"}, {"Upgrade", "lines"}}};
  auto response = co_await client.send(asks);
  REQUIRE(response);
  Stream taken = co_await client.upgrade();
  LineLink link(std::move(taken), lines::Connection());
  auto first = co_await link.next();
  CHECK(text_of(first) == "first");
  auto second = co_await link.next();
  CHECK(text_of(second) == "second");
  auto over = co_await link.next();
  CHECK_FALSE(over);
}

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  return text;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a successor serves the connection, and is given what was read too far") {
  UpgradingServer s;
  s.server->run(early_bytes(*s.server));
}

TEST_CASE("a connection is upgraded after other exchanges on it") {
  UpgradingServer s;
  s.server->run(after_another_exchange(*s.server));
}

TEST_CASE("a handler that throws after its upgrade has no successor") {
  UpgradingServer s;
  s.server->run(bug_in_the_handler(*s.server));
}

TEST_CASE("a client hands its connection over") {
  UpgradingServer s;
  s.server->run(by_client(*s.server, nullptr));
}

TEST_CASE("what a client has read too far is the next protocol's") {
  Loopback loopback;
  wire::TcpAcceptor acceptor(loopback.io, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(loopback.io, one_packet(acceptor), wire::report_failure);
  loopback.run(read_too_far(acceptor.local_endpoint().port()));
}

TEST_CASE("a server that stops says goodbye in the successor's protocol") {
  UpgradingServer s;
  s.server->run(stopped_while_upgraded(*s.server));
}

TEST_CASE("to who watches, it stays one connection, on both sides") {
  std::FILE* const by_server = std::tmpfile();
  std::FILE* const client_saw = std::tmpfile();
  wire::Tracer server_tracer(by_server, nullptr), client_tracer(client_saw, nullptr);
  {
    UpgradingServer s(&server_tracer);
    s.server->run(by_client(*s.server, &client_tracer));
  }
  for (std::FILE* file : {by_server, client_saw}) {
    const std::string text = contents(file);
    INFO(text);
    CHECK(count(text, "#1 ") == 6);  // two heads, and four lines
    CHECK(count(text, "#2 ") == 0);
    CHECK(count(text, "request head") == 1);
    CHECK(count(text, "101 Switching Protocols") == 1);
    CHECK(count(text, "client ← server  line, 8 bytes") == 1);
    CHECK(count(text, "client → server  line, 6 bytes") == 1);
    std::fclose(file);
  }
}
