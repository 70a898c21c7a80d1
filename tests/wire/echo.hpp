// A server that says lines back, for the tests of the drivers.
#pragma once
#include "lines.hpp"
#include "loopback.hpp"

using LineLink = wire::Link<lines::Connection>;

// Says every line back. "throw" throws, "big" answers with a megabyte.
inline wire::awaitable<void> echo(wire::Stream stream, wire::LinkOptions options) {
  LineLink link(std::move(stream), lines::Connection(), options);
  for (;;) {
    auto event = co_await link.next();
    if (!event) break;
    const auto* line = std::get_if<lines::Line>(&*event);
    if (!line) continue;
    if (line->text == "throw") throw std::runtime_error("a handler's bug");
    if (line->text == "big") {
      for (int i = 0; i < 1024; ++i) link->send(std::string(1023, '.'));
    } else {
      link->send("echo " + line->text);
    }
  }
}

struct EchoServer : Loopback {
  explicit EchoServer(wire::ServerOptions options = {}, wire::Server::Handler handler = echo)
      : server(io.get_executor(), {asio::ip::address_v4::loopback(), 0}, std::move(options), std::move(handler)) {
    asio::co_spawn(io, server.run(), [this](std::exception_ptr) { stopped = true; });
  }
  ~EchoServer() { io.stop(); }
  wire::Server server;
  bool stopped = false;
};

inline wire::awaitable<LineLink> connect(EchoServer& s, asio::ssl::context* tls = nullptr) {
  auto stream = co_await wire::connect("127.0.0.1", s.server.port(), tls);
  REQUIRE(stream);
  co_return LineLink(std::move(*stream), lines::Connection());
}

inline std::string text_of(const std::optional<lines::Event>& event) {
  REQUIRE(event);
  REQUIRE(std::holds_alternative<lines::Line>(*event));
  return std::get<lines::Line>(*event).text;
}

inline wire::awaitable<void> until_live(EchoServer& s, std::size_t connections) {
  const auto reached = [&] { return s.server.live() == connections; };
  co_await until(reached);
}
inline wire::awaitable<void> until_stopped(EchoServer& s) {
  const auto stopped = [&] { return s.stopped; };
  co_await until(stopped);
}
