#include "wire/trace.hpp"

#include "support/catch.hpp"
#include "wire/bytes.hpp"

using wire::Buffer;

// region dump
TEST_CASE("a dump shows every byte once, with its field") {
  const Buffer bytes = {0x10, 0x02, 0x00, 0x3c, 'h', 'i', 0xff, 0xfe};
  wire::Trace trace;
  wire::Reader in(bytes, &trace);
  in.u8("Packet Type");
  in.explain("CONNECT", "MQTT 3.1.1 §3.1");
  trace.depth = 1;
  in.u8("Connect Flags");
  in.u16("Keep Alive");
  trace.depth = 0;
  in.text("Payload", 2);
  CHECK("\n" + wire::dump(trace, bytes) == R"(
  0000  10                                        Packet Type = 16          CONNECT                         MQTT 3.1.1 §3.1
  0001  02                                          Connect Flags = 2
  0002  00 3c                                       Keep Alive = 60
  0004  hi                                        Payload
  0006  ff fe                                     (not explained)
)");
}
// endregion

TEST_CASE("a walk shows every byte twice, and the parts of a line") {
  const Buffer bytes = {'A', 'b', 0xff, ' ', '1', '\r', '\n', 'x', 0, 60};
  wire::Trace trace;
  wire::Reader in(bytes, &trace);
  in.text("line", 7);
  in.part(3, "word", "what it is", "RFC 1 §2");
  in.part(0, "nothing");
  in.part(1, "SP");
  in.text("rest", 1);
  in.part(1000, "as much as there is");
  in.u16("Keep Alive");
  CHECK("\n" + wire::walk(trace, bytes, 16) == R"(
  0010  41 62 ff                 Ab·       word: what it is                                          RFC 1 §2
  0013  20                       ␠         SP
  0014  31 0d 0a                 1␍␊       (not explained)
  0017  78                       x         as much as there is
  0018  00 3c                    ·<        Keep Alive = 60
)");
}

TEST_CASE("long fields go over several rows, and are cut short at last") {
  const std::string text = "GET /a/path/that/is/longer/than/one/row/can/show HTTP/1.1\r\n";
  wire::Trace trace;
  wire::Reader in(wire::as_bytes(text), &trace);
  in.until("request-line", "\r\n");
  CHECK("\n" + wire::dump(trace, wire::as_bytes(text)) == R"(
  0000  GET /a/path/that/is/longer/than/one/row/  request-line
  0028  can/show HTTP/1.1\r\n
)");

  const Buffer zeros(1000);
  wire::Trace many;
  wire::Reader(zeros, &many).bytes("padding", 1000);
  CHECK("\n" + wire::dump(many, zeros, 10) == R"(
  0000  00 00 00 00 00 00 00 00                   padding
  0008  00 00
        ... 990 more bytes
)");
}

TEST_CASE("control characters are visible") {
  const Buffer bytes = {'a', '\r', '\n', '\t', '"', '\\', 0x00, 0x7f, 0xc3};
  CHECK(wire::visible(bytes) == R"(a\r\n\t\"\\\x00\x7f\xc3)");
}

TEST_CASE("without a trace nothing is remembered, with one every read is") {
  const Buffer bytes = {1, 2, 3, 4};
  wire::Trace trace;
  wire::Reader traced(bytes, &trace, 100);
  traced.u16("first");
  traced.bytes("second", 2);
  REQUIRE(trace.fields.size() == 2);
  CHECK(trace.fields[0].offset == 100);
  CHECK(trace.fields[0].value == "258");
  CHECK(trace.fields[1].offset == 102);
  CHECK(trace.fields[1].size == 2);
  traced.u8("beyond");
  CHECK(trace.fields.size() == 2);
}
