// websocket-client: says every line of standard input, and shows what comes back, a line a message.
#include "websocket/client.hpp"
#include "wire/program.hpp"
#include "wire/standard_input.hpp"
#include "wire/tls.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <asio/co_spawn.hpp>
#include <asio/signal_set.hpp>

namespace {

using websocket::Closed;
using websocket::Connection;
using websocket::Event;
using websocket::Failed;
using websocket::Message;
using websocket::Opcode;

enum Exit { ok = 0, bad_usage = 2, not_opened = 3, ended_badly = 4 };

// A terminal obeys control characters, and the peer must not command it. They are shown as what they are: those of
// ASCII and, since the text is UTF-8, the others from U+0080 to U+009F.
std::string without_controls(std::string_view text, std::string_view kept = "") {
  std::string shown;
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool two_bytes = byte == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0;
    const bool control = two_bytes || byte < 0x20 || byte == 0x7f;
    const std::string_view character = text.substr(0, two_bytes ? 2 : 1);
    if (control && !kept.contains(character)) shown += wire::visible(wire::as_bytes(character));
    else shown += character;
    text.remove_prefix(character.size());
  }
  return shown;
}

int complain(Exit code, std::string_view what) {
  fmt::print(stderr, "websocket-client: {}\n", without_controls(what));
  return code;
}

struct Options {
  std::string url, ca_file;
  bool echo = false, binary = false;
  std::uint64_t count = 0;  // of messages to wait for; 0: any
  wire::Clock::duration linger = std::chrono::seconds(1);
};

class Conversation {
 public:
  Conversation(Options options, websocket::ClientOptions connection)
      : options_(std::move(options)), connection_(std::move(connection)) {}

  wire::awaitable<int> run() {
    wire::Result<websocket::Opened> opened = co_await websocket::open(options_.url, connection_);
    if (!opened) co_return complain(not_opened, opened.error().detail);
    websocket::Link& link = opened->link;
    const auto executor = link.stream().executor();
    asio::signal_set signals(executor, SIGINT, SIGTERM);
    signals.async_wait([&](asio::error_code ec, int) {
      if (ec) return;
      link.deliver(say_goodbye);
      signals.async_wait([&](asio::error_code again, int) {  // the server does not answer that, or not soon enough
        if (!again) link.abort();
      });
    });
    if (!opened->agreement.subprotocol.empty())
      fmt::print(stderr, "the subprotocol is {}\n", opened->agreement.subprotocol);
    if (isatty(STDIN_FILENO)) fmt::print(stderr, "connected; every line is a message, Ctrl-D ends\n");
    quiet_.emplace(executor);
    if (!options_.echo) asio::co_spawn(executor, say_lines(link), wire::report_failure);
    const int result = co_await listen(link);
    co_return result;
  }

 private:
  static void say_goodbye(Connection& connection) { connection.close(1000); }

  // region listen
  wire::awaitable<int> listen(websocket::Link& link) {
    std::optional<int> result;
    for (;;) {
      const std::optional<Event> event = co_await link.next();
      if (!event) break;
      if (const auto* message = std::get_if<Message>(&*event)) heard(link, *message);
      if (const auto* closed = std::get_if<Closed>(&*event)) result = show(closed->close);
      if (const auto* failed = std::get_if<Failed>(&*event)) result = complain(ended_badly, to_string(failed->error));
    }
    co_return result ? *result : complain(ended_badly, "the connection ended: " + link.why().message());
  }
  // endregion

  void heard(websocket::Link& link, const Message& message) {
    if (options_.echo) {
      link->send(message.type, message.payload);
      return;
    }
    const std::string_view text = wire::as_text(message.payload);
    if (message.type == Opcode::text && on_terminal_) fmt::print("{}\n", without_controls(text, "\n\t"));
    else if (message.type == Opcode::text) fmt::print("{}\n", text);
    else fmt::print("{} bytes: \"{}\"\n", message.payload.size(), wire::visible(message.payload));
    std::fflush(stdout);  // live, also into a pipe
    quiet_->expires_after(options_.linger);
    if (++heard_ == options_.count) say_goodbye(*link.operator->());
  }

