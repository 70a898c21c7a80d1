#include "wire/bytes.hpp"

#include "support/catch.hpp"

using wire::Buffer;
using wire::Errc;
using wire::Reader;
using wire::Writer;

TEST_CASE("integers are read and written in both byte orders") {
  const Buffer bytes = {
      0x01,                                            // u8
      0x02, 0x03,                                      // u16
      0x04, 0x05, 0x06,                                // u24
      0x07, 0x08, 0x09, 0x0a,                          // u32
      0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,  // u64
      0x02, 0x03,                                      // u16le
      0x07, 0x08, 0x09, 0x0a,                          // u32le
      0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,  // u64le
  };
  Reader in(bytes);
  CHECK(in.u8("a") == 0x01);
  CHECK(in.u16("b") == 0x0203);
  CHECK(in.u24("c") == 0x040506);
  CHECK(in.u32("d") == 0x0708090a);
  CHECK(in.u64("e") == 0x0b0c0d0e0f101112);
  CHECK(in.u16le("f") == 0x0302);
  CHECK(in.u32le("g") == 0x0a090807);
  CHECK(in.u64le("h") == 0x1211100f0e0d0c0b);
  CHECK(in.ok());
  CHECK(in.left() == 0);

  Buffer written;
  Writer out(written);
  out.u8(0x01);
  out.u16(0x0203);
  out.u24(0x040506);
  out.u32(0x0708090a);
  out.u64(0x0b0c0d0e0f101112);
  out.u16le(0x0302);
  out.u32le(0x0a090807);
  out.u64le(0x1211100f0e0d0c0b);
  CHECK(written == bytes);
}

// region truncated
TEST_CASE("a read past the end names the field, and every read after it yields nothing") {
  const Buffer bytes = {0xaa, 0xbb, 0xcc};
  Reader in(bytes, nullptr, 10);
  CHECK(in.u16("Packet Identifier") == 0xaabb);
  CHECK(in.u16("Keep Alive") == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.error().code == Errc::truncated);
  CHECK(in.error().detail == "Keep Alive needs 2 bytes, 1 left, at byte 12");
  CHECK(in.u8("next") == 0);
  CHECK(in.bytes("more", 1).empty());
  CHECK(in.left() == 0);
  CHECK(in.error().detail == "Keep Alive needs 2 bytes, 1 left, at byte 12");  // the first failure stays
}
// endregion

TEST_CASE("bytes too many are an error when the end was expected") {
  const Buffer bytes = {1, 2, 3};
  Reader in(bytes);
  in.u8("only");
  in.expect_end("message");
  CHECK(in.error().code == Errc::malformed);
  CHECK(in.error().detail == "message has 2 bytes too many, at byte 1");
}

