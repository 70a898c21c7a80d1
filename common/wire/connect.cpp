#include "wire/connect.hpp"

#include <asio/connect.hpp>
#include <asio/steady_timer.hpp>

namespace wire {

std::string to_string(const ConnectError& error) {
  constexpr const char* steps[] = {"could not find the host", "could not connect", "TLS handshake failed"};
  return std::string(steps[static_cast<int>(error.step)]) + ": " + error.code.message();
}

asio::awaitable<std::expected<Stream, ConnectError>> connect(std::string host, std::uint16_t port,
                                                             asio::ssl::context* tls, Clock::duration limit) {
  using Step = ConnectError::Step;
  const auto executor = co_await asio::this_coro::executor;
  Tcp::resolver resolver(executor);
  Tcp::socket socket(executor);
  bool late = false;
  asio::steady_timer deadline(executor, limit);
  const auto on_deadline = [&](asio::error_code ec) {
    if (ec) return;
    late = true;
    resolver.cancel();
    asio::error_code ignored;
    socket.close(ignored);
  };
  deadline.async_wait(on_deadline);
  const std::string service = std::to_string(port);
  auto [unresolved, addresses] = co_await resolver.async_resolve(host, service, nothrow);
  if (late) unresolved = asio::error::timed_out;
  if (unresolved) co_return std::unexpected(ConnectError{Step::resolve, unresolved});

  deadline.expires_after(limit);
  deadline.async_wait(on_deadline);
  auto [refused, endpoint] = co_await asio::async_connect(socket, addresses, nothrow);
  deadline.cancel();
  if (late) refused = asio::error::timed_out;
  if (refused) co_return std::unexpected(ConnectError{Step::connect, refused});

  Stream stream(std::move(socket), Side::client);
  if (tls) {
    const asio::error_code distrusted = co_await stream.start_tls(*tls, host, limit);
    if (distrusted) co_return std::unexpected(ConnectError{Step::tls, distrusted});
  }
  co_return std::expected<Stream, ConnectError>(std::move(stream));
}

}  // namespace wire
