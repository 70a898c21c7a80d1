// Masking, against the formula of RFC 6455 §5.3, a byte at a time.
#include "websocket/mask.hpp"

#include "heard.hpp"
#include "support/bytes.hpp"

using heard::from_hex;
using support::is_bytes;
using websocket::mask;
using websocket::MaskingKey;
using wire::Buffer;

namespace {

// transformed-octet-i = original-octet-i XOR masking-key-octet-(i MOD 4)
void mask_plainly(std::span<std::uint8_t> bytes, const MaskingKey& key, std::uint64_t offset) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= key[(i + offset) % 4];
}

const MaskingKey keys[] = {
    {0x37, 0xfa, 0x21, 0x3d}, {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {1, 2, 4, 8}, {0, 0, 0, 1}};

// Different bytes everywhere, and no period of four.
Buffer some_bytes(std::size_t n) {
  Buffer bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::uint8_t>(i * 167 + (i >> 3));
  return bytes;
}

}  // namespace

TEST_CASE("the example of RFC 6455 §5.7") {
  Buffer hello = from_hex("48 65 6c 6c 6f");
  mask(hello, heard::key);
  CHECK_THAT(hello, is_bytes(from_hex("7f 9f 4d 51 58")));
  mask(hello, heard::key);
  CHECK_THAT(hello, is_bytes("Hello"));
}

TEST_CASE("masking is what the formula says, at every length, alignment and offset") {
  for (const MaskingKey& key : keys) {
    for (std::size_t size = 0; size <= 40; ++size) {
      for (std::size_t alignment = 0; alignment < 9; ++alignment) {
        for (const std::uint64_t offset :
             {0ull, 1ull, 2ull, 3ull, 4ull, 5ull, 6ull, 7ull, 8ull, 0xffff'fffdull, 0x7fff'ffff'ffff'ffc2ull}) {
          Buffer expected = some_bytes(alignment + size + 9);
          Buffer got = expected;
          mask_plainly(std::span(expected).subspan(alignment, size), key, offset);
          mask(std::span(got).subspan(alignment, size), key, offset);
          if (got == expected) continue;  // nothing before or after it either
          INFO(size << " bytes at " << alignment << ", offset " << offset);
          CHECK_THAT(got, is_bytes(expected));
        }
      }
    }
  }
}

TEST_CASE("a payload may be masked in pieces") {
  const Buffer whole = some_bytes(1000);
  Buffer expected = whole;
  mask_plainly(expected, heard::key, 0);
  for (std::size_t size = 1; size <= 50; ++size) {
    Buffer got = whole;
    for (std::size_t at = 0; at < got.size(); at += size)
      mask(std::span(got).subspan(at, std::min(size, got.size() - at)), heard::key, at);
    INFO("in pieces of " << size);
    CHECK_THAT(got, is_bytes(expected));
  }
}
