#include "websocket/utf8.hpp"

#include <cstring>

namespace websocket {

namespace {

// How many bytes at the front are certainly right, found the fast way: ASCII by eights, since that is what most text
// consists of, and other characters whole. Where that can't tell, it stops, and the careful way goes on.
std::size_t plain_text(wire::Bytes bytes) {
  const std::uint8_t* at = bytes.data();
  const auto continues = [&](int i) { return (at[i] & 0xc0) == 0x80; };
  for (const std::uint8_t* end = at + bytes.size(); end - at >= 8;) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, at, sizeof eight);
    if ((eight & 0x8080808080808080) == 0) at += 8;
    else if (at[0] < 0x80) at += 1;
    else if (at[0] >= 0xc2 && at[0] <= 0xdf && continues(1)) at += 2;
    else if (at[0] >= 0xe1 && at[0] <= 0xec && continues(1) && continues(2)) at += 3;
    else if (at[0] == 0xf0 && at[1] >= 0x90 && continues(1) && continues(2) && continues(3)) at += 4;
    else break;
  }
  return static_cast<std::size_t>(at - bytes.data());
}

// Shorter pieces are not worth two ways.
constexpr std::size_t long_text = 64;

}  // namespace

// region utf8
// The first byte of a character says how many follow. Most may be anything from 80 to bf; but the first of them is
// narrowed where it would make a character that has a shorter form, a half of a UTF-16 pair, or one beyond U+10FFFF
// (the table of RFC 3629 §4).
bool Utf8::begin(std::uint8_t byte) {
  // region utf8-begin
  from_ = 0x80;
  to_ = 0xbf;
  if (byte < 0x80) return true;
  if (byte >= 0xc2 && byte <= 0xdf) return missing_ = 1, true;
  if (byte >= 0xe0 && byte <= 0xef) missing_ = 2;
  else if (byte >= 0xf0 && byte <= 0xf4) missing_ = 3;
  else return false;
  if (byte == 0xe0) from_ = 0xa0;  // below: a shorter form
  if (byte == 0xed) to_ = 0x9f;    // above: U+D800 to U+DFFF
  if (byte == 0xf0) from_ = 0x90;  // below: a shorter form
  if (byte == 0xf4) to_ = 0x8f;    // above: beyond U+10FFFF
  return true;
  // endregion
}

bool Utf8::check(wire::Bytes piece) {
  while (!piece.empty()) {
    if (missing_ == 0 && piece.size() >= long_text) piece = piece.subspan(plain_text(piece));
    if (piece.empty()) break;
    const std::uint8_t byte = piece.front();
    piece = piece.subspan(1);
    if (missing_ == 0) {
      if (!begin(byte)) return false;
    } else {
      // region utf8-continue
      if (byte < from_ || byte > to_) return false;
      from_ = 0x80;
      to_ = 0xbf;
      --missing_;
      // endregion
    }
  }
  return true;
}
// endregion

bool is_utf8(wire::Bytes text) {
  Utf8 utf8;
  return utf8.check(text) && utf8.complete();
}

}  // namespace websocket
