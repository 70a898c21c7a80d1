// Every MUST about bad input, with the code that answers it; and that it is answered at once.
#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

using heard::operator+;
using heard::client_says;
using heard::frame;
using heard::from_hex;
using heard::hear;
using heard::Heard;
using heard::peer_of;
using heard::server_says;
using heard::settings;
using heard::that_is;
using heard::Then;
using support::is_bytes;
using websocket::Connection;
using websocket::DeflateParameters;
using websocket::Event;
using websocket::FrameHeader;
using websocket::Limits;
using websocket::Opcode;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

namespace {

const Side both_sides[] = {Side::client, Side::server};

Side other(Side side) { return side == Side::client ? Side::server : Side::client; }

// The connection fails with this code, for this reason; before, it may have heard something. The answer is a Close with
// both, and nothing that follows is looked at.
void fails(Side side, const Buffer& bytes, unsigned code, std::string_view why, std::string_view before = "",
           const Limits& limits = {}, const std::optional<DeflateParameters>& deflate = {}) {
  const Buffer more = bytes + peer_of(side).text("after") + peer_of(side).ping("after");
  const Heard heard = support::same_however_cut(
      more, [&](const support::Pieces& pieces) { return hear(side, pieces, Then::eof, limits, deflate); });
  CHECK(heard.events == fmt::format("{}failed {} {}\n", before, code, why));
  const std::string_view reason = why.substr(why.find(": ") + 2);
  CHECK_THAT(heard.output, is_bytes(that_is(side).close(code, reason)));
  CHECK(heard.closed);
}

// A header with this payload, masked as the peer must.
Buffer of_peer(Side side, const FrameHeader& header, std::string_view payload = "") {
  return frame(other(side), header, payload);
}

}  // namespace

TEST_CASE("RFC 6455 §5.1: a client masks every frame, and a server none") {
  fails(Side::server, server_says.text("Hello"), 1002, "malformed: a frame that is not masked");
  fails(Side::server, server_says.ping(), 1002, "malformed: a frame that is not masked");
  fails(Side::server, client_says.text("H", false) + server_says.last("i"), 1002,
        "malformed: a frame that is not masked");
  fails(Side::client, client_says.text("Hello"), 1002, "malformed: a masked frame from a server");
  fails(Side::client, client_says.close(1000), 1002, "malformed: a masked frame from a server");
}

TEST_CASE("RFC 6455 §5.2: reserved bits are zero") {
  for (const Side side : both_sides) {
    for (const Opcode opcode : {Opcode::text, Opcode::binary, Opcode::ping, Opcode::pong, Opcode::close}) {
      for (int bits = 1; bits < 8; ++bits) {
        const FrameHeader header{
            .rsv1 = (bits & 4) != 0, .rsv2 = (bits & 2) != 0, .rsv3 = (bits & 1) != 0, .opcode = opcode};
        fails(side, of_peer(side, header), 1002, "malformed: a reserved bit");
      }
    }
    fails(side, peer_of(side).text("a", false) + of_peer(side, {.rsv1 = true, .opcode = Opcode::continuation}), 1002,
          "malformed: a reserved bit");
  }
}

TEST_CASE("RFC 7692 §6: with compression RSV1 has a meaning, but only where a message begins") {
  for (const Side side : both_sides) {
    const auto fails_with_deflate = [&](const FrameHeader& header, const Buffer& before = {}) {
      fails(side, before + of_peer(side, header), 1002, "malformed: a reserved bit", "", {}, DeflateParameters{});
    };
    fails_with_deflate({.rsv2 = true, .opcode = Opcode::text});
    fails_with_deflate({.rsv1 = true, .rsv2 = true, .opcode = Opcode::text});
    fails_with_deflate({.rsv1 = true, .rsv3 = true, .opcode = Opcode::binary});
    fails_with_deflate({.rsv1 = true, .opcode = Opcode::ping});
    fails_with_deflate({.rsv1 = true, .opcode = Opcode::pong});
    fails_with_deflate({.rsv1 = true, .opcode = Opcode::close});
    const Buffer begun = peer_of(side).compressed(Opcode::text, from_hex("f2 48"), false);
    fails_with_deflate({.rsv1 = true, .opcode = Opcode::continuation}, begun);
    fails_with_deflate({.rsv1 = true, .opcode = Opcode::continuation}, peer_of(side).text("a", false));
  }
}

