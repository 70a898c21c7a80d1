// A TCP connection, in the clear or inside TLS: what the drivers read from and write to.
//
// One thread runs everything (asio::io_context), so there are no locks: between two co_awaits nothing else moves.
#pragma once
#include "wire/tracer.hpp"

#include <asio/awaitable.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace wire {

// One io_context runs everything. To name its executor's type, where Asio would take any executor, saves a tenth of the
// instructions of a small request, and a sixth of an idle connection's memory.
using Executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, Executor>;
constexpr asio::use_awaitable_t<Executor> use_awaitable;
// auto [ec, n] = co_await socket.async_something(..., nothrow);
constexpr auto nothrow = asio::experimental::as_tuple(use_awaitable);

using Tcp = asio::ip::tcp;
using TcpSocket = asio::basic_stream_socket<Tcp, Executor>;
using TcpAcceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using TcpResolver = asio::ip::basic_resolver<Tcp, Executor>;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

template <class Endpoint>
Peer to_peer(const Endpoint& endpoint) {
  const auto address = endpoint.address();
  const auto v6 = address.is_v6() ? address.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
  return {v6.to_bytes(), endpoint.port()};
}

// Calls `on_late` when the time is over, if this still exists then. (A timer alone is not enough: its handler may be
// on its way already when it is cancelled.)
class Deadline {
 public:
  Deadline(Executor executor, Clock::duration limit, std::function<void()> on_late);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  bool passed() const { return state_->passed; }

 private:
  struct State {
    Timer timer;
    std::function<void()> on_late;
    bool passed = false;
  };
  std::shared_ptr<State> state_;
};

class Stream {
 public:
  Stream(TcpSocket socket, Side we_are);

  // From here on, TLS. A client's `host` is sent as SNI and must be in the server's certificate. Not done by the
  // deadline: timed_out. Also in mid-stream (STARTTLS): nothing may be pending, and no plaintext may be left unread.
  awaitable<asio::error_code> start_tls(asio::ssl::context& context, std::string host, Clock::duration limit);

  // handler(error_code, Bytes): what has arrived, or in the clear maybe nothing yet; the bytes are gone when the
  // handler returns. It may be called at once. One at a time.
  template <class Handler>
  void async_receive(Handler handler);

  // Writes as much as goes without waiting; returns what is left.
  Bytes send_some(Bytes bytes, asio::error_code& ec);
  // handler(error_code): all bytes are written. They must stay where they are until then. One at a time.
  template <class Handler>
  void async_send(Bytes bytes, Handler handler);

  // TLS's goodbye, close_notify: tells the peer that nothing was cut off. handler() when the peer has answered.
  template <class Handler>
  void async_goodbye(Handler handler);
  void shutdown_send();  // TCP's goodbye: FIN
  void close();

  // What stays with the connection when another protocol takes it over: who watches it, and the bytes that the last
  // protocol has read too far, which the next one is given first.
  void watch(std::unique_ptr<Observer> observer) { observer_ = std::move(observer); }
  Observer* observer() const { return observer_.get(); }
  void put_back(Bytes bytes) { put_back_.assign(bytes.begin(), bytes.end()); }
  Buffer take_back() { return std::exchange(put_back_, {}); }

  TcpSocket& socket() { return tls_ ? tls_->stream.next_layer() : socket_; }
  Executor executor() { return socket().get_executor(); }
  Side we_are() const { return we_are_; }
  bool secure() const { return tls_ != nullptr; }
  SSL* ssl() { return tls_ ? tls_->stream.native_handle() : nullptr; }

 private:
  struct Tls {
    Tls(TcpSocket socket, asio::ssl::context& context) : stream(std::move(socket), context) {}
    asio::ssl::stream<TcpSocket> stream;
    std::array<std::uint8_t, 16 * 1024> chunk;  // the largest TLS record: RFC 8446 §5.1
  };

  // What is there, in the clear, read into a buffer that all connections share: one that waits for its peer owns none.
  // would_block: nothing is there.
  Bytes receive_now(asio::error_code& ec);

  TcpSocket socket_;  // moved into tls_ once that exists
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<Observer> observer_;
  Buffer put_back_;
  Side we_are_;
};

template <class Handler>
void Stream::async_receive(Handler handler) {
  if (tls_) {
    auto done = [this, handler = std::move(handler)](asio::error_code ec, std::size_t n) mutable {
      handler(ec, Bytes(tls_->chunk).first(n));
    };
    tls_->stream.async_read_some(asio::buffer(tls_->chunk), std::move(done));
    return;
  }
  asio::error_code ec;
  const Bytes here = receive_now(ec);
  if (ec != asio::error::would_block) return handler(ec, here);
  auto readable = [this, handler = std::move(handler)](asio::error_code failed) mutable {
    const Bytes bytes = failed ? Bytes() : receive_now(failed);
    handler(failed == asio::error::would_block ? asio::error_code() : failed, bytes);
  };
  socket_.async_wait(TcpSocket::wait_read, std::move(readable));
}

template <class Handler>
void Stream::async_send(Bytes bytes, Handler handler) {
  auto done = [handler = std::move(handler)](asio::error_code ec, std::size_t) mutable { handler(ec); };
  if (tls_) asio::async_write(tls_->stream, asio::buffer(bytes.data(), bytes.size()), std::move(done));
  else asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), std::move(done));
}

template <class Handler>
void Stream::async_goodbye(Handler handler) {
  if (!tls_) return handler();
  tls_->stream.async_shutdown([handler = std::move(handler)](asio::error_code) mutable { handler(); });
}

}  // namespace wire
