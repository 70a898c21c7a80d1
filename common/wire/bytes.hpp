// Reader and Writer: the only code in this project that knows about byte order and bounds.
//
// Every read names its field, in the specification's own words. The name goes into error messages ("truncated: Keep
// Alive needs 2 bytes, 1 left, at byte 10") and into traces, and it makes a decoder read like the table in the
// specification. Without a Trace a name costs nothing.
#pragma once
#include "wire/error.hpp"
#include "wire/trace.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <optional>

namespace wire {

// Reads fields from the front of a byte string that somebody else owns and keeps alive. After the first failure every
// read returns zero or nothing and the failure stays, so that a decoder runs straight through and asks once: ok()?
class Reader {
 public:
  // `base`: where `in` starts within the whole message; offsets in errors and traces count from there.
  explicit Reader(Bytes in, Trace* trace = nullptr, std::size_t base = 0) : in_(in), trace_(trace), base_(base) {}
  Reader(Buffer&&) = delete;  // it would outlive what it reads

  // Unsigned integers, most significant byte first: network byte order.
  std::uint8_t u8(std::string_view what) { return integer<std::uint8_t, std::endian::big>(what, 1); }
  std::uint16_t u16(std::string_view what) { return integer<std::uint16_t, std::endian::big>(what, 2); }
  std::uint32_t u24(std::string_view what) { return integer<std::uint32_t, std::endian::big>(what, 3); }
  std::uint32_t u32(std::string_view what) { return integer<std::uint32_t, std::endian::big>(what, 4); }
  std::uint64_t u64(std::string_view what) { return integer<std::uint64_t, std::endian::big>(what, 8); }

  // A byte whose bits each mean something: traces show it in hexadecimal.
  std::uint8_t flags(std::string_view what) {
    const std::size_t start = pos_;
    const Bytes byte = take(what, 1);
    if (byte.empty()) return 0;
    if (trace_) trace_->add_flags(base_ + start, byte[0], what);
    return byte[0];
  }

  // Least significant byte first (RTPS, Avro's and Protobuf's fixed-size numbers, WebAssembly).
  std::uint16_t u16le(std::string_view what) { return integer<std::uint16_t, std::endian::little>(what, 2); }
  std::uint32_t u32le(std::string_view what) { return integer<std::uint32_t, std::endian::little>(what, 4); }
  std::uint64_t u64le(std::string_view what) { return integer<std::uint64_t, std::endian::little>(what, 8); }

  // Seven bits a byte, least significant group first, the top bit set on all bytes but the last: MQTT (at most 4
  // bytes), Protobuf, Avro, Thrift, Kafka (10). Longer than max_bytes, or over 64 bits, is malformed.
  std::uint64_t varint(std::string_view what, std::size_t max_bytes = 10) {
    const std::size_t start = pos_;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < max_bytes; ++i) {
      const Bytes b = take(what, 1);
      if (b.empty()) return 0;
      if (i == 9 && b[0] > 1) break;  // the tenth byte has room for bit 63 only
      value |= std::uint64_t{b[0] & 0x7fu} << (7 * i);
      if (b[0] < 0x80) return note(what, start, value), value;
    }
    fail(Errc::malformed, std::string(what) + " is too long a variable-length integer");
    return 0;
  }

  // The top two bits of the first byte say how many bytes there are: 1, 2, 4 or 8 (RFC 9000 §16).
  std::uint64_t quic_varint(std::string_view what) {
    const std::size_t start = pos_;
    const Bytes first = take(what, 1);
    if (first.empty()) return 0;
    std::uint64_t value = first[0] & 0x3fu;
    for (const auto b : take(what, (std::size_t{1} << (first[0] >> 6)) - 1)) value = value << 8 | b;
    if (!ok()) return 0;
    note(what, start, value);
    return value;
  }

  Bytes bytes(std::string_view what, std::size_t n) { return noted(what, take(what, n), 0, false); }
  Bytes rest(std::string_view what) { return bytes(what, left()); }

  // Text shows in traces as characters.
  std::string_view text(std::string_view what, std::size_t n) { return as_text(noted(what, take(what, n), 0, true)); }

  // region until
  // Text up to a delimiter, which is read too but not returned. No delimiter left means truncated.
  std::string_view until(std::string_view what, std::string_view delimiter) {
    const std::size_t n = as_text(in_.subspan(pos_, left())).find(delimiter);
    if (n == std::string_view::npos) fail(Errc::truncated, std::string(what) + " has no end");
    return as_text(noted(what, take(what, ok() ? n + delimiter.size() : 0), delimiter.size(), true));
  }
  // endregion

  // Looks ahead; reads nothing.
  bool starts_with(std::string_view text) const { return as_text(in_.subspan(pos_, left())).starts_with(text); }

  // A Reader over the next n bytes alone, for a part that has its own length. Ask the inner one for ok(), or merge().
  Reader sub(std::string_view what, std::size_t n) {
    const std::size_t start = pos_;
    Reader inner(take(what, n), trace_, base_ + start);
    inner.error_ = error_;
    return inner;
  }
  void merge(const Reader& inner) {
    if (ok()) error_ = inner.error_;
  }

