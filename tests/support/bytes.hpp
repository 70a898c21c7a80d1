// Compares bytes and shows the difference as a learner needs it: expected and got side by side, a row for every line of
// text with its control characters visible, or eight bytes a row in hex where the bytes are no text.
//
//     CHECK_THAT(connection.take_output(), is_bytes("HTTP/1.1 200 OK\r\n\r\n"));
#pragma once
#include "support/catch.hpp"
#include "wire/trace.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace support {

// The bytes of the row that starts at `at`: up to the end of the line, or eight of them. Catch's own lines have 80
// columns, so a row has no more than half of that.
inline wire::Bytes row_at(wire::Bytes bytes, std::size_t at, bool text) {
  const wire::Bytes rest = bytes.subspan(std::min(at, bytes.size()));
  const wire::Bytes row = rest.first(std::min<std::size_t>(rest.size(), text ? 32 : 8));
  const auto newline = text ? wire::as_text(row).find('\n') : std::string_view::npos;
  return newline == std::string_view::npos ? row : row.first(newline + 1);
}

inline std::string shown(wire::Bytes row, bool text) {
  if (text) return wire::visible(row);
  return fmt::format("{:02x}", fmt::join(row, " "));
}

// Every row of both, unequal ones marked with "!"; before them, where the first difference is.
inline std::string side_by_side(wire::Bytes expected, wire::Bytes got) {
  const bool text = wire::is_text(expected) && wire::is_text(got);
  const auto first = std::ranges::mismatch(expected, got).in1 - expected.begin();
  std::string out = fmt::format("the first difference is at byte {}\n    {:<36}  got\n", first, "expected");
  for (std::size_t i = 0, j = 0; i < expected.size() || j < got.size();) {
    const wire::Bytes left = row_at(expected, i, text), right = row_at(got, j, text);
    const char* mark = std::ranges::equal(left, right) ? " " : "!";
    out += fmt::format("  {} {:<36}  {}\n", mark, shown(left, text), shown(right, text));
    i += left.size();
    j += right.size();
  }
  return out;
}

#ifdef WIRE_CATCH2_V3
using BytesMatcher = Catch::Matchers::MatcherBase<wire::Buffer>;
#else
using BytesMatcher = Catch::MatcherBase<wire::Buffer>;
#endif

class IsBytes : public BytesMatcher {
 public:
  explicit IsBytes(wire::Bytes expected) : expected_(expected.begin(), expected.end()) {}
  bool match(const wire::Buffer& got) const override {
    if (got == expected_) return true;
    difference_ = side_by_side(expected_, got);
    return false;
  }
  std::string describe() const override { return "is not what was expected: " + difference_; }

 private:
  wire::Buffer expected_;
  mutable std::string difference_;  // Catch asks for the description only after match()
};

inline IsBytes is_bytes(std::string_view text) { return IsBytes(wire::as_bytes(text)); }
inline IsBytes is_bytes(wire::Bytes bytes) { return IsBytes(bytes); }

}  // namespace support

// Without this, Catch would print a list of decimal numbers.
template <>
struct Catch::StringMaker<wire::Buffer> {
  static std::string convert(const wire::Buffer& bytes) { return fmt::format("what came ({} bytes)", bytes.size()); }
};
