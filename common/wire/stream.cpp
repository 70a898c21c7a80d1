#include "wire/stream.hpp"

#include <algorithm>

namespace wire {

Deadline::Deadline(Executor executor, Clock::duration limit, std::function<void()> on_late)
    : state_(new State{Timer(executor, limit), std::move(on_late)}) {
  state_->timer.async_wait([state = state_](asio::error_code ec) {
    if (ec || !state->on_late) return;
    state->passed = true;
    state->on_late();
  });
}

Deadline::~Deadline() {
  state_->on_late = nullptr;
  state_->timer.cancel();
}

Stream::Stream(TcpSocket socket, Side we_are) : socket_(std::move(socket)), we_are_(we_are) {
  asio::error_code ignored;                          // a peer that is gone already shows itself at the first read
  socket_.set_option(Tcp::no_delay(true), ignored);  // we write whole batches; Nagle's algorithm would only delay them
  socket_.non_blocking(true, ignored);
}

Bytes Stream::receive_now(asio::error_code& ec) {
  // Half of it makes large messages cost a third more; twice of it gains nothing.
  static thread_local std::array<std::uint8_t, 128 * 1024> chunk;
  const std::size_t n = socket_.read_some(asio::buffer(chunk), ec);
  return Bytes(chunk).first(n);
}

awaitable<asio::error_code> Stream::start_tls(asio::ssl::context& context, std::string host, Clock::duration limit) {
  tls_ = std::make_unique<Tls>(std::move(socket_), context);
  const bool client = we_are_ == Side::client;
  if (client) {
    tls_->stream.set_verify_callback(asio::ssl::host_name_verification(host));
    asio::error_code not_a_name;
    asio::ip::make_address(host, not_a_name);  // SNI carries names, never addresses: RFC 6066 §3
    if (not_a_name) SSL_set_tlsext_host_name(ssl(), host.c_str());
  }
  const auto give_up = [this] { close(); };
  const Deadline deadline(executor(), limit, give_up);
  const auto role = client ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
  auto [ec] = co_await tls_->stream.async_handshake(role, nothrow);
  if (deadline.passed()) ec = asio::error::timed_out;
  co_return ec;
}

Bytes Stream::send_some(Bytes bytes, asio::error_code& ec) {
  if (tls_) return bytes;
  const std::size_t n = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ec);
  if (ec == asio::error::would_block) ec = {};
  return bytes.subspan(n);
}

void Stream::shutdown_send() {
  asio::error_code ignored;
  socket().shutdown(asio::socket_base::shutdown_send, ignored);
}

void Stream::close() {
  asio::error_code ignored;
  socket().close(ignored);
}

}  // namespace wire
