// What zlib reads and where it writes, for those who compress or unfold piece by piece: here, and in
// permessage-deflate.
#pragma once
#include "wire/trace.hpp"

#include <zlib.h>

namespace http1 {

inline void feed(z_stream& stream, wire::Bytes piece) {
  stream.next_in = const_cast<Bytef*>(piece.data());  // zlib's interface is older than const; it does not write here
  stream.avail_in = static_cast<uInt>(piece.size());
}

// Makes room for `n` more bytes at the end of `out`.
inline void make_room(z_stream& stream, wire::Buffer& out, std::size_t n) {
  out.resize(out.size() + n);
  stream.next_out = out.data() + out.size() - n;
  stream.avail_out = static_cast<uInt>(n);
}

}  // namespace http1
