// Frames as bytes: the specification's own examples, every length, and all that is malformed.
#include "websocket/frame.hpp"

#include "heard.hpp"
#include "support/bytes.hpp"

using heard::from_hex;
using support::is_bytes;
using websocket::Close;
using websocket::decode_close;
using websocket::decode_header;
using websocket::FrameHeader;
using websocket::header_size;
using websocket::is_valid_close_code;
using websocket::MaskingKey;
using websocket::Opcode;
using wire::Buffer;
using wire::Bytes;
using wire::Errc;
using wire::Reader;
using wire::Result;
using wire::Writer;

namespace {

struct Vector {
  const char* what;
  const char* header;  // its bytes
  FrameHeader fields;
  const char* payload;  // as it is on the wire; nullptr: so many zeros
};

// RFC 6455 §5.7, all of it.
const Vector vectors[] = {
    {"a single-frame unmasked text message",
     "81"   // FIN, opcode 1: text
     "05",  // not masked, 5 bytes
     {.fin = true, .opcode = Opcode::text, .payload_length = 5},
     "48 65 6c 6c 6f"},
    {"a single-frame masked text message",
     "81"            // FIN, opcode 1: text
     "85"            // masked, 5 bytes
     "37 fa 21 3d",  // Masking-key
     {.fin = true, .opcode = Opcode::text, .masking_key = MaskingKey{0x37, 0xfa, 0x21, 0x3d}, .payload_length = 5},
     "7f 9f 4d 51 58"},
    {"a fragmented unmasked text message, its first frame",
     "01"   // more to come, opcode 1: text
     "03",  // not masked, 3 bytes
     {.fin = false, .opcode = Opcode::text, .payload_length = 3},
     "48 65 6c"},
    {"and its last",
     "80"   // FIN, opcode 0: continuation
     "02",  // not masked, 2 bytes
     {.fin = true, .opcode = Opcode::continuation, .payload_length = 2},
     "6c 6f"},
    {"an unmasked Ping request",
     "89"   // FIN, opcode 9: ping
     "05",  // not masked, 5 bytes
     {.fin = true, .opcode = Opcode::ping, .payload_length = 5},
     "48 65 6c 6c 6f"},
    {"a masked Ping response",
     "8a"            // FIN, opcode a: pong
     "85"            // masked, 5 bytes
     "37 fa 21 3d",  // Masking-key
     {.fin = true, .opcode = Opcode::pong, .masking_key = MaskingKey{0x37, 0xfa, 0x21, 0x3d}, .payload_length = 5},
     "7f 9f 4d 51 58"},
    {"256 bytes of binary message in a single unmasked frame",
     "82"      // FIN, opcode 2: binary
     "7e"      // not masked, the length in 16 bits
     "01 00",  // 256 bytes
     {.fin = true, .opcode = Opcode::binary, .payload_length = 256},
     nullptr},
    {"64 KiB of binary message in a single unmasked frame",
     "82"                        // FIN, opcode 2: binary
     "7f"                        // not masked, the length in 64 bits
     "00 00 00 00 00 01 00 00",  // 65536 bytes
     {.fin = true, .opcode = Opcode::binary, .payload_length = 65536},
     nullptr},
    // Not in the specification: every field has a value of its own.
    {"a frame of extensions to come",
     "76"                       // RSV1, RSV2, RSV3, opcode 6: reserved
     "ff"                       // masked, the length in 64 bits
     "71 23 45 67 89 ab cd ef"  // bytes
     "12 34 56 78",             // Masking-key
     {.fin = false,
      .rsv1 = true,
      .rsv2 = true,
      .rsv3 = true,
      .opcode = Opcode{6},
      .masking_key = MaskingKey{0x12, 0x34, 0x56, 0x78},
      .payload_length = 0x7123'4567'89ab'cdef},
     nullptr},
};

Result<FrameHeader> decoded(Bytes bytes) {
  Reader in(bytes);
  Result<FrameHeader> header = decode_header(in);
  if (header) CHECK(in.left() == 0);
  return header;
}

Buffer encoded(const FrameHeader& header) {
  Buffer bytes;
  Writer out(bytes);
  encode(out, header);
  return bytes;
}

Result<Close> decoded_close(Bytes bytes) {
  Reader in(bytes);
  Result<Close> close = decode_close(in);
  if (close) CHECK(in.left() == 0);
  return close;
}

Buffer encoded(const Close& close) {
  Buffer bytes;
  Writer out(bytes);
  encode(out, close);
  return bytes;
}

}  // namespace

TEST_CASE("the examples of RFC 6455 §5.7, read") {
  for (const Vector& vector : vectors) {
    INFO(vector.what);
    const auto header = decoded(from_hex(vector.header));
    REQUIRE(header);
    CHECK(header->fin == vector.fields.fin);
    CHECK(header->rsv1 == vector.fields.rsv1);
    CHECK(header->rsv2 == vector.fields.rsv2);
    CHECK(header->rsv3 == vector.fields.rsv3);
    CHECK(header->opcode == vector.fields.opcode);
    CHECK(header->masking_key == vector.fields.masking_key);
    CHECK(header->payload_length == vector.fields.payload_length);
  }
}

TEST_CASE("the examples of RFC 6455 §5.7, written") {
  for (const Vector& vector : vectors) {
    INFO(vector.what);
    CHECK_THAT(encoded(vector.fields), is_bytes(from_hex(vector.header)));
  }
}

TEST_CASE("each bit of the first byte has its own field") {
  const auto only = [](std::uint8_t first) { return *decoded(Buffer{first, 0}); };
  CHECK(only(0x80).fin);
  CHECK_FALSE(only(0x7f).fin);
  CHECK(only(0x40).rsv1);
  CHECK_FALSE(only(0xbf).rsv1);
  CHECK(only(0x20).rsv2);
  CHECK_FALSE(only(0xdf).rsv2);
  CHECK(only(0x10).rsv3);
  CHECK_FALSE(only(0xef).rsv3);
  for (unsigned first = 0; first < 256; ++first) {
    const FrameHeader header = only(static_cast<std::uint8_t>(first));
    CHECK(static_cast<unsigned>(header.opcode) == (first & 0xf));
    CHECK(encoded(header)[0] == first);
  }
}

TEST_CASE("a header's size is known from its first two bytes") {
  for (const Vector& vector : vectors) {
    INFO(vector.what);
    const Buffer header = from_hex(vector.header);
    CHECK(header_size(header) == header.size());
    CHECK(header_size(Bytes(header).first(2)) == header.size());
  }
  CHECK(header_size(from_hex("81 fe")) == 8);
  CHECK(header_size(from_hex("81 7d")) == 2);
  CHECK(header_size(from_hex("81 ff")) == 14);
}

TEST_CASE("a header that is cut anywhere is truncated") {
  for (const Vector& vector : vectors) {
    const Buffer whole = from_hex(vector.header);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      INFO(vector.what << ", " << n << " bytes of it");
      const auto header = decoded(Bytes(whole).first(n));
      REQUIRE_FALSE(header);
      CHECK(header.error().code == Errc::truncated);
    }
  }
  CHECK(decoded({}).error().detail == "FIN, RSV1-3, opcode needs 1 byte, 0 left, at byte 0");
  CHECK(decoded(from_hex("81")).error().detail == "MASK, Payload len needs 1 byte, 0 left, at byte 1");
  CHECK(decoded(from_hex("81 7e 01")).error().detail == "Extended payload length needs 2 bytes, 1 left, at byte 2");
  CHECK(decoded(from_hex("81 80 01 02 03")).error().detail == "Masking-key needs 4 bytes, 3 left, at byte 2");
}

