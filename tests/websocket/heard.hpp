// What the tests and the fuzzers of this chapter share: frames made by hand, a connection's events written down as
// text, and a client and a server back to back.
#pragma once
#include "support/pair.hpp"
#include "websocket/connection.hpp"
#include "websocket/deflate.hpp"
#include "websocket/mask.hpp"

#include <fmt/format.h>

#include <functional>
#include <ostream>
#include <span>
#include <string>

namespace heard {

// "81 05 48": what the specification prints.
inline wire::Buffer from_hex(std::string_view hex) {
  wire::Buffer bytes;
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  for (std::size_t i = 0; i < hex.size(); ++i)
    if (hex[i] != ' ') bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1]))), ++i;
  return bytes;
}

inline wire::Buffer to_buffer(std::string_view text) { return {text.begin(), text.end()}; }

inline wire::Buffer operator+(wire::Buffer a, const wire::Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// The key of the specification's examples (RFC 6455 §5.7).
inline constexpr websocket::MaskingKey key = {0x37, 0xfa, 0x21, 0x3d};

// One frame, masked if a client sends it.
inline wire::Buffer frame(wire::Side from, websocket::FrameHeader header, wire::Bytes payload) {
  header.payload_length = payload.size();
  if (from == wire::Side::client) header.masking_key = key;
  wire::Buffer bytes;
  wire::Writer out(bytes);
  encode(out, header);
  const auto placed = out.bytes(payload);
  if (header.masking_key) websocket::mask(placed, key);
  return bytes;
}
inline wire::Buffer frame(wire::Side from, websocket::FrameHeader header, std::string_view payload) {
  return frame(from, header, wire::as_bytes(payload));
}

// Frames of the client, or of the server.
struct Speaker {
  wire::Side side;

  using Opcode = websocket::Opcode;
  wire::Buffer text(std::string_view payload, bool fin = true) const { return of(Opcode::text, payload, fin); }
  wire::Buffer binary(std::string_view payload, bool fin = true) const { return of(Opcode::binary, payload, fin); }
  wire::Buffer more(std::string_view payload) const { return of(Opcode::continuation, payload, false); }
  wire::Buffer last(std::string_view payload) const { return of(Opcode::continuation, payload, true); }
  wire::Buffer ping(std::string_view payload = {}) const { return of(Opcode::ping, payload, true); }
  wire::Buffer pong(std::string_view payload = {}) const { return of(Opcode::pong, payload, true); }
  wire::Buffer close() const { return of(Opcode::close, {}, true); }
  wire::Buffer close(unsigned code, std::string_view reason = {}) const {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    return of(Opcode::close, payload + std::string(reason), true);
  }
  // The first frame of a compressed message, or the only one.
  wire::Buffer compressed(Opcode opcode, wire::Bytes payload, bool fin = true) const {
    return frame(side, {.fin = fin, .rsv1 = true, .opcode = opcode}, payload);
  }
  wire::Buffer of(Opcode opcode, std::string_view payload, bool fin) const {
    return frame(side, {.fin = fin, .opcode = opcode}, payload);
  }
};
inline constexpr Speaker client_says{wire::Side::client}, server_says{wire::Side::server};
inline const Speaker& peer_of(wire::Side side) { return side == wire::Side::server ? client_says : server_says; }
inline const Speaker& that_is(wire::Side side) { return side == wire::Side::client ? client_says : server_says; }

inline websocket::MaskingKey always_that_key() { return key; }

inline websocket::Settings settings(wire::Side side, const websocket::Limits& limits = {},
                                    const std::optional<websocket::DeflateParameters>& deflate = {}) {
  websocket::Settings all{.limits = limits, .compression = nullptr, .new_masking_key = always_that_key};
  if (deflate) all.compression = std::make_unique<websocket::Deflate>(side, *deflate);
  return all;
}

// Events as text, a line each. The pieces of a message become one line: how many there were depends on how TCP has cut
// the stream. Control frames between them break that line, and "..." goes on.
struct Log {
  std::string text;

  void operator()(const websocket::Event& event) {
    if (const auto* message = std::get_if<websocket::Message>(&event)) return heard(*message);
    if (in_message_) text += " ...\n";
    interrupted_ = in_message_;
    if (const auto* ping = std::get_if<websocket::Ping>(&event)) text += "ping " + wire::visible(ping->payload) + '\n';
    if (const auto* pong = std::get_if<websocket::Pong>(&event)) text += "pong " + wire::visible(pong->payload) + '\n';
    if (const auto* closed = std::get_if<websocket::Closed>(&event))
      text += fmt::format("closed {} {}\n", closed->close.code, wire::visible(wire::as_bytes(closed->close.reason)));
    if (const auto* failed = std::get_if<websocket::Failed>(&event))
      text += fmt::format("failed {} {}\n", failed->error.wire_code, to_string(failed->error));
  }

 private:
  void heard(const websocket::Message& message) {
    if (message.begins) text += std::string(name(message.type)) + ' ';
    else if (interrupted_) text += "... ";
    text += wire::visible(message.payload);
    if (message.ends) text += '\n';
    in_message_ = !message.ends;
    interrupted_ = false;
  }
  bool in_message_ = false, interrupted_ = false;
};

// All that can be seen of a connection from outside.
struct Heard {
  std::string events;
  wire::Buffer output;
  bool closed = false;

  bool operator==(const Heard&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Heard& heard) {
    return out << heard.events << "-> " << wire::visible(heard.output) << (heard.closed ? "\nclosed" : "\nopen");
  }
};

enum class Then { wait, eof };

// Feeds the pieces to a connection; on_event(event) may use its verbs.
template <class OnEvent>
Heard hear(websocket::Connection& connection, std::span<const wire::Bytes> pieces, Then then, OnEvent on_event) {
  const wire::Time now{};
  Log log;
  Heard heard;
  const auto poll = [&] {
    while (auto event = connection.poll(now)) {
      log(*event);
      on_event(*event);
    }
    const wire::Buffer output = connection.take_output();
    heard.output.insert(heard.output.end(), output.begin(), output.end());
  };
  for (const wire::Bytes piece : pieces) {
    connection.receive(piece, now);
    poll();
  }
  if (then == Then::eof) {
    connection.receive_eof(now);
    poll();
  }
  heard.events = log.text;
  heard.closed = connection.closed();
  return heard;
}

inline Heard hear(wire::Side side, std::span<const wire::Bytes> pieces, Then then = Then::wait,
                  const websocket::Limits& limits = {},
                  const std::optional<websocket::DeflateParameters>& deflate = {}) {
  websocket::Connection connection(side, settings(side, limits, deflate));
  return hear(connection, pieces, then, [](const websocket::Event&) {});
}

// A client and a server back to back. What each of them hears is written down.
struct Conversation {
  explicit Conversation(std::size_t piece_size, const websocket::Limits& limits = {},
                        const std::optional<websocket::DeflateParameters>& deflate = {})
      : pair(websocket::Connection(wire::Side::client, settings(wire::Side::client, limits, deflate)),
             websocket::Connection(wire::Side::server, settings(wire::Side::server, limits, deflate)), piece_size) {}

  using Handler = std::function<void(const websocket::Event&, websocket::Connection&)>;
  Handler on_client, on_server;  // what each does about an event
  support::Pair<websocket::Connection, websocket::Connection> pair;
  Log client_heard, server_heard;

  websocket::Connection& client() { return pair.client; }
  websocket::Connection& server() { return pair.server; }

  // Until nobody has more to say.
  void run() {
    pair.run([this](const websocket::Event& event) {
      client_heard(event);
      if (on_client) on_client(event, pair.client);
    }, [this](const websocket::Event& event) {
      server_heard(event);
      if (on_server) on_server(event, pair.server);
    });
  }
};

}  // namespace heard
