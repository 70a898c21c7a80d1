// websocket-server: greets whoever says a name, as the tutorial's server does; or echoes; or is a chat room.
#include "websocket/room.hpp"
#include "wire/program.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace {

using websocket::Agreement;
using websocket::Event;
using websocket::Link;
using websocket::Message;
using websocket::Opcode;

// region greet
wire::awaitable<void> greet(Link& link, const Agreement&) {
  for (;;) {
    const std::optional<Event> event = co_await link.next();
    if (!event) break;
    const auto* message = std::get_if<Message>(&*event);
    if (message && message->type == Opcode::text) link->send("Hello, " + wire::as_string(message->payload));
    if (message && message->type == Opcode::binary) link->close(1003, "a name is text");  // RFC 6455 §7.4.1
  }
}
// endregion

// region echo
// Sends every message back while it comes, in pieces: of any length, in constant memory.
wire::awaitable<void> echo(Link& link, const Agreement&) {
  for (;;) {
    const std::optional<Event> event = co_await link.next();
    if (!event) break;
    const auto* message = std::get_if<Message>(&*event);
    if (message) link->send_piece(message->type, message->payload, message->ends);
  }
}
// endregion

// Where messages are kept until they are whole, and in a chat told to everyone, this many bytes are enough. 16 KiB can
// unfold into 16 MiB, and a thousand peers may each leave such a message unfinished.
constexpr std::uint64_t longest_in_memory = 64 << 10;

wire::awaitable<void> show_chat_page(http1::Exchange& exchange) {
  exchange.respond({200, {}, 1, {{"Content-Type", "text/html; charset=utf-8"}}}, websocket::chat_page);
  co_return;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A WebSocket server: greets whoever says a name");
  wire::ProgramOptions program;
  program.port = 8765;
  program.add_address_to(app);
  program.add_tls_to(app);
  program.add_to(app);
  bool echoes = false, chats = false, no_deflate = false;
  websocket::EndpointOptions endpoint_options;
  auto& [policy, limits, backlog] = endpoint_options;
  auto* echo_flag = app.add_flag("--echo", echoes, "Send every message back instead");
  app.add_flag("--chat", chats, "Be a chat room instead, at /chat, with a page for browsers at /")->excludes(echo_flag);
  app.add_option("--origin", policy.origins, "Let web pages of this origin connect, besides our own; \"*\": of any")
      ->type_name("ORIGIN");
  app.add_option("--subprotocol", policy.subprotocols, "A subprotocol to agree to")->type_name("NAME");
  app.add_flag("--no-deflate", no_deflate, "Do not compress messages");
  auto* longest = app.add_option("--max-message", limits.message, "Bytes of a message; more are refused with 1009");
  longest->default_str(fmt::format("{}, with --echo {}", longest_in_memory, limits.message));
  wire::ServerOptions options;
  wire::add_limits_to(app, options);
  wire::add_seconds(app, "--ping-after", limits.ping_after, "Without a sign of life, then a Ping is sent");
  wire::add_seconds(app, "--pong-time", limits.pong_time, "For a sign of life after that");
  CLI11_PARSE(app, argc, argv);
  if (no_deflate) policy.deflate.reset();
  limits.in_pieces = echoes;
  if (!echoes && longest->count() == 0) limits.message = longest_in_memory;

  if (chats) backlog = 1 << 20;  // of what others said, which nobody in the room has asked for
  websocket::Room room;
  const auto enter = std::bind_front(&websocket::Room::enter, &room);
  websocket::Endpoint endpoint(chats ? websocket::Endpoint::Handler(enter) : echoes ? echo : greet, endpoint_options);
  http1::Server server;
  server.route("GET", chats ? "/chat" : "/*", endpoint.handler());
  if (chats) server.route("GET", "/", show_chat_page);
  return wire::run_server(program, options, server.handler());
}
