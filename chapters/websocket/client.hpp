// A WebSocket client to build upon.
//
//     auto opened = co_await websocket::open("ws://127.0.0.1:8765/");
//     if (!opened) ...                                      opened.error() says what is wrong
//     websocket::Link& link = opened->link;
//     link->send("WebSocket");
//     auto message = co_await link.expect<websocket::Message>();
//     co_await link.finish();
//
// A Ping or a Pong is an event, too, and after some silence one comes: who waits for longer loops around next().
#pragma once
#include "http1/client.hpp"
#include "websocket/connection.hpp"
#include "websocket/handshake.hpp"

namespace websocket {

using Link = wire::Link<Connection>;

// What makes every connection different (RFC 6455 §4.1, §5.3): both must be unpredictable, but in examples.
struct Keys {
  std::string (*handshake)();
  MaskingKey (*masking)();
};
extern const Keys random_keys;
extern const Keys example_keys;  // those of RFC 6455 §1.2 and §5.7, always the same

struct ClientOptions {
  Offer offer;
  Limits limits;
  wire::LinkOptions link;
  Keys keys = random_keys;
  asio::ssl::context* tls = nullptr;  // for wss: whom to trust; must outlive the connection
};

struct Opened {
  Link link;
  Agreement agreement;
};

// Connects and shakes hands. Errors are for a person: no such host, no connection, or what the server did wrong.
// UsageError: wss without ClientOptions::tls.
wire::awaitable<wire::Result<Opened>> open(std::string url, ClientOptions options = {});

}  // namespace websocket
