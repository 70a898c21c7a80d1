// A frame as bytes (RFC 6455 §5.2). A message is one frame, or several of which the first names the type and the last
// has FIN set.
//
//      0               1               2               3
//     +-+-+-+-+-------+-+-------------+-------------------------------+
//     |F|R|R|R| opcode|M| Payload len |    Extended payload length    |   16 bits where Payload len is 126,
//     |I|S|S|S|       |A|             |                               |   64 bits where it is 127, else none
//     |N|V|V|V|       |S|             |                               |
//     | |1|2|3|       |K|             |                               |
//     +-+-+-+-+-------+-+-------------+-------------------------------+
//     |                          Masking-key                          |   from clients only
//     +---------------------------------------------------------------+
//     |                         Payload Data                          |   from clients: masked
//     +---------------------------------------------------------------+
#pragma once
#include "wire/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace websocket {

enum class Opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,  // from here on, control frames: they may come between the frames of a message
  ping = 0x9,
  pong = 0xa,
};
std::string_view name(Opcode opcode);  // "text"; "reserved" for the eleven without a meaning

constexpr bool is_control(Opcode opcode) { return static_cast<int>(opcode) >= 0x8; }
constexpr bool is_reserved(Opcode opcode) { return (static_cast<int>(opcode) & 0x7) > 2; }

using MaskingKey = std::array<std::uint8_t, 4>;

struct FrameHeader {
  bool fin = true;
  bool rsv1 = false, rsv2 = false, rsv3 = false;  // for extensions; permessage-deflate uses RSV1
  Opcode opcode = Opcode::text;
  std::optional<MaskingKey> masking_key;
  std::uint64_t payload_length = 0;  // at most 2^63-1
};

constexpr std::size_t min_header_size = 2;
constexpr std::uint64_t max_control_payload = 125;  // RFC 6455 §5.5

// The size of the header that begins with these bytes, at least min_header_size of them: 2 to 14.
std::size_t header_size(wire::Bytes begin);

// Errors have wire_code 1002: a length that is not the shortest way to write it, or over 63 bits. What a frame means,
// and whether it may come now, is not decided here.
wire::Result<FrameHeader> decode_header(wire::Reader& in);
void encode(wire::Writer& out, const FrameHeader& header);

// The payload of a Close frame (RFC 6455 §5.5.1, §7.4).
struct Close {
  static constexpr std::uint16_t no_status = 1005;  // stands for "no code was there"; never on the wire
  std::uint16_t code = no_status;
  std::string reason;  // UTF-8, at most 123 bytes
};
constexpr std::size_t max_reason = max_control_payload - 2;

// Whether an endpoint may send this code: those of §7.4.1, what was registered with IANA later (1012 to 1014), and the
// two ranges for libraries (3000 to 3999) and applications (4000 to 4999).
bool is_valid_close_code(std::uint16_t code);

// Errors: 1002 for one byte alone and for a code that must not be sent, 1007 for a reason that is not UTF-8.
wire::Result<Close> decode_close(wire::Reader& in);
void encode(wire::Writer& out, const Close& close);

}  // namespace websocket
