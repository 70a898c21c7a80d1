#include "websocket/connection.hpp"

#include "websocket/mask.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace websocket {

using wire::Bytes;
using wire::Errc;
using wire::Error;
using wire::Reader;
using wire::Result;
using wire::Side;
using wire::Time;
using wire::UsageError;
using wire::Writer;

namespace {

// What a shorter message could save is lost again to the block's header and its end.
constexpr std::size_t worth_compressing = 32;
// A byte can unfold into a thousand: so much of a compressed payload is taken at a time.
constexpr std::uint64_t compressed_piece = 4096;

std::string_view title(Opcode opcode) {
  switch (opcode) {
    case Opcode::continuation: return "continuation frame";
    case Opcode::text: return "text frame";
    case Opcode::binary: return "binary frame";
    case Opcode::close: return "close frame";
    case Opcode::ping: return "ping frame";
    case Opcode::pong: return "pong frame";
  }
  return "frame";
}

// What a close frame's payload says.
std::string in_words(const Close& close) {
  const std::string code = close.code == Close::no_status ? "" : fmt::format("status code {}", close.code);
  return close.reason.empty() ? code : code + ", \"" + wire::visible(wire::as_bytes(close.reason)) + '"';
}

// Names the payload, or the part of it that `in` has left and that begins at `offset`. Only for traces. Always true.
bool explain_payload(Reader& in, const FrameHeader& header, std::uint64_t offset, bool compressed) {
  const std::size_t n = in.left();
  if (!in.tracing() || n == 0) return true;
  if (header.opcode == Opcode::close && !header.masking_key) return (void)decode_close(in), true;
  const bool legible = !header.masking_key && !compressed;
  const Bytes payload =
      legible && header.opcode == Opcode::text ? wire::as_bytes(in.text("Payload Data", n)) : in.rest("Payload Data");
  wire::Buffer unmasked(payload.begin(), payload.end());
  if (header.masking_key) mask(unmasked, *header.masking_key, offset);
  std::string meaning = compressed ? "compressed" : "";
  if (header.opcode == Opcode::close) {
    Reader reader{Bytes(unmasked)};
    const Result<Close> close = decode_close(reader);
    meaning = close ? in_words(*close) : close.error().detail;
  } else if (header.masking_key && !compressed && (header.opcode == Opcode::text || wire::is_text(unmasked))) {
    meaning = "unmasked: \"" + wire::visible(Bytes(unmasked).first(std::min<std::size_t>(n, 60))) + '"';
  }
  in.explain(meaning, header.masking_key ? "RFC 6455 §5.3" : "RFC 6455 §5.6");
  return true;
}

}  // namespace

Connection::Connection(Side side, Settings settings) : side_(side), settings_(std::move(settings)) {
  if (side_ == Side::client && !settings_.new_masking_key) throw UsageError("a client needs masking keys");
}

// ---- what we send ----------------------------------------------------------------------------------------------

// region write
void Connection::write(FrameHeader header, Bytes payload) {
  header.payload_length = payload.size();
  if (side_ == Side::client) header.masking_key = settings_.new_masking_key();
  const auto encode_frame = [&](Writer& out) {
    // region encode-frame
    encode(out, header);
    const std::span<std::uint8_t> placed = out.bytes(payload);
    if (header.masking_key) mask(placed, *header.masking_key);
    // endregion
  };
  const auto explain = [&](Reader& in) {
    (void)decode_header(in);
    explain_payload(in, header, 0, deflating_ && !is_control(header.opcode));
  };
  write_frame(title(header.opcode), encode_frame, explain);
}
// endregion

// A message that is begun in pieces must be ended in pieces: else this one would become its last piece, unnoticed.
bool Connection::send(Opcode type, Bytes payload) {
  if (sending_ && is_open()) throw UsageError("another message is being sent");
  return send_piece(type, payload, true);
}

// region send
bool Connection::send_piece(Opcode type, Bytes piece, bool last) {
  if (type != Opcode::text && type != Opcode::binary) throw UsageError("a message is of text or binary");
  if (!is_open()) return false;
  if (sending_ && *sending_ != type) throw UsageError("another message is being sent");
  Utf8 text = sent_text_;  // which stays as it is where the piece is refused
  if (type == Opcode::text && (!text.check(piece) || (last && !text.complete())))
    throw UsageError("text is UTF-8");  // RFC 6455 §8.1: the peer would have to fail the connection
  sent_text_ = text;

  FrameHeader header;
  header.fin = last;
  header.opcode = sending_ ? Opcode::continuation : type;
  if (!sending_) deflating_ = settings_.compression && (!last || piece.size() >= worth_compressing);
  // region rsv1
  header.rsv1 = deflating_ && !sending_;  // RFC 7692 §6: on the first frame of the message only
  // endregion
  if (deflating_) write(header, settings_.compression->compress(piece, last));
  else write(header, piece);
  if (last) sending_.reset();
  else sending_ = type;
  return true;
}
// endregion

