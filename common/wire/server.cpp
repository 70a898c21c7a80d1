#include "wire/server.hpp"

#include <fmt/format.h>
#include <asio/co_spawn.hpp>

namespace wire {

Server::Server(Executor executor, const Tcp::endpoint& where, ServerOptions options, Handler handler)
    : acceptor_(executor, where), port_(acceptor_.local_endpoint().port()), changed_(executor, Time::max()),
      options_(std::move(options)), handler_(std::move(handler)) {
  options_.link.roster = std::make_shared<Roster>();
}

awaitable<void> Server::run() {
  while (!stopping_) {
    if (live_ >= options_.max_connections) {
      co_await changed_.async_wait(nothrow);
      continue;
    }
    auto [ec, socket] = co_await acceptor_.async_accept(nothrow);
    if (stopping_) break;
    if (ec) {  // most often there is no file descriptor left: those that hold them must finish first
      fmt::print(stderr, "accept: {}\n", ec.message());
      co_await pause(std::chrono::milliseconds(100));
      continue;
    }
    begin(Stream(std::move(socket), Side::server));
  }
  options_.link.roster->stop();
  Timer grace(acceptor_.get_executor(), options_.grace);
  grace.async_wait([roster = options_.link.roster](asio::error_code ec) {
    if (!ec) roster->abort();
  });
  const Time give_up = Clock::now() + 2 * options_.grace;  // a handler that waits for something else than its link
  while (live_ > 0 && Clock::now() < give_up) {
    changed_.expires_at(give_up);
    co_await changed_.async_wait(nothrow);
  }
}

void Server::stop() {
  stopping_ = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  changed_.cancel();
}

void Server::begin(Stream stream) {
  ++live_;
  const auto over = [this](std::exception_ptr failed) {
    report_failure(failed);  // a bug in one conversation must not end the others
    --live_;
    changed_.cancel();
  };
  // A frame that is not needed is not made: it would stay for as long as the connection.
  auto conversation = options_.tls ? serve_in_tls(std::move(stream)) : handler_(std::move(stream), options_.link);
  asio::co_spawn(acceptor_.get_executor(), std::move(conversation), over);
}

awaitable<void> Server::serve_in_tls(Stream stream) {
  const std::string no_name;  // only a client knows whom it expects
  const asio::error_code failed = co_await stream.start_tls(*options_.tls, no_name, options_.handshake);
  if (!failed) co_await handler_(std::move(stream), options_.link);
}

awaitable<void> Server::pause(Clock::duration length) {
  Timer timer(acceptor_.get_executor(), length);
  co_await timer.async_wait(nothrow);
}

}  // namespace wire
