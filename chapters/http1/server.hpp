// An HTTP/1.1 server to build upon: routes with handlers. A handler is a coroutine that is given one Exchange.
//
//     wire::awaitable<void> hello(http1::Exchange& exchange) {
//       exchange.respond({.fields = {{"Content-Type", "text/plain"}}}, "Hello, World!");
//       co_return;
//     }
//     http1::Server server;
//     server.route("GET", "/hello", hello);
//     return wire::run_server(options, {}, server.handler());
//
// The server adds Date and Server, answers HEAD by GET's handler without its content, OPTIONS and unknown methods by
// itself (405 with Allow, 501), 404 where there is no route, and 500 where a handler throws.
#pragma once
#include "http1/connection.hpp"
#include "wire/link.hpp"
#include "wire/server.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace http1 {

using Link = wire::Link<Connection>;

// One request and the way to answer it. Content streams in both directions: nothing is kept but the piece in hand,
// and who is slow slows the other down.
class Exchange {
 public:
  Exchange(Link& link, Request request) : link_(link), request_(std::move(request)) {}

  const Request& request() const { return request_; }
  const Target& target() const { return link_->target(); }

  // The next piece of the request's content; an empty one: that was all, or the answer is finished. An Error: the peer
  // is gone or broke a rule, and has had its answer; the handler can only return. Sends 100 (Continue) if the client
  // waits for it.
  wire::awaitable<wire::Result<wire::Buffer>> read();
  // All of it, but at most `limit` bytes. An Error with wire_code 413 where there is more: not answered yet.
  wire::awaitable<wire::Result<std::string>> read_all(std::size_t limit = 1 << 20);

  // The whole answer at once.
  void respond(Response response, std::string_view content = {});
  // A short text for a person, with this status.
  void respond_error(int status, Fields fields = {});

  // Or piece by piece: start(), write() as often as needed, finish(). write() waits until the peer has room; false:
  // it is gone.
  void start(Response response);
  wire::awaitable<bool> write(wire::Bytes piece);
  void finish(const Fields& trailers = {});

  // Ends HTTP on this connection: sends the 101 response, and when the handler has returned, `successor` serves the
  // connection, as if it had been accepted for that protocol. The request must have ended. The successor must know what
  // it needs of the request: nothing of HTTP is kept for it, since such connections live long and are many.
  void upgrade(Response switching_protocols, wire::Server::Handler successor);

  bool gone() const { return link_.over() || link_->closed(); }  // nobody listens any more; answers vanish
  bool answered() const { return started_; }
  wire::Server::Handler take_successor() { return std::move(successor_); }  // nullptr: HTTP goes on

 private:
  Link& link_;
  Request request_;
  bool received_all_ = false;
  bool started_ = false;
  bool finished_ = false;
  wire::Server::Handler successor_;
};

class Server {
 public:
  using Handler = std::function<wire::awaitable<void>(Exchange&)>;

  explicit Server(const Limits& limits = {}) : limits_(limits) {}

  // `path`: "/exact", or "/below/*" for all that begins with "/below/". The longest match wins, whatever the order.
  void route(std::string method, std::string path, Handler handler);

  // For wire::Server. This Server must outlive it.
  wire::Server::Handler handler();

 private:
  struct Route {
    std::string method, path;
    Handler handler;
  };

  // Who serves the connection after HTTP; nullptr: nobody.
  struct Successor {
    wire::Server::Handler serve;
    wire::Stream stream;
  };

  wire::awaitable<void> serve(wire::Stream stream, wire::LinkOptions options);
  wire::awaitable<std::unique_ptr<Successor>> serve_http(wire::Stream stream, wire::LinkOptions options);
  const Handler* find(Exchange& exchange) const;  // nullptr: it is answered already

  std::vector<Route> routes_;
  Limits limits_;
};

}  // namespace http1
