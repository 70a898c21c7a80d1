// A WebSocket server to build upon: an endpoint that is one of the routes of an HTTP server. A handler is a coroutine
// that is given one connection.
//
//     wire::awaitable<void> greet(websocket::Link& link, const websocket::Agreement&) {
//       for (;;) {
//         auto event = co_await link.next();
//         if (!event) break;
//         if (auto* message = std::get_if<websocket::Message>(&*event)) link->send(...);
//       }
//     }
//     websocket::Endpoint endpoint(greet);
//     http1::Server server;
//     server.route("GET", "/greet", endpoint.handler());
//
// Only next() reads, and so answers Pings. Whoever has something to say meanwhile, from another coroutine, uses
// link.deliver(), as long as the handler has not returned: see room.cpp.
//
// When the handler returns, the connection is closed: normally, or with 1011 where it has thrown.
#pragma once
#include "http1/server.hpp"
#include "websocket/connection.hpp"
#include "websocket/handshake.hpp"

#include <functional>

namespace websocket {

using Link = wire::Link<Connection>;

struct EndpointOptions {
  Policy policy;
  Limits limits;
  std::size_t backlog = 16 << 20;  // bytes that may wait for a slow listener; more, and the listener is cut off
};

class Endpoint {
 public:
  using Handler = std::function<wire::awaitable<void>(Link&, const Agreement&)>;

  explicit Endpoint(Handler handler, EndpointOptions options = {})
      : handler_(std::move(handler)), options_(std::move(options)) {}

  // For http1::Server::route. This Endpoint must outlive the server.
  http1::Server::Handler handler();

 private:
  wire::awaitable<void> shake_hands(http1::Exchange& exchange);
  wire::awaitable<void> converse(const Agreement& agreement, wire::Stream stream, wire::LinkOptions options);

  Handler handler_;
  EndpointOptions options_;
};

}  // namespace websocket
