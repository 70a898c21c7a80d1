// http1-server: static files, and two routes for the labs.
#include "http1/files.hpp"
#include "wire/program.hpp"

#include <CLI/CLI.hpp>

#include <optional>

namespace {

// region hello
wire::awaitable<void> hello(http1::Exchange& exchange) {
  http1::Response response;
  response.fields.add("Content-Type", "text/plain");
  exchange.respond(std::move(response), "Hello, World!");
  co_return;
}
// endregion

// region echo
// Sends the content back while it comes: any amount of it, in constant memory.
wire::awaitable<void> echo(http1::Exchange& exchange) {
  http1::Response response;
  const std::string* type = exchange.request().fields.find("Content-Type");
  response.fields.add("Content-Type", type ? *type : "application/octet-stream");
  const std::string* length = exchange.request().fields.find("Content-Length");
  if (length) response.fields.add("Content-Length", *length);

  wire::Result<wire::Buffer> piece = co_await exchange.read();  // before the answer: it may ask for the content first
  if (!piece) co_return;
  exchange.start(std::move(response));
  while (piece && !piece->empty()) {
    const bool alive = co_await exchange.write(*piece);
    if (!alive) co_return;
    piece = co_await exchange.read();
  }
  if (piece) exchange.finish();
}
// endregion

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("An HTTP/1.1 server: static files, GET /hello, POST /echo");
  wire::ProgramOptions program;
  program.port = 8080;
  program.add_address_to(app);
  program.add_tls_to(app);
  program.add_to(app);
  std::string root;
  app.add_option("--root", root, "Serve the files below this folder")->type_name("DIR")->check(CLI::ExistingDirectory);
  wire::ServerOptions options;
  wire::add_limits_to(app, options);
  http1::Limits limits;
  app.add_option("--max-content", limits.content, "Bytes of content in a request; more is refused with 413");
  wire::add_seconds(app, "--idle-time", limits.idle_time, "Between two exchanges");
  wire::add_seconds(app, "--head-time", limits.head_time, "For a whole head, however slowly it comes");
  wire::add_seconds(app, "--content-time", limits.content_time, "Between two pieces of content");
  CLI11_PARSE(app, argc, argv);

  http1::Server server(limits);
  server.route("GET", "/hello", hello);
  server.route("POST", "/echo", echo);
  server.route("PUT", "/echo", echo);
  std::optional<http1::Files> files;
  if (!root.empty()) server.route("GET", "/*", std::bind_front(&http1::Files::serve, &files.emplace(root)));
  return wire::run_server(program, options, server.handler());
}