TEST_CASE("RFC 6455 §5.2: reserved opcodes fail the connection") {
  for (const Side side : both_sides) {
    for (const int opcode : {3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf}) {
      INFO(opcode);
      fails(side, of_peer(side, {.opcode = Opcode(opcode)}), 1002, "malformed: a reserved opcode");
      fails(side, of_peer(side, {.fin = false, .opcode = Opcode(opcode)}, "x"), 1002, "malformed: a reserved opcode");
    }
  }
}

TEST_CASE("RFC 6455 §5.2: lengths in their shortest form, at most 63 bits") {
  const auto why = [](std::string_view what, int at) { return fmt::format("malformed: {}, at byte {}", what, at); };
  fails(Side::client, from_hex("82 7e 00 05"), 1002, why("a length that has a shorter form", 4));
  fails(Side::client, from_hex("82 7f 00 00 00 00 00 00 ff ff"), 1002, why("a length that has a shorter form", 10));
  fails(Side::client, from_hex("82 7f 80 00 00 00 00 00 00 00"), 1002, why("a length over 63 bits", 10));
  fails(Side::client, from_hex("89 7e 00 05"), 1002, why("a length that has a shorter form", 4));
  fails(Side::server, from_hex("82 ff ff ff ff ff ff ff ff ff 01 02 03 04"), 1002, why("a length over 63 bits", 10));
}

TEST_CASE("RFC 6455 §5.5: control frames are whole, and have at most 125 bytes") {
  for (const Side side : both_sides) {
    for (const Opcode opcode : {Opcode::ping, Opcode::pong, Opcode::close}) {
      fails(side, of_peer(side, {.fin = false, .opcode = opcode}), 1002, "malformed: a control frame in fragments");
      fails(side, of_peer(side, {.opcode = opcode}, std::string(126, 'x')), 1002,
            "malformed: a control frame over 125 bytes");
      fails(side, of_peer(side, {.opcode = opcode}, std::string(300, 'x')), 1002,
            "malformed: a control frame over 125 bytes");
    }
  }
}

TEST_CASE("RFC 6455 §5.4: fragments of one message, in order, and nothing of another between them") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    fails(side, peer.last("x"), 1002, "malformed: a continuation of nothing");
    fails(side, peer.more(""), 1002, "malformed: a continuation of nothing");
    fails(side, peer.text("a") + peer.last("b"), 1002, "malformed: a continuation of nothing", "text a\n");
    fails(side, peer.text("a", false) + peer.last("b") + peer.last("c"), 1002, "malformed: a continuation of nothing",
          "text ab\n");
    fails(side, peer.text("a", false) + peer.text("b"), 1002, "malformed: a new message within another");
    fails(side, peer.binary("", false) + peer.pong("p") + peer.binary("b", false), 1002,
          "malformed: a new message within another", "pong p\n");
  }
}

// ---- text ------------------------------------------------------------------------------------------------------

TEST_CASE("RFC 6455 §8.1: text that is not UTF-8 fails the connection with 1007") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    const std::string_view why = "malformed: text that is not UTF-8";
    for (const char* bad : {"\xff", "a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "cut\xe2\x82", "\xc3"})
      fails(side, peer.text(bad), 1007, why);
    fails(side, peer.text("\xe2", false) + peer.more("\x82") + peer.last("x"), 1007, why);
    fails(side, peer.text("\xe2", false) + peer.last(""), 1007, why);
    fails(side, peer.text("good") + peer.text("\xff"), 1007, why, "text good\n");
  }
}

TEST_CASE("bytes need not be UTF-8, and a Ping's neither") {
  const Buffer bytes = client_says.binary("\xff\xc3") + client_says.pong("\xff");
  const Bytes whole[] = {bytes};
  CHECK(hear(Side::server, whole).events == "binary \\xff\\xc3\npong \\xff\n");
}