TEST_CASE("a length is written in the shortest of its three forms") {
  struct Length {
    std::uint64_t length;
    const char* bytes;
  };
  for (const auto& [length, bytes] : {
           Length{0, "82 00"},
           {1, "82 01"},
           {125, "82 7d"},
           {126, "82 7e 00 7e"},
           {127, "82 7e 00 7f"},
           {0x0102, "82 7e 01 02"},
           {0xffff, "82 7e ff ff"},
           {0x10000, "82 7f 00 00 00 00 00 01 00 00"},
           {0x0102030405060708, "82 7f 01 02 03 04 05 06 07 08"},
           {0x7fff'ffff'ffff'ffff, "82 7f 7f ff ff ff ff ff ff ff"},
       }) {
    INFO(length);
    CHECK_THAT(encoded({.opcode = Opcode::binary, .payload_length = length}), is_bytes(from_hex(bytes)));
    const auto header = decoded(from_hex(bytes));
    REQUIRE(header);
    CHECK(header->payload_length == length);
  }
}

TEST_CASE("RFC 6455 §5.2: a length that has a shorter form, or more than 63 bits, is malformed") {
  for (const char* bytes : {
           "82 7e 00 00",
           "82 7e 00 7d",
           "82 fe 00 7d 01 02 03 04",
           "82 7f 00 00 00 00 00 00 00 00",
           "82 7f 00 00 00 00 00 00 00 7d",
           "82 7f 00 00 00 00 00 00 00 7e",
           "82 7f 00 00 00 00 00 00 ff ff",
           "82 7f 80 00 00 00 00 00 00 00",
           "82 7f ff ff ff ff ff ff ff ff",
       }) {
    INFO(bytes);
    const auto header = decoded(from_hex(bytes));
    REQUIRE_FALSE(header);
    CHECK(header.error().code == Errc::malformed);
    CHECK(header.error().wire_code == 1002);
  }
  CHECK(decoded(from_hex("82 7e 00 7d")).error().detail == "a length that has a shorter form, at byte 4");
  CHECK(decoded(from_hex("82 7f 80 00 00 00 00 00 00 00")).error().detail == "a length over 63 bits, at byte 10");
  CHECK_THROWS_AS(encoded({.payload_length = std::uint64_t{1} << 63}), wire::UsageError);
}

TEST_CASE("opcodes: names, which are control frames, which are reserved") {
  const char* names[] = {"continuation", "text", "binary", "reserved", "reserved", "reserved", "reserved", "reserved",
                         "close",        "ping", "pong",   "reserved", "reserved", "reserved", "reserved", "reserved"};
  for (int i = 0; i < 16; ++i) {
    const auto opcode = static_cast<Opcode>(i);
    CHECK(name(opcode) == names[i]);
    CHECK(is_reserved(opcode) == (names[i] == std::string_view("reserved")));
    CHECK(is_control(opcode) == (i >= 8));  // RFC 6455 §5.5: the top bit of the four
  }
}

// ---- Close -----------------------------------------------------------------------------------------------------

// RFC 6455 §7.4.1, §7.4.2, and IANA's registry.
TEST_CASE("every close code") {
  const auto expected = [](unsigned code) {
    switch (code) {
      case 1000:               // normal closure
      case 1001:               // going away
      case 1002:               // protocol error
      case 1003:               // unsupported data
      case 1007:               // invalid frame payload data
      case 1008:               // policy violation
      case 1009:               // message too big
      case 1010:               // mandatory extension
      case 1011:               // internal error
      case 1012:               // service restart
      case 1013:               // try again later
      case 1014: return true;  // bad gateway
      default: return code >= 3000 && code < 5000;
    }
  };
  for (unsigned code = 0; code <= 0xffff; ++code) {
    INFO(code);
    const bool valid = expected(code);
    if (is_valid_close_code(static_cast<std::uint16_t>(code)) != valid) FAIL("wrongly classified");
    const auto close = decoded_close(Buffer{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)});
    if (close.has_value() != valid) FAIL("wrongly decoded");
    if (!valid && close.error().wire_code != 1002) FAIL("answered with another code");
    if (valid && close->code != code) FAIL("another code");
    if (code == Close::no_status) continue;
    if (valid)
      CHECK_THAT(encoded(Close{static_cast<std::uint16_t>(code), {}}),
                 is_bytes(Buffer{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)}));
    else CHECK_THROWS_AS(encoded(Close{static_cast<std::uint16_t>(code), {}}), wire::UsageError);
  }
}