  // Says more about the field just read: what its value means, and which section of the specification says so.
  // Only for traces; compute the words only if tracing().
  void explain(std::string_view meaning, std::string_view section = {}) {
    if (!ok() || !trace_ || trace_->fields.empty()) return;
    trace_->fields.back().meaning = meaning;
    trace_->fields.back().section = section;
  }
  // Takes the field just read apart, from left to right: its next n bytes are this part of it (none, if n is 0). For
  // byte walks, which are finer than traces.
  void part(std::size_t n, std::string_view name, std::string_view meaning = {}, std::string_view section = {}) {
    if (ok() && trace_) trace_->add_part(n, name, meaning, section);
  }
  bool tracing() const { return trace_ != nullptr; }

  bool ok() const { return !error_; }
  std::size_t left() const { return error_ ? 0 : in_.size() - pos_; }
  std::size_t offset() const { return base_ + pos_; }
  const Error& error() const { return *error_; }  // only when !ok()

  void fail(Errc code, std::string detail, std::uint32_t wire_code = 0) {
    if (ok()) error_ = Error{code, std::move(detail) + ", at byte " + std::to_string(offset()), wire_code};
  }
  void expect_end(std::string_view what) {
    if (left() > 0) fail(Errc::malformed, std::string(what) + " has " + std::to_string(left()) + " bytes too many");
  }

 private:
  // region take
  Bytes take(std::string_view what, std::size_t n) {
    if (!ok()) return {};
    if (n > left()) {
      const std::string needs = std::string(what) + " needs " + std::to_string(n);
      fail(Errc::truncated, needs + (n == 1 ? " byte, " : " bytes, ") + std::to_string(left()) + " left");
      return {};
    }
    pos_ += n;
    return in_.subspan(pos_ - n, n);
  }
  // endregion
  // region integer
  template <std::unsigned_integral T, std::endian Order>
  T integer(std::string_view what, std::size_t n) {
    const std::size_t start = pos_;
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const auto b : take(what, n)) {
      if constexpr (Order == std::endian::big) value = value << 8 | b;
      else value |= std::uint64_t{b} << shift, shift += 8;
    }
    note(what, start, value);
    return static_cast<T>(value);
  }
  // endregion
  void note(std::string_view what, std::size_t start, std::uint64_t value) {
    if (ok() && trace_) trace_->add(base_ + start, pos_ - start, what, std::to_string(value));
  }
  // Notes the bytes just taken; returns them without the last `hidden`.
  Bytes noted(std::string_view what, Bytes taken, std::size_t hidden, bool text) {
    if (!ok()) return {};
    if (trace_) trace_->add(base_ + pos_ - taken.size(), taken.size(), what, {}, text);
    return taken.first(taken.size() - hidden);
  }

  Bytes in_;
  Trace* trace_;
  std::size_t base_;
  std::size_t pos_ = 0;
  std::optional<Error> error_;
};

// Appends fields to a buffer that somebody else owns.
class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  void u8(std::uint64_t v) { big(v, 1); }
  void u16(std::uint64_t v) { big(v, 2); }
  void u24(std::uint64_t v) { big(v, 3); }
  void u32(std::uint64_t v) { big(v, 4); }
  void u64(std::uint64_t v) { big(v, 8); }
  void u16le(std::uint64_t v) { little(v, 2); }
  void u32le(std::uint64_t v) { little(v, 4); }
  void u64le(std::uint64_t v) { little(v, 8); }

  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<std::uint8_t>(v | 0x80));
    out_.push_back(static_cast<std::uint8_t>(v));
  }
  // 0 to 2^62-1; more has no encoding (RFC 9000 §16).
  void quic_varint(std::uint64_t v) {
    if (v >> 62) throw UsageError("a QUIC variable-length integer has 62 bits");
    const unsigned log = v < 1u << 6 ? 0 : v < 1u << 14 ? 1 : v < 1u << 30 ? 2 : 3;
    const std::size_t size = std::size_t{1} << log;
    big(v | std::uint64_t{log} << (8 * size - 2), size);
  }
  // Returns where the bytes are now, until the next call: for what is to be changed on its way out.
  std::span<std::uint8_t> bytes(Bytes b) {
    const auto at = out_.insert(out_.end(), b.begin(), b.end());
    return {at, out_.end()};
  }
  void text(std::string_view s) { bytes(as_bytes(s)); }

  // A length that is known only afterwards: leave room for n bytes, write the part, then fill in how long it became.
  std::size_t begin_length(std::size_t n) {
    big(0, n);
    return out_.size();
  }
  void end_length(std::size_t mark, std::size_t n) {
    std::uint64_t length = out_.size() - mark;
    for (std::size_t i = 1; i <= n; ++i, length >>= 8) out_[mark - i] = static_cast<std::uint8_t>(length);
    if (length != 0) throw UsageError("a length does not fit its field");
  }

 private:
  // A value that does not fit its field is our own bug; sent truncated, it would be a lie.
  static void check(std::uint64_t v, std::size_t n) {
    if (n < 8 && v >> (8 * n)) throw UsageError("a value does not fit its field");
  }
  void big(std::uint64_t v, std::size_t n) {
    check(v, n);
    for (std::size_t i = n; i-- > 0;) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  void little(std::uint64_t v, std::size_t n) {
    check(v, n);
    for (std::size_t i = 0; i < n; ++i) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  Buffer& out_;
};

}  // namespace wire
