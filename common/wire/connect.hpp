// How a client gets its connection: name to addresses, TCP, TLS.
#pragma once
#include "wire/stream.hpp"

#include <expected>
#include <string>

namespace wire {

// Which step failed matters to whoever must mend it.
struct ConnectError {
  enum class Step { resolve, connect, tls };
  Step step{};
  asio::error_code code;
};
std::string to_string(const ConnectError& error);

// Tries the addresses of `host` (a name or an address) in turn. `tls`: nullptr for plain TCP. `limit` is for each of
// the steps: 10 s is longer than any server that is there needs.
awaitable<std::expected<Stream, ConnectError>> connect(std::string host, std::uint16_t port,
                                                       asio::ssl::context* tls = nullptr,
                                                       Clock::duration limit = std::chrono::seconds(10));

}  // namespace wire
