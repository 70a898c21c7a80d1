// What both fuzzers of the machine do: one side hears any bytes, once at a time and once cut; it says something itself
// about what it hears; and whatever it says, a peer understands.
#pragma once
#include "heard.hpp"

#include <cstdlib>

namespace fuzz {

using heard::Heard;
using websocket::Connection;
using websocket::DeflateParameters;
using websocket::Event;
using websocket::Message;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

inline void check(bool invariant) {
  if (!invariant) std::abort();
}

// Every byte that goes out or is consumed is in a frame, and every field inside of it.
struct Counter : wire::Observer {
  void frame(wire::Direction direction, std::string_view, Bytes bytes, const wire::Trace& trace) override {
    (direction == wire::Direction::sent ? sent : received) += bytes.size();
    for (const wire::Trace::Field& field : trace.fields) check(field.offset + field.size <= bytes.size());
  }
  void bytes(wire::Direction, Bytes) override {}
  std::size_t sent = 0, received = 0;
};

// The first byte of the input says which connection it is.
struct Kind {
  explicit Kind(std::uint8_t byte)
      : deflates((byte & 1) != 0), says_more((byte & 2) != 0), piece_size(1u + (byte >> 6) * 5u) {
    limits.message = 100'000;  // small, so that a fuzzer reaches it
    limits.in_pieces = (byte & 4) != 0;
    parameters.client_no_context_takeover = parameters.server_no_context_takeover = (byte & 8) != 0;
    if (byte & 16) parameters.client_max_window_bits = 9;
    if (byte & 32) parameters.server_max_window_bits = 8;
  }
  websocket::Settings settings(Side side) const {
    return heard::settings(side, limits, deflates ? std::optional(parameters) : std::nullopt);
  }
  bool deflates, says_more;
  std::size_t piece_size;
  websocket::Limits limits;
  DeflateParameters parameters;
};

// Says back what it hears, and now and then something of its own.
inline void answer(const Event& event, Connection& connection) {
  if (const auto* message = std::get_if<Message>(&event))
    connection.send_piece(message->type, message->payload, message->ends);
  if (std::holds_alternative<websocket::Pong>(event)) connection.ping();
}

inline Heard run(Side side, const Kind& kind, std::span<const Bytes> pieces, std::size_t size) {
  Counter counter;
  Connection connection(side, kind.settings(side));
  connection.observe(&counter);
  std::uint64_t delivered = 0;
  bool over = false;
  const auto on_event = [&](const Event& event) {
    check(!over);  // nothing comes after the end
    over = std::holds_alternative<websocket::Failed>(event);
    check(!over || connection.closed());
    if (const auto* message = std::get_if<Message>(&event)) {
      delivered = message->begins ? message->payload.size() : delivered + message->payload.size();
      check(delivered <= kind.limits.message);
      check(message->begins || kind.limits.in_pieces);
      if (!kind.limits.in_pieces)
        check(message->type != websocket::Opcode::text || websocket::is_utf8(message->payload));
    }
    if (kind.says_more) answer(event, connection);
  };
  Heard heard = heard::hear(connection, pieces, heard::Then::eof, on_event);
  check(heard.closed && connection.closed() && !connection.next_timeout());
  check(counter.sent == heard.output.size());
  check(counter.received + connection.unread().size() <= size);
  return heard;
}

// Whatever this side has said, its peer understands, to the end.
inline void check_output(Side side, const Kind& kind, const Buffer& output) {
  const Side other = side == Side::client ? Side::server : Side::client;
  Kind patient = kind;
  patient.limits.message = ~std::uint64_t{0} >> 1;
  Connection peer(other, patient.settings(other));
  peer.receive(output, {});
  while (const auto event = peer.poll({})) check(!std::holds_alternative<websocket::Failed>(*event));
  check(peer.unread().empty());
}

inline std::string before_failure(const std::string& events) { return events.substr(0, events.rfind("failed ")); }

inline int test(Side side, const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Kind kind(data[0]);
  const Bytes whole(data + 1, size - 1);
  std::vector<Bytes> cut;
  for (std::size_t at = 0; at < whole.size(); at += kind.piece_size)
    cut.push_back(whole.subspan(at, std::min(kind.piece_size, whole.size() - at)));
  const Bytes once[] = {whole};
  const Heard at_once = run(side, kind, once, size);
  const Heard in_parts = run(side, kind, cut, size);
  // Of several errors in one piece, which one is found first depends on how much of it is looked at together; and what
  // of a message has been delivered before, in pieces, does so, too.
  const std::string heard = before_failure(at_once.events), heard_in_parts = before_failure(in_parts.events);
  const bool failed = heard != at_once.events;
  check(failed == (heard_in_parts != in_parts.events));
  if (!kind.limits.in_pieces) check(heard == heard_in_parts);
  // What is said back in pieces is cut as it came.
  if (!failed && !(kind.says_more && kind.limits.in_pieces)) check(at_once.output == in_parts.output);
  check_output(side, kind, at_once.output);
  check_output(side, kind, in_parts.output);
  return 0;
}

}  // namespace fuzz