TEST_CASE("text that can't become UTF-8 is refused at that byte, in the midst of a frame and a message") {
  const auto fails_at = [](const Buffer& bytes, std::size_t at, const std::optional<DeflateParameters>& deflate = {}) {
    Connection server(Side::server, settings(Side::server, {}, deflate));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      INFO("byte " << i);
      CHECK(server.closed() == (i > at));
      server.receive(Bytes(bytes).subspan(i, 1), {});
      while (server.poll({})) {
      }
    }
    CHECK(server.closed());
  };
  fails_at(client_says.text("a\xff____"), 7);                                             // 6 bytes of header
  fails_at(client_says.text("ab\xed", false) + client_says.more("\xa0\x80rest"), 9 + 6);  // Autobahn 6.4
  fails_at(client_says.text("ab\xf4\x90____", false), 9);                                 //
  Buffer frame = client_says.text(std::string(70'000, 'x'));
  frame.resize(100);
  frame[50] ^= 0x80;
  fails_at(frame, 50);  // though 70000 are to come
  // A stored block: each byte comes out as it goes in.
  const Buffer compressed = from_hex("00 05 00 fa ff 48 ff 6c 6c 6f 00");
  fails_at(client_says.compressed(Opcode::text, compressed), 6 + 6, DeflateParameters{});
}

TEST_CASE("a message's text does not lean on the last one's") {
  fails(Side::server, client_says.text("\xc3\xa9") + client_says.text("\xa9"), 1007,
        "malformed: text that is not UTF-8", "text \\xc3\\xa9\n");
}

// ---- Close -----------------------------------------------------------------------------------------------------

TEST_CASE("RFC 6455 §5.5.1, §7.4: what a Close may say") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    fails(side, peer.of(Opcode::close, "x", true), 1002, "malformed: half a status code, at byte 0");
    for (const unsigned code : {0u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 1100u, 2000u, 2999u, 5000u, 65535u})
      fails(side, peer.close(code), 1002, fmt::format("malformed: status code {}, at byte 2", code));
    fails(side, peer.close(1000, "\xff"), 1007, "malformed: the reason is not UTF-8, at byte 3");
    fails(side, peer.close(1000, "cut \xe2\x82"), 1007, "malformed: the reason is not UTF-8, at byte 8");
  }
}

// ---- compression -----------------------------------------------------------------------------------------------

TEST_CASE("RFC 7692 §7.2.2: what can't be inflated fails the connection with 1007") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    const auto fails_with = [&](const Buffer& bytes, std::string_view before = "") {
      fails(side, bytes, 1007, "malformed: compressed data that is broken", before, {}, DeflateParameters{});
    };
    fails_with(peer.compressed(Opcode::binary, from_hex("06")));
    fails_with(peer.compressed(Opcode::binary, from_hex("f2 48 05 00 00 00 ff ff"), false) + peer.last("\x06"));
    fails_with(peer.compressed(Opcode::text, from_hex("f2 48 cd c9 c9 07 00")) +
                   peer.compressed(Opcode::text, from_hex("06 06")),
               "text Hello\n");
  }
}

TEST_CASE("RFC 6455 §8.1 holds for what comes of compressed text") {
  // A stored block with c3, and another one with 28.
  const Buffer bad = from_hex("00 01 00 fe ff c3 00 01 00 fe ff 28 00");
  fails(Side::server, client_says.compressed(Opcode::text, bad), 1007, "malformed: text that is not UTF-8", "", {},
        DeflateParameters{});
  const Buffer cut = from_hex("00 01 00 fe ff c3 00");
  fails(Side::server, client_says.compressed(Opcode::text, cut), 1007, "malformed: text that is not UTF-8", "", {},
        DeflateParameters{});
}

// ---- the end of the stream -------------------------------------------------------------------------------------

TEST_CASE("a peer that hangs up without a Close has failed: 1006, which is never sent") {
  for (const Side side : both_sides) {
    const auto& peer = peer_of(side);
    for (const Buffer& bytes : {Buffer{}, peer.text("a"), peer.text("a", false), Buffer{0x81}}) {
      const Bytes whole[] = {bytes};
      const Heard heard = hear(side, whole, Then::eof);
      CHECK(heard.events.ends_with("failed 1006 truncated: the peer hung up without a Close frame\n"));
      CHECK_THAT(heard.output, is_bytes(""));
      CHECK(heard.closed);
    }
  }
}

TEST_CASE("what came before the end of the stream counts") {
  const Buffer bytes = client_says.text("a") + client_says.close(1000);
  const Bytes whole[] = {bytes};
  const Heard heard = hear(Side::server, whole, Then::eof);
  CHECK(heard.events == "text a\nclosed 1000 \n");
}
