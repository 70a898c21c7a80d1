// What all our programs have in common: their options, and how they start and stop.
#pragma once
#include "wire/server.hpp"

#include <asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace wire {

struct ProgramOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  bool trace = false;
  std::string pcap;
  bool tls = false;
  std::string certificate, key;

  void add_to(CLI::App& app);                   // --trace, --pcap
  void add_address_to(CLI::App& app);           // --host, --port
  void add_tls_to(CLI::App& app);               // --tls, --cert, --key: for servers
  std::unique_ptr<Tracer> make_tracer() const;  // nullptr where nobody watches
};

// An option in seconds, fractions allowed: CLI11 knows no durations.
void add_seconds(CLI::App& app, const std::string& name, Clock::duration& value, const std::string& help);

// What bounds any of our servers: --max-connections, and --handshake-time, --silence and --grace in seconds.
void add_limits_to(CLI::App& app, ServerOptions& options);

// Runs a server until SIGINT or SIGTERM, then stops it gracefully; a second signal ends it at once. Prints "listening
// on HOST:PORT" when it is ready. Returns the exit code.
int run_server(const ProgramOptions& program, ServerOptions options, const Server::Handler& handler);

// Runs one coroutine, for a client; its result is the exit code.
int run_client(asio::io_context& io, awaitable<int> conversation);

}  // namespace wire