TEST_CASE("variable-length integers, seven bits a byte") {
  struct Case {
    std::uint64_t value;
    Buffer bytes;
  };
  const Case cases[] = {
      {0, {0x00}},
      {127, {0x7f}},
      {128, {0x80, 0x01}},
      {16'383, {0xff, 0x7f}},
      {268'435'455, {0xff, 0xff, 0xff, 0x7f}},  // MQTT's largest
      {~std::uint64_t{0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
  };
  for (const auto& [value, bytes] : cases) {
    CAPTURE(value);
    Buffer written;
    Writer(written).varint(value);
    CHECK(written == bytes);
    Reader in(bytes);
    CHECK(in.varint("v") == value);
    CHECK(in.left() == 0);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      Reader cut_short(wire::Bytes(bytes).first(cut));
      cut_short.varint("v");
      CHECK(cut_short.error().code == Errc::truncated);
    }
  }
}

TEST_CASE("variable-length integers that are too long or too large are malformed") {
  const Buffer five = {0xff, 0xff, 0xff, 0xff, 0x01};
  Reader mqtt(five);
  mqtt.varint("Remaining Length", 4);
  CHECK(mqtt.error().code == Errc::malformed);

  const Buffer over_64_bits = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  Reader in(over_64_bits);
  in.varint("v");
  CHECK(in.error().code == Errc::malformed);

  const Buffer endless(20, 0x80);
  Reader all(endless);
  all.varint("v");
  CHECK(all.error().code == Errc::malformed);
}

TEST_CASE("QUIC's variable-length integers: the samples of RFC 9000 §A.1") {
  struct Case {
    std::uint64_t value;
    Buffer bytes;
  };
  const Case cases[] = {
      {151'288'809'941'952'652, {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
      {494'878'333, {0x9d, 0x7f, 0x3e, 0x7d}},
      {15'293, {0x7b, 0xbd}},
      {37, {0x25}},
  };
  for (const auto& [value, bytes] : cases) {
    Buffer written;
    Writer(written).quic_varint(value);
    CHECK(written == bytes);
    Reader in(bytes);
    CHECK(in.quic_varint("v") == value);
    Reader cut_short(wire::Bytes(bytes).first(bytes.size() - 1));
    cut_short.quic_varint("v");
    CHECK_FALSE(cut_short.ok());
  }
  const Buffer long_form_of_37 = {0x40, 0x25};  // longer than needed is allowed
  Reader in(long_form_of_37);
  CHECK(in.quic_varint("v") == 37);
}

TEST_CASE("text up to a delimiter") {
  const auto bytes = wire::as_bytes("one\r\ntwo");
  Reader in(bytes);
  CHECK(in.starts_with("one"));
  CHECK(in.until("line", "\r\n") == "one");
  CHECK(in.left() == 3);
  CHECK(in.until("line", "\r\n").empty());
  CHECK(in.error().detail == "line has no end, at byte 5");
}

TEST_CASE("a part with its own length cannot be left") {
  const Buffer bytes = {2, 0xaa, 0xbb, 0xcc};
  Reader in(bytes);
  Reader part = in.sub("part", in.u8("length"));
  CHECK(part.u16("inside") == 0xaabb);
  part.u8("outside");
  CHECK(part.error().detail == "outside needs 1 byte, 0 left, at byte 3");
  CHECK(in.ok());
  in.merge(part);
  CHECK_FALSE(in.ok());
}

TEST_CASE("lengths that are known only afterwards") {
  Buffer bytes;
  Writer out(bytes);
  const auto mark = out.begin_length(2);
  out.text("hello");
  out.end_length(mark, 2);
  CHECK(bytes == Buffer{0, 5, 'h', 'e', 'l', 'l', 'o'});

  const auto too_small = out.begin_length(1);
  out.bytes(Buffer(256));
  CHECK_THROWS_AS(out.end_length(too_small, 1), wire::UsageError);
}

TEST_CASE("a value that does not fit its field is our own bug") {
  Buffer bytes;
  Writer out(bytes);
  CHECK_THROWS_AS(out.u8(256), wire::UsageError);
  CHECK_THROWS_AS(out.u24(1 << 24), wire::UsageError);
  CHECK_THROWS_AS(out.u16le(1 << 16), wire::UsageError);
  CHECK_THROWS_AS(out.quic_varint(std::uint64_t{1} << 62), wire::UsageError);
  CHECK(bytes.empty());
}

TEST_CASE("a byte of flags is a number to who reads it, and hexadecimal to who watches") {
  const Buffer bytes = {0x10, 0x85};
  wire::Trace trace;
  Reader in(bytes, &trace, 100);
  in.u8("before");
  CHECK(in.flags("Connect Flags") == 0x85);
  in.explain("clean session");
  REQUIRE(trace.fields.size() == 2);
  CHECK(trace.fields[1].name == "Connect Flags");
  CHECK(trace.fields[1].value == "0x85");
  CHECK(trace.fields[1].meaning == "clean session");
  CHECK(trace.fields[1].offset == 101);
  CHECK(trace.fields[1].size == 1);
  CHECK(in.flags("none left") == 0);
  CHECK(in.error().detail == "none left needs 1 byte, 0 left, at byte 102");
  CHECK(trace.fields.size() == 2);
  CHECK(Reader(bytes).flags("untraced") == 0x10);
}

TEST_CASE("bytes that were written may be changed on their way out") {
  Buffer out;
  Writer writer(out);
  writer.u8(1);
  const auto placed = writer.bytes(Buffer{2, 3});
  REQUIRE(placed.size() == 2);
  placed[0] ^= 0xff;
  writer.u8(4);
  CHECK(out == Buffer{1, 0xfd, 3, 4});
  CHECK(writer.bytes({}).empty());
}
