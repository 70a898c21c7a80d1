// UTF-8, against a decoder that is written from the other end: it puts the character together, and looks at it then.
#include "websocket/utf8.hpp"

#include "heard.hpp"
#include "support/chunks.hpp"

#include <array>

using heard::from_hex;
using websocket::is_utf8;
using websocket::Utf8;
using wire::Buffer;
using wire::Bytes;

namespace {

// RFC 3629 §3, as it is: how many bytes the first one announces, the bits of each, and what the number must be then.
bool is_utf8_plainly(Bytes text) {
  while (!text.empty()) {
    const unsigned first = text[0];
    const std::size_t n = first < 0x80           ? 1
                          : first >> 5 == 0b110  ? 2
                          : first >> 4 == 0b1110 ? 3
                          : first >> 3 == 30     ? 4
                                                 : 0;
    if (n == 0 || n > text.size()) return false;
    unsigned character = n == 1 ? first : first & (0x7fu >> n);
    for (std::size_t i = 1; i < n; ++i) {
      if (text[i] >> 6 != 0b10) return false;
      character = character << 6 | (text[i] & 0x3fu);
    }
    constexpr unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < smallest[n] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) return false;
    text = text.subspan(n);
  }
  return true;
}

// Whether something may follow that makes it UTF-8: it is cut inside of a character at most.
bool can_become_utf8(Bytes text) {
  constexpr std::uint8_t next[] = {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf};
  Buffer longer(text.begin(), text.end());
  if (is_utf8_plainly(longer)) return true;
  for (int n = 0; n < 3; ++n) {
    for (const std::uint8_t byte : next) {
      Buffer tried = longer;
      tried.push_back(byte);
      for (int i = 0; i < 3; ++i) {
        if (is_utf8_plainly(tried)) return true;
        tried.push_back(0x80);
      }
    }
    longer.push_back(0x80);
  }
  return false;
}

// The bytes at which something changes.
constexpr std::array<std::uint8_t, 28> borders = {0x00, 0x01, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                                  0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
                                                  0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff};

// Compares without the cost of CHECK, which millions would feel.
void compare(Bytes text) {
  if (is_utf8(text) == is_utf8_plainly(text)) return;
  INFO(wire::visible(text));
  CHECK(is_utf8(text) == is_utf8_plainly(text));
}

}  // namespace

TEST_CASE("the borders of RFC 3629 §4, each row of its table") {
  for (const char* good : {
           "00", "7f",                    // UTF8-1
           "c2 80", "df bf",              // UTF8-2
           "e0 a0 80", "e0 bf bf",        // UTF8-3, after e0
           "e1 80 80", "ec bf bf",        //
           "ed 80 80", "ed 9f bf",        // after ed
           "ee 80 80", "ef bf bf",        //
           "f0 90 80 80", "f0 bf bf bf",  // UTF8-4, after f0
           "f1 80 80 80", "f3 bf bf bf",  //
           "f4 80 80 80", "f4 8f bf bf",  // after f4
       }) {
    INFO(good);
    CHECK(is_utf8(from_hex(good)));
    CHECK(is_utf8_plainly(from_hex(good)));
  }
  for (const char* bad : {
           "80",
           "bf",  // a first byte that is none
           "c0 80",
           "c1 bf",  // a shorter form
           "c2",
           "c2 7f",
           "c2 c0",  //
           "e0 80 80",
           "e0 9f bf",
           "e0 a0",
           "e0 a0 7f",
           "e0 c0 80",
           "ed a0 80",
           "ed bf bf",  // U+D800, U+DFFF
           "ee 80 c0",
           "f0 80 80 80",
           "f0 8f bf bf",
           "f0 90 80",  //
           "f4 90 80 80",
           "f5 80 80 80",
           "f7 bf bf bf",  // beyond U+10FFFF
           "f8 88 80 80 80",
           "fc 84 80 80 80 80",
           "fe",
           "ff",
       }) {
    INFO(bad);
    CHECK_FALSE(is_utf8(from_hex(bad)));
    CHECK_FALSE(is_utf8_plainly(from_hex(bad)));
  }
  CHECK(is_utf8({}));
}

TEST_CASE("every sequence of up to three bytes") {
  std::array<std::uint8_t, 3> bytes{};
  for (unsigned i = 0; i < 1u << 24; ++i) {
    bytes = {static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    compare(bytes);
    if ((i & 0xff) == 0) compare(Bytes(bytes).first(2));
    if ((i & 0xffff) == 0) compare(Bytes(bytes).first(1));
  }
}

TEST_CASE("sequences of four and five bytes: every beginning, and what lies at the borders after it") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      for (const std::uint8_t third : borders) {
        for (const std::uint8_t fourth : borders)
          compare(Buffer{static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second), third, fourth});
      }
    }
  }
  for (const std::uint8_t a : borders) {
    for (const std::uint8_t b : borders) {
      for (const std::uint8_t c : borders) {
        for (const std::uint8_t d : borders) compare(Buffer{0xf1, a, b, c, d});
      }
    }
  }
}