TEST_CASE("a Close has a code and a reason, a code alone, or nothing") {
  const auto both =
      decoded_close(from_hex("03 e8"        // Status code: 1000
                             "62 79 65"));  // Reason: "bye"
  REQUIRE(both);
  CHECK(both->code == 1000);
  CHECK(both->reason == "bye");
  CHECK_THAT(encoded(Close{1000, "bye"}), is_bytes(from_hex("03 e8 62 79 65")));

  const auto code = decoded_close(from_hex("0f a1"));
  REQUIRE(code);
  CHECK(code->code == 4001);
  CHECK(code->reason.empty());

  const auto nothing = decoded_close({});
  REQUIRE(nothing);
  CHECK(nothing->code == Close::no_status);
  CHECK(nothing->reason.empty());
  CHECK_THAT(encoded(Close{}), is_bytes(""));
}

TEST_CASE("what is wrong with a Close, and the code that answers it") {
  const auto one_byte = decoded_close(from_hex("03"));  // RFC 6455 §5.5.1: a body begins with two bytes
  REQUIRE_FALSE(one_byte);
  CHECK(one_byte.error().wire_code == 1002);
  CHECK(one_byte.error().detail == "half a status code, at byte 0");

  const auto code = decoded_close(from_hex("03 ed 62"));
  REQUIRE_FALSE(code);
  CHECK(code.error().wire_code == 1002);
  CHECK(code.error().detail == "status code 1005, at byte 2");

  for (const char* reason : {"03 e8 ff", "03 e8 62 c3", "03 e8 ed a0 80"}) {  // RFC 6455 §8.1
    INFO(reason);
    const auto close = decoded_close(from_hex(reason));
    REQUIRE_FALSE(close);
    CHECK(close.error().code == Errc::malformed);
    CHECK(close.error().wire_code == 1007);
  }
  CHECK(decoded_close(from_hex("03 e8 c3 a9")));
}