bool Connection::ping(Bytes payload) {
  if (payload.size() > max_control_payload) throw UsageError("a Ping carries at most 125 bytes");
  if (!is_open()) return false;
  write({.opcode = Opcode::ping}, payload);
  return true;
}

void Connection::write_close(const Close& close) {
  wire::Buffer payload;
  Writer out(payload);
  encode(out, close);
  write({.opcode = Opcode::close}, payload);
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (!is_open()) return;
  write_close({code, std::string(reason)});
  state_ = State::close_sent;
}

// ---- what the peer sends ---------------------------------------------------------------------------------------

// region step
bool Connection::step(Time now) {
  if (state_ != State::open && !closing_since_) closing_since_ = now;
  if (state_ == State::both_closed) return discard_input(), false;
  const bool whole = remaining_ > 0 ? step_payload() : step_frame();
  if (whole) {
    quiet_since_.reset();
    pinged_at_.reset();
  } else if (!quiet_since_) {
    quiet_since_ = now;
  }
  return whole;
}
// endregion

// RFC 6455 §1.4: after the peer's Close, whatever else comes is discarded.
void Connection::discard_input() {
  if (input().empty()) return;
  const auto discard = [](Reader& in) {
    const std::size_t n = in.rest("discarded").size();
    in.explain("nothing counts after Close", "RFC 6455 §1.4");
    return n;
  };
  read_frame("after the end", input().size(), discard);
}

// region step-frame
// One frame, or its header with as much of its payload as is there. Control frames are short, and taken whole.
bool Connection::step_frame() {
  if (input().size() < min_header_size || input().size() < header_size(input())) return false;
  const std::size_t head = header_size(input());
  Reader ahead(input().first(head));
  const Result<FrameHeader> header = decode_header(ahead);
  const std::optional<Error> wrong = header ? forbids(*header) : header.error();
  if (wrong) {
    (void)read_frame("frame header", head, decode_header);
    fail(*wrong);
    return true;
  }
  const bool control = is_control(header->opcode);
  if (control && input().size() - head < header->payload_length) return false;
  if (!control) begin_frame(*header);
  const std::size_t n = control ? static_cast<std::size_t>(header->payload_length) : piece_size(input().size() - head);
  read_frame(title(header->opcode), head + n, [&](Reader& in) {
    return in.tracing() && decode_header(in) && explain_payload(in, *header, 0, inflating_ && !control);
  });
  if (control) received_control(*header, keep_last(n));
  else received_piece(keep_last(n));
  return true;
}

// More of a payload of which the beginning was here before.
bool Connection::step_payload() {
  const std::size_t n = piece_size(input().size());
  if (n == 0) return false;
  read_frame("more of the payload", n,
             [&](Reader& in) { return explain_payload(in, frame_, frame_.payload_length - remaining_, inflating_); });
  received_piece(keep_last(n));
  return true;
}
// endregion

// How much of the `here` bytes that have come is to be taken at once as payload of the present frame.
std::size_t Connection::piece_size(std::size_t here) const {
  const std::uint64_t most = inflating_ ? std::min(remaining_, compressed_piece) : remaining_;
  return static_cast<std::size_t>(std::min<std::uint64_t>(here, most));
}

// region check-frame
// What is wrong with a frame that comes now.
std::optional<Error> Connection::forbids(const FrameHeader& header) const {
  const auto broken = [](std::string rule) { return Error{Errc::malformed, std::move(rule), 1002}; };
  const bool control = is_control(header.opcode);
  const bool begins = header.opcode == Opcode::text || header.opcode == Opcode::binary;
  const bool compressed = header.rsv1 && begins && settings_.compression;  // RFC 7692 §6
  // region frame-rules
  if (is_reserved(header.opcode)) return broken("a reserved opcode");  // RFC 6455 §5.2
  if ((header.rsv1 && !compressed) || header.rsv2 || header.rsv3) return broken("a reserved bit");
  // RFC 6455 §5.1: a client masks every frame, a server none.
  if (header.masking_key.has_value() != (side_ == Side::server))
    return broken(side_ == Side::server ? "a frame that is not masked" : "a masked frame from a server");
  if (control && !header.fin) return broken("a control frame in fragments");  // RFC 6455 §5.5
  if (control && header.payload_length > max_control_payload) return broken("a control frame over 125 bytes");
  if (!control && begins == receiving_.has_value())  // RFC 6455 §5.4
    return broken(begins ? "a new message within another" : "a continuation of nothing");
  // endregion
  // A compressed frame's length says nothing: noise is longer when it is compressed. inflate() counts what comes of it.
  const bool inflates = compressed || (!begins && inflating_);
  const std::uint64_t room = settings_.limits.message - (begins ? 0 : message_size_);
  if (!control && !inflates && header.payload_length > room) return Error{Errc::too_large, "the message", 1009};
  return std::nullopt;
}
// endregion

