// The accept loop: takes connections, a limited number at a time, gives each to a coroutine, and stops gracefully.
#pragma once
#include "wire/link.hpp"

#include <functional>

namespace wire {

struct ServerOptions {
  std::size_t max_connections = 10'000;                  // more wait in the kernel's backlog, unaccepted
  Clock::duration handshake = std::chrono::seconds(10);  // TLS must be done by then
  Clock::duration grace = std::chrono::seconds(5);       // from stop() to the end of those still talking
  asio::ssl::context* tls = nullptr;                     // must outlive the server; nullptr: plain TCP
  LinkOptions link;                                      // for each connection; the roster is the server's
};

class Server {
 public:
  // Serves one connection: make a Link of the two, and loop around its next().
  using Handler = std::function<awaitable<void>(Stream, LinkOptions)>;

  // Listens at once. Throws std::system_error where it cannot.
  Server(Executor executor, const Tcp::endpoint& where, ServerOptions options, Handler handler);

  // Accepts until stop(), then waits until every connection is over.
  awaitable<void> run();
  void stop();

  std::uint16_t port() const { return port_; }
  std::size_t live() const { return live_; }

 private:
  void begin(Stream stream);
  awaitable<void> serve_in_tls(Stream stream);
  awaitable<void> pause(Clock::duration length);

  TcpAcceptor acceptor_;
  std::uint16_t port_;
  Timer changed_;  // as in Link: cancelled to wake run()
  ServerOptions options_;
  Handler handler_;
  std::size_t live_ = 0;
  bool stopping_ = false;
};

}  // namespace wire
