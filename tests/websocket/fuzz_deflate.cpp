// permessage-deflate, from both ends. What one side says, the other understands, whatever the parameters and however it
// is cut; and any bytes at all are inflated within the limit, or are an error, at once as in pieces.
#include "heard.hpp"

#include <cstdlib>

namespace {

using websocket::Deflate;
using websocket::DeflateParameters;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

constexpr std::uint64_t limit = 100'000;

void check(bool invariant) {
  if (!invariant) std::abort();
}

DeflateParameters parameters_of(std::uint8_t a, std::uint8_t b) {
  const auto bits = [](unsigned value) {
    return value < 8 ? std::optional(8 + static_cast<int>(value)) : std::nullopt;
  };
  return {(a & 1) != 0, (a & 2) != 0, bits(b & 0xf), bits(b >> 4)};
}

// The message in the pieces that its own bytes ask for.
void round_trip(Side side, const DeflateParameters& parameters, Bytes message) {
  const Side other = side == Side::client ? Side::server : Side::client;
  Deflate from(side, parameters), to(other, parameters);
  for (int again = 0; again < 3; ++again) {  // the second time, there may be a window full of it
    Buffer got;
    for (Bytes rest = message;;) {
      const std::size_t n = rest.empty() || again == 0 ? rest.size() : std::min<std::size_t>(rest.size(), rest[0] * 4u);
      const Bytes piece = rest.first(n);
      rest = rest.subspan(n);
      const bool last = rest.empty() || (n == 0 && again > 0);
      const Bytes now = last && !rest.empty() ? rest : piece;
      const auto inflated = to.decompress(from.compress(now, last), last, message.size());
      check(inflated.has_value());
      got.insert(got.end(), inflated->begin(), inflated->end());
      if (last) break;
    }
    check(std::ranges::equal(got, message));
  }
}

// The bytes as compressed ones: what comes of them, or the code of the error.
Buffer inflated(const DeflateParameters& parameters, Bytes bytes, std::size_t piece_size, std::uint32_t& code) {
  Deflate server(Side::server, parameters);
  Buffer all;
  do {
    const Bytes piece = bytes.first(std::min(piece_size, bytes.size()));
    bytes = bytes.subspan(piece.size());
    const auto more = server.decompress(piece, bytes.empty(), limit - all.size());
    if (!more) {
      code = more.error().wire_code;
      check(code == 1007 || code == 1009);
      return {};
    }
    all.insert(all.end(), more->begin(), more->end());
    check(all.size() <= limit);
  } while (!bytes.empty());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const DeflateParameters parameters = parameters_of(data[0], data[1]);
  const Bytes bytes(data + 2, size - 2);
  round_trip(Side::client, parameters, bytes);
  round_trip(Side::server, parameters, bytes);

  std::uint32_t code = 0, code_in_pieces = 0;
  const Buffer once = inflated(parameters, bytes, bytes.size() + 1, code);
  const Buffer in_pieces = inflated(parameters, bytes, 1 + (data[0] >> 2), code_in_pieces);
  check(code == code_in_pieces || (code != 0 && code_in_pieces != 0));  // too much and wrong: either may come first
  check(once == in_pieces);
  return 0;
}