void Connection::begin_frame(const FrameHeader& header) {
  // region begin-frame
  frame_ = header;
  remaining_ = header.payload_length;
  if (header.opcode == Opcode::continuation) return;
  receiving_ = header.opcode;
  inflating_ = header.rsv1;
  begins_ = true;
  message_size_ = 0;
  // endregion
}

// region received-piece
// A piece of the present frame's payload, as it came: part of the message as soon as it is unmasked, inflated and, if
// it is text, checked. An error is answered at once, not at the message's end.
void Connection::received_piece(wire::Buffer piece) {
  // region unmask-piece
  if (frame_.masking_key) mask(piece, *frame_.masking_key, frame_.payload_length - remaining_);
  remaining_ -= piece.size();
  // endregion
  // region reassemble
  const bool ends = frame_.fin && remaining_ == 0;
  if (!add_to_message(std::move(piece), ends)) return;
  if (!ends && !(settings_.limits.in_pieces && !message_.empty())) return;
  emit(Message{*receiving_, std::exchange(message_, {}), begins_, ends});
  begins_ = false;
  if (ends) receiving_.reset();
  // endregion
}

// False: the piece was wrong, and the connection has failed.
bool Connection::add_to_message(wire::Buffer piece, bool ends) {
  if (inflating_) {
    const std::uint64_t room = settings_.limits.message - message_size_;
    Result<wire::Buffer> inflated = settings_.compression->decompress(piece, ends, room);
    if (!inflated) return fail(inflated.error()), false;
    piece = std::move(*inflated);
  }
  message_size_ += piece.size();
  if (receiving_ == Opcode::text) {
    bool valid = true;
    // region text-check
    valid = received_text_.check(piece) && (!ends || received_text_.complete());
    // endregion
    if (!valid) return fail({Errc::malformed, "text that is not UTF-8", 1007}), false;
  }
  if (message_.empty()) message_ = std::move(piece);
  else message_.insert(message_.end(), piece.begin(), piece.end());
  return true;
}
// endregion

// region received-control
void Connection::received_control(const FrameHeader& header, wire::Buffer payload) {
  if (header.masking_key) mask(payload, *header.masking_key);
  switch (header.opcode) {
    case Opcode::ping:  // RFC 6455 §5.5.2: also after our own Close, until the peer's
      write({.opcode = Opcode::pong}, payload);
      return emit(Ping{std::move(payload)});
    case Opcode::pong: return emit(Pong{std::move(payload)});
    default: return received_close(payload);
  }
}

// RFC 6455 §5.5.1, §7.1.1
void Connection::received_close(Bytes payload) {
  Reader in(payload);
  Result<Close> close = decode_close(in);
  if (!close) return fail(close.error());
  if (state_ == State::open) write_close({close->code, {}});
  state_ = State::both_closed;
  emit(Closed{std::move(*close)});
  if (side_ == Side::server) hang_up();  // a client waits for that, so that it is the server who keeps the old address
}
// endregion

// ---- how it ends -----------------------------------------------------------------------------------------------

// region fail
// RFC 6455 §7.1.7: say why, once, and be gone. Whatever else comes is not looked at.
void Connection::fail(Error error) {
  if (is_open() && is_valid_close_code(static_cast<std::uint16_t>(error.wire_code)))
    write_close({static_cast<std::uint16_t>(error.wire_code), error.detail.substr(0, max_reason)});
  emit(Failed{std::move(error)});
  hang_up();
}
// endregion

void Connection::end_of_input(Time) {
  if (state_ == State::both_closed) return hang_up();
  fail({Errc::truncated, "the peer hung up without a Close frame", abnormal_closure});
}

// region timeouts
std::optional<Time> Connection::next_timeout() const {
  if (closed()) return std::nullopt;
  if (closing_since_) return *closing_since_ + settings_.limits.close_time;
  if (pinged_at_) return *pinged_at_ + settings_.limits.pong_time;
  if (quiet_since_) return *quiet_since_ + settings_.limits.ping_after;
  return std::nullopt;
}

void Connection::handle_timeout(Time now) {
  const std::optional<Time> due = next_timeout();
  if (!due || now < *due) return;
  if (state_ == State::both_closed) return hang_up();
  if (closing_since_ || pinged_at_) return fail({Errc::timeout, "the peer has fallen silent", 1011});
  ping();
  pinged_at_ = now;
}
// endregion

}  // namespace websocket
