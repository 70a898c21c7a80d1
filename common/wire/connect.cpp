#include "wire/connect.hpp"

#include <asio/connect.hpp>

namespace wire {

std::string to_string(const ConnectError& error) {
  constexpr const char* steps[] = {"could not find the host", "could not connect", "TLS handshake failed"};
  return std::string(steps[static_cast<int>(error.step)]) + ": " + error.code.message();
}

awaitable<std::expected<Stream, ConnectError>> connect(std::string host, std::uint16_t port, asio::ssl::context* tls,
                                                       Clock::duration limit) {
  using Step = ConnectError::Step;
  const auto executor = co_await asio::this_coro::executor;
  TcpResolver resolver(executor);
  TcpSocket socket(executor);
  const std::string service = std::to_string(port);
  const auto stop_resolving = [&] { resolver.cancel(); };
  const Deadline resolved(executor, limit, stop_resolving);
  auto [unresolved, addresses] = co_await resolver.async_resolve(host, service, nothrow);
  if (resolved.passed()) unresolved = asio::error::timed_out;
  if (unresolved) co_return std::unexpected(ConnectError{Step::resolve, unresolved});

  const auto stop_connecting = [&] { socket.close(); };
  const Deadline connected(executor, limit, stop_connecting);
  auto [refused, endpoint] = co_await asio::async_connect(socket, addresses, nothrow);
  if (connected.passed()) refused = asio::error::timed_out;
  if (refused) co_return std::unexpected(ConnectError{Step::connect, refused});

  Stream stream(std::move(socket), Side::client);
  if (tls) {
    const asio::error_code distrusted = co_await stream.start_tls(*tls, host, limit);
    if (distrusted) co_return std::unexpected(ConnectError{Step::tls, distrusted});
  }
  co_return std::expected<Stream, ConnectError>(std::move(stream));
}

}  // namespace wire
