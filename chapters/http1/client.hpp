// An HTTP/1.1 client to build upon: one connection to one server, any number of exchanges, one after the other.
//
//     auto stream = co_await wire::connect("127.0.0.1", 8080);
//     http1::Client client(std::move(*stream));
//     auto response = co_await client.send({"GET", "/hello", 1, {{"Host", "127.0.0.1:8080"}}});
//     for (;;) {
//       auto piece = co_await client.read();          the content, piece by piece, as fast as we read it
//       if (!piece || piece->empty()) break;
//     }
#pragma once
#include "http1/connection.hpp"
#include "wire/connect.hpp"
#include "wire/link.hpp"

#include <functional>

namespace http1 {

class Client {
 public:
  // Where a request's content comes from: the next piece, empty at the end. Called when there is room for it.
  using Source = std::function<wire::Buffer()>;

  explicit Client(wire::Stream stream, const wire::LinkOptions& options = {}, const Limits& limits = {});
  ~Client();
  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) = delete;

  // Sends a request, and its content beside whatever else goes on; returns the head of the final response. Interim
  // responses are skipped. `source` needs a Content-Length or Transfer-Encoding among the fields; with `Expect:
  // 100-continue` it is not asked before the server said so, or kept silent for a second. One exchange at a time.
  wire::awaitable<wire::Result<Response>> send(const Request& request, Source source = {});

  // The next piece of the response's content; an empty one: that was all.
  wire::awaitable<wire::Result<wire::Buffer>> read();
  const Fields& trailers() const { return trailers_; }  // after the empty piece
  // After the empty piece: a good answer may come before the server has read all of the request. Waits until that is
  // sent, so that the server gets it, and the connection can be used again. False: it was cut off.
  wire::awaitable<bool> sent();

  // Something of an answer to the last request has come. Else the server may not even have seen it.
  bool answered() const;
  // After the empty piece: another request may be sent. A connection on which bytes wait that nobody asked for is not
  // reusable: they would be taken for the next answer (RFC 9112 §9.2). Nor is one that the server has closed.
  bool reusable();
  // Says goodbye to the server.
  wire::awaitable<void> finish();
  // After a 101 response: HTTP is over, and the connection is handed out to the next protocol.
  wire::awaitable<wire::Stream> upgrade();

 private:
  struct State;
  void begin_upload(Source source, bool wait);
  static wire::awaitable<void> upload(std::shared_ptr<State> state, Source source, bool wait);
  wire::awaitable<wire::Result<Event>> next();

  std::shared_ptr<State> state_;  // the upload shares it
  Fields trailers_;
};

}  // namespace http1
