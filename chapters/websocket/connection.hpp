// WebSocket as a machine: one connection, either side of it, from the end of the opening handshake on (RFC 6455).
//
// Both sides may speak at any time. What they say are messages, each of text or of bytes; a message comes in one frame
// or in several. Between the frames of a message there may be control frames: Ping, which is answered by a Pong with
// the same payload, and Close.
//
//              we send Close                     the peer's Close comes
//       +------------------------> close_sent -----------------------------+
//       |                                                                  v
//     open                                                            both_closed ---> the server ends TCP, the client
//       |                                                                  ^           waits until it has
//       +------------------------------------------------------------------+
//              the peer's Close comes: it is answered
//
// Messages may still come while our Close is under way; they are delivered, and Pings are answered. After the peer's
// Close nothing counts.
//
// How it ends otherwise: a broken rule is answered with a Close frame that has its code, and then by hanging up. A peer
// that says nothing for a while is sent a Ping; one that says nothing to that either is gone.
#pragma once
#include "websocket/compression.hpp"
#include "websocket/frame.hpp"
#include "websocket/utf8.hpp"
#include "wire/connection.hpp"

#include <memory>

namespace websocket {

// region events
struct Message {
  Opcode type;  // text, which is UTF-8, or binary
  wire::Buffer payload;
  bool begins = true, ends = true;  // else a piece of a message: see Limits::in_pieces
};
struct Ping {  // answered already
  wire::Buffer payload;
};
struct Pong {
  wire::Buffer payload;
};
struct Closed {  // the peer has said goodbye, first or in answer to ours: no more messages will come
  Close close;
};
struct Failed {  // the peer broke a rule or a deadline, or hung up without a goodbye
  wire::Error error;
};
using Event = std::variant<Message, Ping, Pong, Closed, Failed>;
// endregion

struct Limits {
  std::uint64_t message = 16 << 20;  // bytes of one, after inflation: 1009 beyond. Large enough for Autobahn
  // Messages are delivered as they come, in pieces, so that large ones take no memory; `message` still holds.
  bool in_pieces = false;
  wire::Clock::duration ping_after = std::chrono::seconds(20);  // of silence; proxies often cut after 60
  wire::Clock::duration pong_time = std::chrono::seconds(20);   // for any sign of life after that Ping
  wire::Clock::duration close_time = std::chrono::seconds(10);  // from our Close to the end of the connection
};

struct Settings {
  Limits limits;
  std::unique_ptr<Compression> compression;   // as the handshake agreed upon; nullptr: none
  MaskingKey (*new_masking_key)() = nullptr;  // for a client: unpredictable ones (RFC 6455 §10.3)
};

class Connection : public wire::ConnectionBase<Connection, Event> {
 public:
  Connection(wire::Side side, Settings settings);

  // A whole message, of Opcode::text or binary. Text must be UTF-8. False: the connection is not open any more, and the
  // message is dropped, as browsers do (WHATWG WebSockets, send()).
  bool send(Opcode type, wire::Bytes payload);
  bool send(std::string_view text) { return send(Opcode::text, wire::as_bytes(text)); }
  // A message in pieces, each sent at once as a fragment. The pieces of a text may end inside a character. No other
  // message may be sent until `last`.
  bool send_piece(Opcode type, wire::Bytes piece, bool last);
  bool ping(wire::Bytes payload = {});  // at most 125 bytes
  // Begins the closing handshake; no message can be sent after it. A code that is_valid_close_code(), or
  // Close::no_status; a reason of at most 123 bytes. Again: does nothing.
  void close(std::uint16_t code, std::string_view reason = {});

  bool is_open() const { return state_ == State::open && !closed(); }

  bool step(wire::Time now);
  void fail(wire::Error error);
  void end_of_input(wire::Time now);
  std::optional<wire::Time> next_timeout() const;
  void handle_timeout(wire::Time now);
  // RFC 6455 §7.4.1: a server that stops is "going away" (1001), as is a browser that leaves a page. A client that has
  // said all is none: its end is normal (1000).
  void close(wire::Time) { close(side_ == wire::Side::server ? 1001 : 1000); }

 private:
  // region states
  enum class State { open, close_sent, both_closed };
  // endregion
  static constexpr std::uint32_t abnormal_closure = 1006;  // RFC 6455 §7.1.5; never on the wire

  void discard_input();
  bool step_frame();
  bool step_payload();
  std::optional<wire::Error> forbids(const FrameHeader& header) const;
  void received_control(const FrameHeader& header, wire::Buffer payload);
  void received_close(wire::Bytes payload);
  void begin_frame(const FrameHeader& header);
  void received_piece(wire::Buffer piece);
  bool add_to_message(wire::Buffer piece, bool ends);
  std::size_t piece_size(std::size_t here) const;
  void write(FrameHeader header, wire::Bytes payload);
  void write_close(const Close& close);

  wire::Side side_;
  Settings settings_;
  State state_ = State::open;

  // The data frame that is being received, and its message.
  FrameHeader frame_;
  std::uint64_t remaining_ = 0;      // of the frame's payload
  std::optional<Opcode> receiving_;  // the type of the message; nothing: between two messages
  bool inflating_ = false;           // the message is compressed
  bool begins_ = false;              // none of its pieces has been delivered
  std::uint64_t message_size_ = 0;   // so far, after inflation
  wire::Buffer message_;             // what is not delivered yet
  Utf8 received_text_;

  // The message that is being sent in pieces.
  std::optional<Opcode> sending_;
  bool deflating_ = false;
  Utf8 sent_text_;

  std::optional<wire::Time> quiet_since_;  // we look for input, and there has been none since
  std::optional<wire::Time> pinged_at_;    // and no sign of life since
  std::optional<wire::Time> closing_since_;
};

}  // namespace websocket