TEST_CASE("a reason has at most 123 bytes of UTF-8, or it is our own bug") {
  CHECK(encoded(Close{1000, std::string(123, 'x')}).size() == 125);
  CHECK_THROWS_AS(encoded(Close{1000, std::string(124, 'x')}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Close{1000, "\xff"}), wire::UsageError);
}

// ---- what traces say ---------------------------------------------------------------------------------------------

TEST_CASE("headers and Close payloads, explained") {
  const auto explained = [](const Buffer& bytes, auto decode) {
    wire::Trace trace;
    Reader in(bytes, &trace);
    (void)decode(in);
    return '\n' + wire::dump(trace, bytes);
  };
  CHECK(explained(from_hex("f1 fe 01 00 37 fa 21 3d"), decode_header) == R"(
  0000  f1                                        FIN, RSV1-3, opcode = 0xf1  FIN, RSV1, RSV2, RSV3, opcode 1: text  RFC 6455 §5.2
  0001  fe                                        MASK, Payload len = 0xfe  masked, 126                     RFC 6455 §5.2
  0002  01 00                                     Extended payload length = 256
  0004  37 fa 21 3d                               Masking-key               chosen by the client            RFC 6455 §5.3
)");
  CHECK(explained(from_hex("0b 05"), decode_header) == R"(
  0000  0b                                        FIN, RSV1-3, opcode = 0x0b  more to come, opcode b: reserved  RFC 6455 §5.2
  0001  05                                        MASK, Payload len = 0x05  not masked, 5                   RFC 6455 §5.2
)");
  CHECK(explained(from_hex("03 e8 62 79 65"), decode_close) == R"(
  0000  03 e8                                     Status code = 1000                                        RFC 6455 §7.4
  0002  bye                                       Reason                                                    RFC 6455 §7.1.6
)");
}
