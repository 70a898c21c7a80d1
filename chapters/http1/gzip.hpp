// The content coding gzip (RFC 9110 §8.4.1.3, RFC 1952), by zlib, piece by piece.
#pragma once
#include "wire/bytes.hpp"

#include <memory>

struct z_stream_s;

namespace http1 {

class Gzip {
 public:
  Gzip();
  ~Gzip();
  wire::Buffer compress(wire::Bytes piece);
  wire::Buffer finish();

 private:
  wire::Buffer run(wire::Bytes piece, int flush);
  std::unique_ptr<z_stream_s> stream_;
};

class Gunzip {
 public:
  // A few kilobytes can unfold into gigabytes. Real text rarely shrinks below a hundredth, DEFLATE's limit is a
  // thousandth: what unfolds to more than `max_ratio` times its size, beyond the first megabyte, is an attack.
  static constexpr std::uint64_t max_ratio = 200;
  static constexpr std::uint64_t free_output = 1 << 20;

  Gunzip();
  ~Gunzip();
  // malformed: not gzip. too_large: a bomb.
  wire::Result<wire::Buffer> decompress(wire::Bytes piece);
  bool complete() const { return complete_; }  // the end of the stream was seen, its checksum right

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::uint64_t in_ = 0, out_ = 0;
  bool complete_ = false;
};

}  // namespace http1
