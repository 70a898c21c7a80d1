// The content coding gzip: there and back, in pieces, cut short, in several members, and as a bomb.
#include "support/bytes.hpp"
#include "support/chunks.hpp"

#include "http1/gzip.hpp"

#include <optional>

using http1::Gunzip;
using http1::Gzip;
using support::is_bytes;
using support::Pieces;

namespace {

wire::Buffer zipped(wire::Bytes content) {
  Gzip gzip;
  wire::Buffer out = gzip.compress(content);
  const wire::Buffer rest = gzip.finish();
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

// What comes out of these pieces; nothing: an error, or no end.
std::optional<std::string> unzipped(const Pieces& pieces) {
  Gunzip gunzip;
  std::string out;
  for (const wire::Bytes piece : pieces) {
    const auto result = gunzip.decompress(piece);
    if (!result) return std::nullopt;
    out += wire::as_text(*result);
  }
  if (!gunzip.complete()) return std::nullopt;
  return out;
}

// Made by gzip(1) from "hello\n".
const std::uint8_t hello[] = {
    0x1f, 0x8b,                                      // ID1, ID2: gzip
    0x08,                                            // CM: deflate
    0x00,                                            // FLG: no name, no comment
    0x00, 0x00, 0x00, 0x00,                          // MTIME: none
    0x00, 0x03,                                      // XFL; OS: Unix
    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,  // the compressed text
    0x20, 0x30, 0x3a, 0x36,                          // CRC32
    0x06, 0x00, 0x00, 0x00,                          // ISIZE: 6 bytes
};

}  // namespace

TEST_CASE("gunzip: what gzip(1) has made, however it is cut") {
  CHECK(support::same_however_cut(hello, unzipped) == "hello\n");
}

TEST_CASE("gzip: there and back") {
  std::string text;
  for (int i = 0; text.size() < 300'000; ++i) text += fmt::format("line {} of a text that shrinks well\n", i);
  for (const std::string& content : {std::string(), std::string("x"), text}) {
    const wire::Buffer packed = zipped(wire::as_bytes(content));
    CHECK(unzipped({packed}) == content);
    CHECK(unzipped(support::in_pieces_of(packed, 1000)) == content);
  }
  CHECK(zipped(wire::as_bytes(text)).size() < text.size() / 4);
}

TEST_CASE("gzip: in pieces, one stream") {
  Gzip gzip;
  wire::Buffer packed;
  std::string content;
  const auto append = [&](const wire::Buffer& more) { packed.insert(packed.end(), more.begin(), more.end()); };
  for (int i = 0; i < 1000; ++i) {
    const std::string piece = fmt::format("piece {}; ", i);
    append(gzip.compress(wire::as_bytes(piece)));
    content += piece;
  }
  append(gzip.finish());
  CHECK(unzipped({packed}) == content);
}

TEST_CASE("gunzip: cut short, it is not complete") {
  for (std::size_t n = 0; n < sizeof hello; ++n) {
    INFO(n << " bytes");
    CHECK_FALSE(unzipped({wire::Bytes(hello).first(n)}));
  }
}

TEST_CASE("gunzip: damaged data") {
  for (const std::size_t at : {0u, 1u, 2u, 10u, 18u, 21u, 22u, 25u}) {  // ID, CM, the text, CRC32, ISIZE
    INFO("byte " << at);
    wire::Buffer damaged(std::begin(hello), std::end(hello));
    damaged[at] ^= 0x55;
    CHECK_FALSE(unzipped({damaged}));
  }
  CHECK_FALSE(unzipped({wire::as_bytes("not gzip at all")}));
}

TEST_CASE("gunzip: several members are one content, however they are cut") {  // RFC 1952 §2.2
  wire::Buffer two(std::begin(hello), std::end(hello));
  const wire::Buffer second = zipped(wire::as_bytes("world\n"));
  two.insert(two.end(), second.begin(), second.end());
  CHECK(support::same_however_cut(two, unzipped) == "hello\nworld\n");
  two.pop_back();
  CHECK_FALSE(unzipped({two}));  // the second is cut short
}

TEST_CASE("gunzip: rubbish behind the end") {
  wire::Buffer more(std::begin(hello), std::end(hello));
  more.insert(more.end(), {'r', 'u', 'b', 'b', 'i', 's', 'h'});
  CHECK_FALSE(support::same_however_cut(more, unzipped));
}

TEST_CASE("gunzip: a bomb does not go off") {
  const wire::Buffer bomb = zipped(wire::Buffer(64 << 20));  // 64 MiB of zeros in 280 KiB or less
  REQUIRE(bomb.size() < 300'000);
  for (const std::size_t size : {std::size_t{1000}, bomb.size()}) {
    Gunzip gunzip;
    std::uint64_t out = 0;
    std::optional<wire::Error> error;
    for (const wire::Bytes piece : support::in_pieces_of(bomb, size)) {
      const auto result = gunzip.decompress(piece);
      if (result) out += result->size();
      else error = result.error();
      if (error) break;
    }
    REQUIRE(error);
    CHECK(error->code == wire::Errc::too_large);
    CHECK(out <= Gunzip::free_output + Gunzip::max_ratio * bomb.size());
  }
}

TEST_CASE("gunzip: a small content may shrink as much as it likes") {
  const std::string zeros(1 << 20, '\0');
  CHECK(unzipped({zipped(wire::as_bytes(zeros))}) == zeros);
}
