// permessage-deflate: the examples of RFC 7692 §7.2.3, every window, limits, and what was said comes out again.
#include "websocket/deflate.hpp"

#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

#include <zlib.h>

#include <random>
#ifdef __GLIBC__
#include <malloc.h>
#endif

using heard::operator+;
using heard::from_hex;
using heard::to_buffer;
using support::is_bytes;
using websocket::Deflate;
using websocket::DeflateParameters;
using wire::Buffer;
using wire::Bytes;
using wire::Errc;
using wire::Result;
using wire::Side;

namespace {

constexpr std::uint64_t plenty = 1 << 30;

// A message that came, whole.
Result<Buffer> decompressed(Deflate& deflate, Bytes message, std::uint64_t limit = plenty) {
  return deflate.decompress(message, true, limit);
}
Result<Buffer> decompressed(const char* hex, const DeflateParameters& parameters = {}) {
  Deflate server(Side::server, parameters);
  return decompressed(server, from_hex(hex));
}

// Words that repeat, near and far; compressible, but not a single run.
std::string words(std::size_t n) {
  std::minstd_rand random(1);
  std::string text;
  while (text.size() < n) text += "word" + std::to_string(random() % 500) + ' ';
  text.resize(n);
  return text;
}
std::string noise(std::size_t n) {
  std::minstd_rand random(2);
  std::string bytes(n, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

std::string round_trip(Deflate& from, Deflate& to, std::string_view message, std::size_t piece_size = plenty) {
  Buffer out;
  for (Bytes rest = wire::as_bytes(message);;) {
    const Bytes piece = rest.first(std::min(piece_size, rest.size()));
    rest = rest.subspan(piece.size());
    const Buffer compressed = from.compress(piece, rest.empty());
    const Result<Buffer> got = to.decompress(compressed, rest.empty(), plenty);
    if (!got) return "error: " + to_string(got.error());
    out = out + *got;
    if (rest.empty()) return wire::as_string(out);
  }
}

}  // namespace

// ---- RFC 7692 §7.2.3 -------------------------------------------------------------------------------------------

TEST_CASE("RFC 7692 §7.2.3.1: a message compressed as one block") {
  const auto hello = decompressed("f2 48 cd c9 c9 07 00");
  REQUIRE(hello);
  CHECK_THAT(*hello, is_bytes("Hello"));
  Deflate client(Side::client, {});
  CHECK_THAT(client.compress(wire::as_bytes("Hello"), true), is_bytes(from_hex("f2 48 cd c9 c9 07 00")));
}

TEST_CASE("RFC 7692 §7.2.3.1: the same in two fragments") {
  Deflate server(Side::server, {});
  const auto first = server.decompress(from_hex("f2 48 cd"), false, plenty);
  const auto second = server.decompress(from_hex("c9 c9 07 00"), true, plenty);
  REQUIRE(first);
  REQUIRE(second);
  CHECK_THAT(*first + *second, is_bytes("Hello"));
}

TEST_CASE("RFC 7692 §7.2.3.2: the window is shared by the messages") {
  Deflate client(Side::client, {}), server(Side::server, {});
  const Buffer first = client.compress(wire::as_bytes("Hello"), true);
  const Buffer second = client.compress(wire::as_bytes("Hello"), true);
  CHECK_THAT(first, is_bytes(from_hex("f2 48 cd c9 c9 07 00")));
  CHECK_THAT(second, is_bytes(from_hex("f2 00 11 00 00")));
  CHECK_THAT(*decompressed(server, first), is_bytes("Hello"));
  CHECK_THAT(*decompressed(server, second), is_bytes("Hello"));
}

TEST_CASE("RFC 7692 §7.2.3.3: a block without compression") {
  const auto hello = decompressed("00 05 00 fa ff 48 65 6c 6c 6f 00");
  REQUIRE(hello);
  CHECK_THAT(*hello, is_bytes("Hello"));
}

TEST_CASE("RFC 7692 §7.2.3.4: a block that says that it is the last") {
  const auto hello = decompressed("f3 48 cd c9 c9 07 00 00");
  REQUIRE(hello);
  CHECK_THAT(*hello, is_bytes("Hello"));

  // It is not: the same message may go on, the next one may follow, and both may refer to it.
  Deflate server(Side::server, {});
  CHECK_THAT(*decompressed(server, from_hex("f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00")), is_bytes("HelloHello"));
  CHECK_THAT(*decompressed(server, from_hex("f2 00 11 00 00")), is_bytes("Hello"));
  CHECK_THAT(*decompressed(server, from_hex("f3 48 cd c9 c9 07 00 00")), is_bytes("Hello"));
  CHECK_THAT(*decompressed(server, from_hex("f2 00 11 00 00")), is_bytes("Hello"));
}

TEST_CASE("the block whose end is not sent may say that it is the last, too (RFC 7692 §7.2.1)") {
  const auto nothing = decompressed("01");
  REQUIRE(nothing);
  CHECK(nothing->empty());
  Deflate server(Side::server, {});
  CHECK_THAT(*decompressed(server, from_hex("f2 48 cd c9 c9 07 04")), is_bytes("Hello"));
  CHECK_THAT(*decompressed(server, from_hex("f2 00 11 00 00")), is_bytes("Hello"));
  CHECK(decompressed("f3 48 cd c9 c9 07 00").error().wire_code == 1007);  // but the block has to begin
}

TEST_CASE("RFC 7692 §7.2.3.5: two blocks in one message") {
  const auto hello = decompressed("f2 48 05 00 00 00 ff ff ca c9 c9 07 00");
  REQUIRE(hello);
  CHECK_THAT(*hello, is_bytes("Hello"));
}

TEST_CASE("RFC 7692 §7.2.3.6: an empty message") {
  const auto nothing = decompressed("00");
  REQUIRE(nothing);
  CHECK_THAT(*nothing, is_bytes(""));
  Deflate client(Side::client, {});
  for (int i = 0; i < 3; ++i) {
    const Buffer empty = client.compress({}, true);
    Deflate server(Side::server, {});
    CHECK_THAT(*decompressed(server, empty), is_bytes(""));
  }
}

TEST_CASE("the end of what is sent: RFC 7692 §7.2.1") {
  const auto cut = [](const char* hex) {
    Buffer bytes = from_hex(hex);
    websocket::cut_tail(bytes);
    return bytes;
  };
  CHECK_THAT(cut("f2 48 00 00 00 ff ff"), is_bytes(from_hex("f2 48 00")));
  CHECK_THAT(cut("00 00 ff ff"), is_bytes(from_hex("00")));
  CHECK_THAT(cut("00 ff ff"), is_bytes(from_hex("00 ff ff")));
  CHECK_THAT(cut("01 00 ff ff"), is_bytes(from_hex("01 00 ff ff")));
  CHECK_THAT(cut(""), is_bytes(from_hex("00")));
}

// ---- what goes wrong -------------------------------------------------------------------------------------------

TEST_CASE("what is no DEFLATE fails with 1007") {
  for (const char* bad : {
           "06",                                // a block of type 3
           "ff ff ff ff",                       //
           "00 05 00 fa fe 48 65 6c 6c 6f 00",  // lengths that contradict each other
           "f2 00 11 00 00",                    // refers to what never was
           "f2 48 cd c9 c9 07 00 06 06",        // good, then bad
       }) {
    INFO(bad);
    const auto message = decompressed(bad);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == Errc::malformed);
    CHECK(message.error().wire_code == 1007);
  }
}

TEST_CASE("a message that ends inside a block was cut, and fails with 1007") {
  for (const char* cut :
       {"", "f2 48 cd", "f2 48 cd c9 c9", "00 05 00 fa ff 48 65 6c", "00 05 00", "f2 48 cd c9 c9 07 00 00 05"}) {
    INFO(cut);
    const auto message = decompressed(cut);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == Errc::malformed);
    CHECK(message.error().wire_code == 1007);
  }
}

