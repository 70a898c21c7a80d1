// Runs a test's coroutines on one io_context, with a deadline instead of a hang.
#pragma once
#include "support/catch.hpp"
#include "wire/connect.hpp"
#include "wire/server.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <functional>

// What a test waits for must happen within this; it is long, for machines are slow when they are busy.
constexpr auto patience = std::chrono::seconds(20);

struct Loopback {
  asio::io_context io{1};

  // Runs until the coroutine is done; rethrows what it throws.
  void run(wire::awaitable<void> test) {
    bool done = false;
    std::exception_ptr failed;
    asio::co_spawn(io, std::move(test), [&](std::exception_ptr e) {
      failed = e;
      done = true;
      io.stop();
    });
    io.restart();
    io.run_for(patience);
    if (failed) std::rethrow_exception(failed);
    REQUIRE(done);
  }
};

// Waits until the condition holds, or fails the test.
inline wire::awaitable<void> until(std::function<bool()> condition) {
  const auto executor = co_await asio::this_coro::executor;
  const auto give_up = wire::Clock::now() + patience;
  wire::Timer timer(executor);
  while (!condition()) {
    if (wire::Clock::now() > give_up) FAIL("waited in vain");
    timer.expires_after(std::chrono::milliseconds(1));
    co_await timer.async_wait(wire::nothrow);
  }
}

// A plain socket, for a peer that does not play by the rules.
inline wire::awaitable<wire::TcpSocket> raw_connection(std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  wire::TcpSocket socket(executor);
  const wire::Tcp::endpoint where(asio::ip::address_v4::loopback(), port);
  co_await socket.async_connect(where, wire::use_awaitable);
  co_return socket;
}

// Everything until the peer hangs up.
inline wire::awaitable<std::string> read_to_end(wire::TcpSocket& socket) {
  std::string all;
  std::array<char, 64 * 1024> chunk;
  for (;;) {
    auto [ec, n] = co_await socket.async_read_some(asio::buffer(chunk), wire::nothrow);
    all.append(chunk.data(), n);
    if (ec) break;
  }
  co_return all;
}

inline wire::awaitable<void> write_all(wire::TcpSocket& socket, std::string_view text) {
  co_await asio::async_write(socket, asio::buffer(text), wire::nothrow);
}
