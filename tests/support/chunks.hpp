// A byte stream has no seams: a machine must hear the same, however TCP has cut what the peer sent.
#pragma once
#include "support/catch.hpp"
#include "wire/trace.hpp"

#include <fmt/format.h>

namespace support {

using Pieces = std::vector<wire::Bytes>;

inline Pieces in_pieces_of(wire::Bytes whole, std::size_t size) {
  Pieces pieces;
  for (; whole.size() > size; whole = whole.subspan(size)) pieces.push_back(whole.first(size));
  pieces.push_back(whole);
  return pieces;
}

inline Pieces cut_at(wire::Bytes whole, std::size_t place) { return {whole.first(place), whole.subspan(place)}; }

// Runs run(pieces) for the whole at once, cut in two at every byte, and in pieces of every size: always with the same
// result, which can be compared and printed, and which this returns. About n * (ln n + 1) pieces for n bytes.
template <class Run>
auto same_however_cut(wire::Bytes whole, Run run) {
  const auto expected = run(Pieces{whole});
  const auto differs = [&](const Pieces& pieces, std::string_view how, std::size_t n) {
    const auto got = run(pieces);
    if (got == expected) return false;
    INFO("as in one piece, " << how << " " << n << ":\n" << wire::visible(whole));
    CHECK(got == expected);
    return true;
  };
  for (std::size_t place = 1; place < whole.size(); ++place)
    if (differs(cut_at(whole, place), "cut at byte", place)) return expected;
  for (std::size_t size = 1; size < whole.size(); ++size)
    if (differs(in_pieces_of(whole, size), "in pieces of", size)) return expected;
  return expected;
}

}  // namespace support