TEST_CASE("a limit stops what unfolds without end, in the midst of it") {
  Deflate client(Side::client, {});
  const std::string zeros(10'000'000, '\0');
  const Buffer bomb = client.compress(wire::as_bytes(zeros), true);
  CHECK(bomb.size() < 50'000);
  Deflate exact(Side::server, {}), small(Side::server, {}), none(Side::server, {});
  const auto all = decompressed(exact, bomb, zeros.size());
  REQUIRE(all);
  CHECK(all->size() == zeros.size());
  for (const std::uint64_t limit : {std::uint64_t{zeros.size() - 1}, std::uint64_t{1000}, std::uint64_t{0}}) {
    Deflate server(Side::server, {});
    const auto too_much = decompressed(server, bomb, limit);
    REQUIRE_FALSE(too_much);
    CHECK(too_much.error().code == Errc::too_large);
    CHECK(too_much.error().wire_code == 1009);
  }
  CHECK(decompressed(none, from_hex("00"), 0));  // nothing is not too much
}

// ---- whatever one side says, the other understands -------------------------------------------------------------

TEST_CASE("every pair of windows, with and without context takeover, both ways") {
  const std::string text = words(100'000), bytes = noise(5000);
  for (int ours = 8; ours <= 15; ++ours) {
    for (int theirs = 8; theirs <= 15; ++theirs) {
      for (const bool keep : {true, false}) {
        INFO(ours << " and " << theirs << (keep ? "" : ", no context takeover"));
        const DeflateParameters parameters{!keep, !keep, theirs, ours};
        Deflate client(Side::client, parameters), server(Side::server, parameters);
        for (const std::string_view message :
             {std::string_view("Hello"), std::string_view(text), std::string_view(bytes), std::string_view(),
              std::string_view(text).substr(0, 1000)}) {
          CHECK((round_trip(client, server, message) == message));
          CHECK((round_trip(server, client, message) == message));
        }
      }
    }
  }
}

// RFC 7692 §7.1.2: no match may reach back further than the window. An inflater with so small a window notices.
TEST_CASE("what is compressed keeps to its window") {
  for (int bits = 8; bits <= 15; ++bits) {
    INFO(bits);
    Deflate server(Side::server, {.server_max_window_bits = bits});
    z_stream judge{};
    REQUIRE(inflateInit2(&judge, -bits) == Z_OK);
    for (const std::string& message :
         {words(70'000), words(1000), std::string(1000, 'x') + words(300), words(70'000)}) {
      Buffer compressed = server.compress(wire::as_bytes(message), true) + from_hex("00 00 ff ff");
      std::string out(message.size() + 1000, '\0');
      judge.next_in = compressed.data();
      judge.avail_in = static_cast<uInt>(compressed.size());
      judge.next_out = reinterpret_cast<Bytef*>(out.data());
      judge.avail_out = static_cast<uInt>(out.size());
      const int result = inflate(&judge, Z_SYNC_FLUSH);
      CHECK((result == Z_OK || result == Z_BUF_ERROR));
      CHECK(judge.avail_in == 0);
      out.resize(out.size() - judge.avail_out);
      CHECK((out == message));
    }
    inflateEnd(&judge);
  }
}

// Each side has a window of its own: the parameters must not be mixed up.
TEST_CASE("what is received may use the window that was agreed for the other side") {
  const std::string far = noise(20'000), message = far + far.substr(0, 5000);
  const DeflateParameters parameters{.server_max_window_bits = 9, .client_max_window_bits = 15};
  Deflate client(Side::client, parameters), server(Side::server, parameters);
  const Buffer by_client = client.compress(wire::as_bytes(message), true);
  CHECK(by_client.size() < far.size() + 1000);  // it reaches back 20000 bytes
  CHECK_THAT(*decompressed(server, by_client), is_bytes(message));
  const Buffer by_server = server.compress(wire::as_bytes(message), true);
  CHECK(by_server.size() >= message.size());  // it cannot
  CHECK_THAT(*decompressed(client, by_server), is_bytes(message));
  Deflate mixed(Side::client, {.server_max_window_bits = 9});
  CHECK(decompressed(mixed, by_client).error().wire_code == 1007);
}

TEST_CASE("context takeover is each side's own matter, too") {
  const auto again_is_shorter = [](Side side, const DeflateParameters& parameters) {
    Deflate deflate(side, parameters);
    const std::string message = words(300);
    const std::size_t first = deflate.compress(wire::as_bytes(message), true).size();
    return deflate.compress(wire::as_bytes(message), true).size() < first / 2;
  };
  CHECK(again_is_shorter(Side::client, {}));
  CHECK(again_is_shorter(Side::client, {.server_no_context_takeover = true}));
  CHECK_FALSE(again_is_shorter(Side::client, {.client_no_context_takeover = true}));
  CHECK(again_is_shorter(Side::server, {.client_no_context_takeover = true}));
  CHECK_FALSE(again_is_shorter(Side::server, {.server_no_context_takeover = true}));

  // Without it, a message cannot refer to the last one.
  Deflate forgets(Side::server, {.client_no_context_takeover = true});
  Deflate remembers(Side::server, {.server_no_context_takeover = true});
  for (Deflate* server : {&forgets, &remembers}) CHECK(decompressed(*server, from_hex("f2 48 cd c9 c9 07 00")));
  CHECK_FALSE(decompressed(forgets, from_hex("f2 00 11 00 00")));
  CHECK(decompressed(remembers, from_hex("f2 00 11 00 00")));
}

TEST_CASE("messages in pieces of every size, cut again on their way") {
  const std::string message = words(300) + noise(50);
  for (std::size_t size = 1; size <= message.size(); ++size) {
    INFO("pieces of " << size);
    Deflate client(Side::client, {}), server(Side::server, {});
    CHECK((round_trip(client, server, message, size) == message));
    CHECK((round_trip(server, client, message, size) == message));
  }
  Deflate client(Side::client, {});
  const Buffer compressed = client.compress(wire::as_bytes(message), true);
  const Buffer got = support::same_however_cut(compressed, [](const support::Pieces& pieces) {
    Deflate server(Side::server, {});
    Buffer out;
    for (std::size_t i = 0; i < pieces.size(); ++i)
      out = out + *server.decompress(pieces[i], i + 1 == pieces.size(), plenty);
    return out;
  });
  CHECK_THAT(got, is_bytes(message));
}

TEST_CASE("a piece can be read when it arrives") {
  Deflate client(Side::client, {}), server(Side::server, {});
  const auto pass = [&](std::string_view piece, bool last) {
    return wire::as_string(*server.decompress(client.compress(wire::as_bytes(piece), last), last, plenty));
  };
  CHECK(pass("Hel", false) == "Hel");
  CHECK(pass("", false).empty());
  CHECK(pass("lo", false) == "lo");
  CHECK(pass("", true).empty());
  CHECK(pass("Hello", true) == "Hello");
}

TEST_CASE("all that has come is delivered, wherever it was cut") {
  Deflate client(Side::client, {});
  const Buffer folded = client.compress(Buffer(100'000), true);
  for (std::size_t n = 1; n < folded.size(); ++n) {
    Deflate server(Side::server, {});
    const auto first = server.decompress(Bytes(folded).first(n), false, plenty);
    const auto nothing_more = server.decompress({}, false, plenty);
    REQUIRE(first);
    REQUIRE(nothing_more);
    if (!nothing_more->empty()) FAIL(n << " bytes, and then " << nothing_more->size() << " are left");
  }
}

TEST_CASE("sizes around those of the blocks that zlib is given") {
  for (std::size_t n = 16 * 1024 - 80; n <= 16 * 1024 + 80; ++n) {
    const std::string message = noise(n);
    Deflate client(Side::client, {}), server(Side::server, {});
    if (round_trip(client, server, message) != message) FAIL(n);
    if (round_trip(client, server, "Hello") != "Hello") FAIL(n);
  }
  const std::string large = noise(3'000'000), text = words(3'000'000);
  Deflate client(Side::client, {}), server(Side::server, {});
  CHECK((round_trip(client, server, large) == large));
  CHECK((round_trip(client, server, text, 70'000) == text));
}

#ifdef __GLIBC__
TEST_CASE("memory is taken when it is needed, and given back where no context is kept") {
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const std::string message = words(1000);
  const auto growth = [&](const DeflateParameters& parameters, bool compresses, bool inflates) {
    const Buffer one = Deflate(Side::client, {}).compress(wire::as_bytes(message), true);
    const std::size_t before = used();
    Deflate server(Side::server, parameters);
    if (compresses) server.compress(wire::as_bytes(message), true);
    if (inflates) (void)decompressed(server, one);
    return used() - before;
  };
  if (growth({}, true, true) == 0) return;  // under sanitizers, others count
  CHECK(growth({}, true, false) > 200'000);
  CHECK(growth({}, false, true) > 30'000);
  CHECK(growth({}, false, false) < 1000);
  CHECK(growth({true, true, {}, {}}, true, true) < 1000);
  CHECK(growth({.server_max_window_bits = 12, .client_max_window_bits = 12}, true, true) < 51'200);  // as Policy says
  CHECK(growth({.server_max_window_bits = 9}, true, false) < 16'000);
}
#endif