  // What the server says at the end is no news where it is as it should be.
  static int show(const websocket::Close& close) {
    const bool normal = close.code == 1000 || close.code == 1001 || close.code == websocket::Close::no_status;
    if (normal) return ok;
    const char* space = close.reason.empty() ? "" : " ";
    return complain(ended_badly, fmt::format("the server closed with {}{}{}", close.code, space, close.reason));
  }

  wire::awaitable<void> say_lines(websocket::Link& link) {
    wire::StandardInput input(link.stream().executor());
    for (;;) {
      const std::optional<std::string> line = co_await input.line();
      if (!line || link.over()) break;
      if (!options_.binary && !websocket::is_utf8(wire::as_bytes(*line))) {
        complain(bad_usage, "a line that is not UTF-8 cannot be sent as text: see --binary");
        continue;
      }
      const auto say = [&](Connection& connection) {
        connection.send(options_.binary ? Opcode::binary : Opcode::text, wire::as_bytes(*line));
      };
      link.deliver(say);
      co_await link.flush();
    }
    if (options_.count > 0) co_return;
    // Who pipes a question in wants to see the answer: the goodbye waits until nothing more seems to come.
    quiet_->expires_after(options_.linger);
    for (;;) {
      auto [moved] = co_await quiet_->async_wait(wire::nothrow);
      if (!moved) break;
    }
    link.deliver(say_goodbye);
  }

  Options options_;
  websocket::ClientOptions connection_;
  std::optional<wire::Timer> quiet_;  // since the last message
  std::uint64_t heard_ = 0;
  const bool on_terminal_ = isatty(STDOUT_FILENO) == 1;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A WebSocket client: every line of standard input is a message; those that come are shown");
  Options options;
  websocket::ClientOptions connection;
  wire::ProgramOptions program;
  bool no_deflate = false, example_keys = false;
  const auto check_field = [](const std::string& text) {
    return text.contains(':') ? "" : "a field looks like this: \"Name: value\"";
  };
  const auto add_field = [&](const std::vector<std::string>& fields) {
    for (const std::string& text : fields) {
      const auto colon = text.find(':');
      connection.offer.fields.add(text.substr(0, colon), std::string(http1::trimmed(text.substr(colon + 1))));
    }
  };
  const auto set_origin = [&](const std::string& origin) { connection.offer.fields.add("Origin", origin); };
  app.add_option("url", options.url, "ws:// or wss://")->required();
  app.add_option("-n,--count", options.count, "Say goodbye when so many messages have come");
  wire::add_seconds(app, "--linger", options.linger, "Without a message after the input's end, then say goodbye");
  app.add_flag("--binary", options.binary, "Send bytes, not text");
  app.add_flag("--echo", options.echo, "Send back what comes, and nothing else");
  app.add_option("--subprotocol", connection.offer.subprotocols, "Offer a subprotocol")->type_name("NAME");
  app.add_option_function<std::string>("--origin", set_origin, "Say that a page of this origin asks");
  app.add_option_function<std::vector<std::string>>("-H,--header", add_field, "A field of the request, \"Name: value\"")
      ->allow_extra_args(false)
      ->check(check_field);
  app.add_flag("--no-deflate", no_deflate, "Do not offer compression");
  app.add_flag("--example-keys", example_keys, "Use RFC 6455's examples as keys: every run has the same bytes");
  app.add_option("--max-message", connection.limits.message, "Bytes of a message")->capture_default_str();
  app.add_option("--cacert", options.ca_file, "Trust this authority, or self-signed certificate (PEM)")
      ->type_name("FILE");
  program.add_to(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // or --help, which is none
    return app.exit(e) == 0 ? ok : bad_usage;
  }
  if (no_deflate) connection.offer.deflate.reset();
  if (example_keys) connection.keys = websocket::example_keys;

  try {
    const std::unique_ptr<wire::Tracer> tracer = program.make_tracer();  // outlives the connection
    asio::io_context io(1);
    asio::ssl::context tls = wire::client_tls(options.ca_file);
    connection.tls = &tls;
    connection.link.tracer = tracer.get();
    Conversation conversation(std::move(options), std::move(connection));
    return wire::run_client(io, conversation.run());
  } catch (const std::exception& e) {  // fields that would be several, a file that is none
    return complain(bad_usage, e.what());
  }
}
