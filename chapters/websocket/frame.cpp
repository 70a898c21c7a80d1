#include "websocket/frame.hpp"

#include "websocket/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace websocket {

using wire::Errc;
using wire::Reader;
using wire::Result;
using wire::Writer;

std::string_view name(Opcode opcode) {
  switch (opcode) {
    case Opcode::continuation: return "continuation";
    case Opcode::text: return "text";
    case Opcode::binary: return "binary";
    case Opcode::close: return "close";
    case Opcode::ping: return "ping";
    case Opcode::pong: return "pong";
  }
  return "reserved";
}

// ---- the header ------------------------------------------------------------------------------------------------

// The two values of Payload len that mean: the length comes next, in so many bits.
constexpr std::uint8_t length_in_16_bits = 126;
constexpr std::uint8_t length_in_64_bits = 127;

// region header-size
std::size_t header_size(wire::Bytes begin) {
  const bool masked = begin[1] & 0x80;
  const std::uint8_t length = begin[1] & 0x7f;
  const std::size_t extended = length == length_in_16_bits ? 2 : length == length_in_64_bits ? 8 : 0;
  return min_header_size + extended + (masked ? 4 : 0);
}
// endregion

namespace {

std::string in_words(const FrameHeader& header) {
  std::string words = header.fin ? "FIN, " : "more to come, ";
  if (header.rsv1) words += "RSV1, ";
  if (header.rsv2) words += "RSV2, ";
  if (header.rsv3) words += "RSV3, ";
  return words + fmt::format("opcode {:x}: {}", static_cast<int>(header.opcode), name(header.opcode));
}

std::string in_words(bool masked, std::uint64_t payload_len) {
  return fmt::format("{}masked, {}", masked ? "" : "not ", payload_len);
}

}  // namespace

// region decode-header
Result<FrameHeader> decode_header(Reader& in) {
  FrameHeader header;
  // region first-byte
  const std::uint8_t first = in.flags("FIN, RSV1-3, opcode");
  header.fin = first & 0x80;
  header.rsv1 = first & 0x40;
  header.rsv2 = first & 0x20;
  header.rsv3 = first & 0x10;
  header.opcode = static_cast<Opcode>(first & 0x0f);
  // endregion
  if (in.tracing()) in.explain(in_words(header), "RFC 6455 §5.2");

  bool masked = false;
  // region second-byte
  const std::uint8_t second = in.flags("MASK, Payload len");
  masked = second & 0x80;
  header.payload_length = second & 0x7f;
  // endregion
  if (in.tracing()) in.explain(in_words(masked, header.payload_length), "RFC 6455 §5.2");

  // region extended-length
  std::uint64_t shortest = 0;  // what would not have fitted the shorter form
  if (header.payload_length == length_in_16_bits) {
    header.payload_length = in.u16("Extended payload length");
    shortest = length_in_16_bits;
  } else if (header.payload_length == length_in_64_bits) {
    header.payload_length = in.u64("Extended payload length");
    shortest = 0x10000;
  }
  if (header.payload_length < shortest) in.fail(Errc::malformed, "a length that has a shorter form", 1002);
  if (header.payload_length >> 63) in.fail(Errc::malformed, "a length over 63 bits", 1002);
  // endregion

  if (masked) {
    const wire::Bytes key = in.bytes("Masking-key", 4);
    in.explain("chosen by the client", "RFC 6455 §5.3");
    if (in.ok()) std::ranges::copy(key, header.masking_key.emplace().begin());
  }
  if (!in.ok()) return std::unexpected(in.error());
  return header;
}
// endregion

// region encode-header
void encode(Writer& out, const FrameHeader& header) {
  // region write-header
  const std::uint64_t length = header.payload_length;
  if (length >> 63) throw wire::UsageError("a payload has at most 2^63-1 bytes");
  out.u8((header.fin ? 0x80u : 0) | (header.rsv1 ? 0x40u : 0) | (header.rsv2 ? 0x20u : 0) | (header.rsv3 ? 0x10u : 0) |
         static_cast<unsigned>(header.opcode));
  const unsigned mask = header.masking_key ? 0x80 : 0;
  if (length < length_in_16_bits) {
    out.u8(mask | length);
  } else if (length < 0x10000) {
    out.u8(mask | length_in_16_bits);
    out.u16(length);
  } else {
    out.u8(mask | length_in_64_bits);
    out.u64(length);
  }
  if (header.masking_key) out.bytes(*header.masking_key);
  // endregion
}
// endregion

// ---- Close -----------------------------------------------------------------------------------------------------

// region close-code
bool is_valid_close_code(std::uint16_t code) {
  // region valid-close-code
  if (code == 1004 || code == 1005 || code == 1006) return false;  // reserved; or only for what had no Close frame
  return (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
  // endregion
}

Result<Close> decode_close(Reader& in) {
  Close close;
  if (in.left() == 0) return close;
  if (in.left() == 1) in.fail(Errc::malformed, "half a status code", 1002);
  close.code = in.u16("Status code");
  in.explain({}, "RFC 6455 §7.4");
  if (!is_valid_close_code(close.code)) in.fail(Errc::malformed, fmt::format("status code {}", close.code), 1002);
  if (in.left() > 0) {
    close.reason = in.text("Reason", in.left());
    in.explain({}, "RFC 6455 §7.1.6");
  }
  if (!is_utf8(wire::as_bytes(close.reason))) in.fail(Errc::malformed, "the reason is not UTF-8", 1007);
  if (!in.ok()) return std::unexpected(in.error());
  return close;
}

void encode(Writer& out, const Close& close) {
  if (close.code == Close::no_status) return;
  if (!is_valid_close_code(close.code)) throw wire::UsageError("this status code must not be sent");
  if (close.reason.size() > max_reason) throw wire::UsageError("a reason has at most 123 bytes");
  if (!is_utf8(wire::as_bytes(close.reason))) throw wire::UsageError("a reason is UTF-8");
  out.u16(close.code);
  out.text(close.reason);
}
// endregion

}  // namespace websocket
