// What the WebSocket lab's checks call. See labs/machinery/probe.hpp.
#include "../machinery/probe.hpp"

#include "http1/head.hpp"
#include "websocket/connection.hpp"
#include "websocket/deflate.hpp"
#include "websocket/explain.hpp"
#include "websocket/handshake.hpp"
#include "websocket/mask.hpp"

#include <algorithm>

namespace {

using probe::Answer;
using probe::Arguments;
using websocket::Connection;
using websocket::FrameHeader;
using websocket::MaskingKey;
using websocket::Opcode;
using wire::Reader;
using wire::Side;

constexpr std::string_view yes_or_no(bool yes) { return yes ? "yes" : "no"; }

Side side(Arguments& in) { return in.text() == "client" ? Side::client : Side::server; }

MaskingKey key(Arguments& in) {
  const wire::Buffer bytes = in.bytes();
  MaskingKey key{};
  std::ranges::copy(wire::Bytes(bytes).first(std::min(bytes.size(), key.size())), key.begin());
  return key;
}

// ---- the codec -------------------------------------------------------------------------------------------------

// Argument: a key.
void accept_key(Arguments& in, Answer& out) { out.value("Sec-WebSocket-Accept", websocket::accept_key(in.text())); }

// Argument: a frame, or its beginning.
void decode_header(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  const wire::Result<FrameHeader> header = websocket::decode_header(reader);
  if (!header) return out.error(header.error());
  out.value("FIN", yes_or_no(header->fin));
  out.value("RSV1", yes_or_no(header->rsv1));
  out.value("RSV2", yes_or_no(header->rsv2));
  out.value("RSV3", yes_or_no(header->rsv3));
  out.value("opcode", static_cast<std::uint64_t>(header->opcode));
  out.value("Payload length", header->payload_length);
  out.value("MASK", yes_or_no(header->masking_key.has_value()));
  if (header->masking_key) out.bytes("Masking-key", *header->masking_key);
  out.value("bytes of the header", reader.offset());
}

// Arguments: FIN and the RSV bits that are set ("F", "F1", "23" ...), the opcode, the payload's length, and the
// masking key, if there is one.
void encode_header(Arguments& in, Answer& out) {
  const std::string bits = in.text();
  FrameHeader header;
  header.fin = bits.contains('F');
  header.rsv1 = bits.contains('1');
  header.rsv2 = bits.contains('2');
  header.rsv3 = bits.contains('3');
  header.opcode = static_cast<Opcode>(in.number());
  header.payload_length = in.number();
  if (in.more()) header.masking_key = key(in);
  out.bytes("bytes", probe::encoded([&](wire::Writer& writer) { websocket::encode(writer, header); }));
}

// A header that cannot be: its payload has 2^63 bytes.
void encode_too_long(Arguments&, Answer& out) {
  FrameHeader header;
  header.payload_length = std::uint64_t{1} << 63;
  try {
    probe::encoded([&](wire::Writer& writer) { websocket::encode(writer, header); });
    out.value("encode()", "a header");
  } catch (const wire::UsageError&) {
    out.value("encode()", "UsageError");
  }
}

// Arguments: bytes, the masking key, and where in the payload they begin.
void mask(Arguments& in, Answer& out) {
  wire::Buffer bytes = in.bytes();
  const MaskingKey masking_key = key(in);
  websocket::mask(bytes, masking_key, in.number());
  out.bytes("masked", bytes);
}

// Arguments: the pieces of a text.
void utf8(Arguments& in, Answer& out) {
  websocket::Utf8 text;
  for (std::uint64_t number = 1; in.more(); ++number) {
    const wire::Buffer piece = in.bytes();
    const bool valid = text.check(piece);
    out.value(fmt::format("piece {}", number), valid ? "may be UTF-8" : "is not UTF-8");
    if (!valid) return;
  }
  out.value("ends", text.complete() ? "between characters" : "inside a character");
}

// Arguments: status codes.
void close_codes(Arguments& in, Answer& out) {
  while (in.more()) {
    const auto code = static_cast<std::uint16_t>(in.number());
    out.value(fmt::format("status code {}", code), yes_or_no(websocket::is_valid_close_code(code)));
  }
}

// ---- the handshake, as a client --------------------------------------------------------------------------------

// Arguments: URL, key.
void request(Arguments& in, Answer& out) {
  const std::string url = in.text();
  const websocket::Offer offer{{}, std::nullopt, {}};
  const http1::Request request = websocket::handshake_request(websocket::parse_url(url).value(), offer, in.text());
  out.bytes("bytes", probe::encoded([&](wire::Writer& writer) { http1::encode(writer, request); }));
}

// Arguments: the head of a response, and the key of the request.
void check_response(Arguments& in, Answer& out) {
  const wire::Buffer bytes = in.bytes();
  Reader reader(bytes);
  const wire::Result<http1::Response> response = http1::decode_response(reader);
  if (!response) return out.error(response.error());
  const auto agreement = websocket::check_response(*response, {{}, std::nullopt, {}}, in.text());
  out.value("response", agreement ? "accepted" : "refused");
  if (!agreement) out.value("words", agreement.error().detail);
}

// ---- machines --------------------------------------------------------------------------------------------------

MaskingKey masking_key;  // of every frame that a client sends here
MaskingKey the_masking_key() { return masking_key; }

websocket::Settings settings(Side side, bool compressed) {
  websocket::Settings settings;
  settings.new_masking_key = the_masking_key;
  if (compressed) settings.compression = std::make_unique<websocket::Deflate>(side, websocket::DeflateParameters{});
  return settings;
}

void note(Answer& out, const websocket::Event& event) {
  if (const auto* message = std::get_if<websocket::Message>(&event)) {
    std::string title(name(message->type));
    if (!message->begins) title = "more of the " + title;
    if (!message->ends) title += ", unfinished";
    out.bytes(title, message->payload);
  }
  if (const auto* ping = std::get_if<websocket::Ping>(&event)) out.bytes("ping", ping->payload);
  if (const auto* pong = std::get_if<websocket::Pong>(&event)) out.bytes("pong", pong->payload);
  if (const auto* closed = std::get_if<websocket::Closed>(&event)) out.value("close", closed->close.code);
  if (const auto* failed = std::get_if<websocket::Failed>(&event)) {
    out.value("failed", failed->error.wire_code);
    out.value("words", failed->error.detail);
  }
}

// What a machine hears. Arguments: its side; what was said to it; the size of the pieces in which that comes; the
// longest message; and words: "pieces" are what messages are delivered in, "deflate" was agreed upon.
void hear(Arguments& in, Answer& out) {
  const Side ours = side(in);
  const wire::Buffer bytes = in.bytes();
  const auto piece = static_cast<std::size_t>(in.number());
  const std::uint64_t limit = in.number();
  bool in_pieces = false, compressed = false;
  while (in.more()) {
    const std::string word = in.text();
    in_pieces = in_pieces || word == "pieces";
    compressed = compressed || word == "deflate";
  }
  websocket::Settings chosen = settings(ours, compressed);
  chosen.limits.message = limit;
  chosen.limits.in_pieces = in_pieces;
  Connection machine(ours, std::move(chosen));
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    machine.receive(wire::Bytes(bytes).subspan(at, std::min(piece, bytes.size() - at)), {});
    for (int events = 0; auto event = machine.poll({}); ++events) {
      if (events > 100'000) throw std::runtime_error("the machine reports more than it was told: an endless loop?");
      note(out, *event);
    }
  }
  out.bytes("said", machine.take_output());
}

// What a machine says. Arguments: its side, its masking key, "deflate" or "plain", and then pairs: "text", "binary",
// "text piece", "ping" or "close", and the payload; a close's is a number.
void say(Arguments& in, Answer& out) {
  const Side ours = side(in);
  masking_key = key(in);
  const bool compressed = in.text() == "deflate";
  Connection machine(ours, settings(ours, compressed));
  bool changed = false;
  while (in.more()) {
    const std::string what = in.text();
    const wire::Buffer payload = in.bytes();
    const wire::Buffer copy(payload.begin(), payload.end());
    if (what == "close") machine.close(static_cast<std::uint16_t>(std::stoi(wire::as_string(payload))));
    else if (what == "ping") machine.ping(payload);
    else machine.send_piece(what == "binary" ? Opcode::binary : Opcode::text, payload, !what.ends_with("piece"));
    changed = changed || payload != copy;
  }
  out.bytes("bytes", machine.take_output());
  out.value("the caller's bytes", changed ? "changed" : "as they were");
}

// ---- permessage-deflate ----------------------------------------------------------------------------------------

// Argument: what the compressor wrote.
void cut_tail(Arguments& in, Answer& out) {
  wire::Buffer compressed = in.bytes();
  websocket::cut_tail(compressed);
  out.bytes("bytes", compressed);
}

// ---- explanations ----------------------------------------------------------------------------------------------

std::vector<wire::Said> conversation(Arguments& in) {
  std::vector<wire::Said> said;
  while (in.more()) {
    const std::string who = in.text();
    said.push_back({who == "client", in.bytes()});
  }
  return said;
}

// What was said on a connection. Arguments in pairs: who ("client" or "server"), and the bytes; or the bytes alone.
void explain(Arguments& in, Answer& out) {
  const wire::Buffer first = in.bytes();
  if (!in.more()) return out.value("text", websocket::explain(first));
  std::vector<wire::Said> said{{wire::as_text(first) == "client", in.bytes()}};
  for (wire::Said& one : conversation(in)) said.push_back(std::move(one));
  out.value("text", websocket::explain(said));
}

// The same as a byte walk: every part of every line. Arguments in pairs: who, and the bytes.
void walk(Arguments& in, Answer& out) { out.value("text", websocket::explain(conversation(in), wire::Form::walk)); }

}  // namespace

int main() {
  return probe::run({{"accept-key", accept_key},
                     {"decode-header", decode_header},
                     {"encode-header", encode_header},
                     {"encode-too-long", encode_too_long},
                     {"mask", mask},
                     {"utf8", utf8},
                     {"close-codes", close_codes},
                     {"request", request},
                     {"check-response", check_response},
                     {"hear", hear},
                     {"say", say},
                     {"cut-tail", cut_tail},
                     {"explain", explain},
                     {"walk", walk}});
}
