#include "wire/program.hpp"

#include "wire/tls.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <asio/co_spawn.hpp>
#include <asio/signal_set.hpp>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace wire {

void ProgramOptions::add_to(CLI::App& app) {
  app.add_flag("--trace", trace, "Explain every byte, in both directions, as it passes");
  app.add_option("--pcap", pcap, "Write what was said to this file, for Wireshark")->type_name("FILE");
}

void ProgramOptions::add_address_to(CLI::App& app) {
  app.add_option("--host", host, "Address to listen on")->capture_default_str();
  app.add_option("--port", port, "Port to listen on; 0 picks a free one")->capture_default_str();
}

void ProgramOptions::add_tls_to(CLI::App& app) {
  auto* tls_flag = app.add_flag("--tls", tls, "Speak TLS, with a certificate made for this run unless one is given");
  auto* cert = app.add_option("--cert", certificate, "Certificate chain (PEM); made if it does not exist yet");
  auto* private_key = app.add_option("--key", key, "Its key (PEM)");
  cert->type_name("FILE")->needs(tls_flag)->needs(private_key);
  private_key->type_name("FILE")->needs(cert);
}

std::unique_ptr<Tracer> ProgramOptions::make_tracer() const {
  if (!trace && pcap.empty()) return nullptr;
  return std::make_unique<Tracer>(trace ? stdout : nullptr, pcap.empty() ? nullptr : std::make_unique<Pcap>(pcap));
}

void add_seconds(CLI::App& app, const std::string& name, Clock::duration& value, const std::string& help) {
  const auto set = [&value](double seconds) {
    value = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  };
  const std::chrono::duration<double> usual = value;
  app.add_option_function<double>(name, set, help)
      ->type_name("SECONDS")
      ->default_str(fmt::format("{}", usual.count()))
      ->check(CLI::Range(0.001, 1e6));
}

void add_limits_to(CLI::App& app, ServerOptions& options) {
  app.add_option("--max-connections", options.max_connections, "More wait to be accepted")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_seconds(app, "--handshake-time", options.handshake, "For the TLS handshake");
  add_seconds(app, "--silence", options.link.silence, "Without a byte in either direction, then hang up");
  add_seconds(app, "--grace", options.grace, "From SIGTERM to the end of those still talking");
}

namespace {

// One connection is one file descriptor, and the usual limit of 1,024 is only the soft one.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// By default glibc gives memory back to the system as soon as 128 KiB of it are free at the end of the heap; a server
// whose messages come and go would ask for it again a moment later, page by page, each of them cleared first.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
#endif
}

}  // namespace

int run_server(const ProgramOptions& program, ServerOptions options, const Server::Handler& handler) try {
  raise_descriptor_limit();
  keep_freed_memory();
  const std::unique_ptr<Tracer> tracer = program.make_tracer();  // outlives the connections, which end with io
  asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE);             // one thread, so no locks
  std::optional<asio::ssl::context> tls;
  if (program.tls) tls = server_tls(program.certificate, program.key);
  options.tls = tls ? &*tls : nullptr;
  options.link.tracer = tracer.get();
  const Tcp::endpoint where(asio::ip::make_address(program.host), program.port);
  Server server(io.get_executor(), where, std::move(options), handler);

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](asio::error_code ec, int) {
    if (ec) return;
    server.stop();
    signals.async_wait([&](asio::error_code again, int) {
      if (!again) io.stop();
    });
  });
  std::exception_ptr failed;
  asio::co_spawn(io, server.run(), [&](std::exception_ptr e) {
    failed = e;
    io.stop();
  });
  const bool v6 = where.address().is_v6();
  fmt::print("listening on {}{}{}:{}\n", v6 ? "[" : "", program.host, v6 ? "]" : "", server.port());
  std::fflush(stdout);
  io.run();
  if (failed) std::rethrow_exception(failed);
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "{}:{}: {}\n", program.host, program.port, e.what());
  return 1;
}

int run_client(asio::io_context& io, awaitable<int> conversation) {
  int exit_code = 1;
  asio::co_spawn(io, std::move(conversation), [&](std::exception_ptr e, int result) {
    if (e) std::rethrow_exception(e);
    exit_code = result;
    io.stop();
  });
  io.run();
  return exit_code;
}

}  // namespace wire