TEST_CASE("the same in long text, which is checked in another way") {
  const std::string before = "seventy bytes of plain text, with a few characters that are longer: ä€😀", after(70, '.');
  for (const std::uint8_t first : borders)
    for (const std::uint8_t second : borders)
      for (const std::uint8_t third : borders)
        for (const std::uint8_t fourth : {std::uint8_t{0x41}, std::uint8_t{0x80}, std::uint8_t{0xbf}}) {
          Buffer text(before.begin(), before.end());
          text.insert(text.end(), {first, second, third, fourth});
          text.insert(text.end(), after.begin(), after.end());
          const bool right = is_utf8(text);
          if (right != is_utf8_plainly(text)) FAIL_CHECK(wire::visible(text));
        }
}

TEST_CASE("every character there is") {
  for (unsigned character = 0; character <= 0x10ffff; ++character) {
    if (character == 0xd800) character = 0xe000;
    const auto low = [&](unsigned shift) { return static_cast<std::uint8_t>(0x80 | (character >> shift & 0x3f)); };
    Buffer text;
    if (character < 0x80) text = {static_cast<std::uint8_t>(character)};
    else if (character < 0x800) text = {static_cast<std::uint8_t>(0xc0 | character >> 6), low(0)};
    else if (character < 0x10000) text = {static_cast<std::uint8_t>(0xe0 | character >> 12), low(6), low(0)};
    else text = {static_cast<std::uint8_t>(0xf0 | character >> 18), low(12), low(6), low(0)};
    if (!is_utf8(text)) FAIL(wire::visible(text));
  }
}

TEST_CASE("what can't become UTF-8 is known at the first byte that shows it") {
  const auto compare_prefix = [](const Buffer& bytes) {
    Utf8 utf8;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const Bytes so_far = Bytes(bytes).first(i + 1);
      const bool good = utf8.check(Bytes(bytes).subspan(i, 1));
      if (good != can_become_utf8(so_far)) FAIL(wire::visible(so_far));
      if (!good) return;
      if (utf8.complete() != is_utf8_plainly(so_far)) FAIL("complete? " << wire::visible(so_far));
    }
  };
  for (const std::uint8_t a : borders) {
    for (const std::uint8_t b : borders) {
      for (const std::uint8_t c : borders) {
        for (const std::uint8_t d : borders) compare_prefix({a, b, c, d});
      }
    }
  }
}

// Autobahn's section 6, and what surrounds it in texts of some length: eight bytes of ASCII are looked at together.
TEST_CASE("text may be cut anywhere") {
  struct Text {
    const char* bytes;
    bool good;
  };
  for (const auto& [bytes, good] : {
           Text{"48 65 6c 6c 6f 2d c2 b5 40 c3 9f c3 b6 c3 a4 c3 bc c3 a0 c3 a1 2d 55 54 46 2d 38 21 21", true},
           {"ce ba e1 bd b9 cf 83 ce bc ce b5", true},                                      // 6.2.3: kosme
           {"ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64", false},          // 6.3.1
           {"ce ba e1 bd b9 cf 83 ce bc ce b5 f4 90 80 80 65 64 69 74 65 64", false},       // 6.4.1
           {"f8 88 80 80 80", false},                                                       // 6.6.10
           {"ef bf bf", true},                                                              // 6.22: noncharacters
           {"f4 8f bf be", true},                                                           //
           {"ed ad bf ed be 80", false},                                                    // 6.11: surrogate pairs
           {"ed ae 80 ed b0 80", false},                                                    //
           {"41 41 41 41 41 41 41 41 c3 a9 41 41 41 41 41 41 41 41 e2 82 ac 41 41", true},  // ASCII in eights
           {"41 41 41 41 41 41 41 c3 a9 41 41 41 41 41 41 41 41 80", false},                //
           {"41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 ff", false},                      //
           {"41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 c3", false},                   // ends inside
           {"c3 41 41 41 41 41 41 41 41", false},                                           //
           {"c3 41 41 41 41 41 41 41 41 a9", false},
       }) {
    INFO(bytes);
    const auto run = [](const support::Pieces& pieces) {
      Utf8 utf8;
      for (const Bytes piece : pieces)
        if (!utf8.check(piece)) return false;
      return utf8.complete();
    };
    const Buffer text = from_hex(bytes);
    CHECK(support::same_however_cut(text, run) == good);
    CHECK(is_utf8(text) == good);
  }
}

TEST_CASE("an empty piece changes nothing") {
  Utf8 utf8;
  CHECK(utf8.check({}));
  CHECK(utf8.complete());
  CHECK(utf8.check(from_hex("e2 82")));
  CHECK(utf8.check({}));
  CHECK_FALSE(utf8.complete());
  CHECK(utf8.check(from_hex("ac")));
  CHECK(utf8.complete());
}
