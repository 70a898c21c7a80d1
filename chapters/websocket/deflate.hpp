// permessage-deflate (RFC 7692 §7.2), by zlib.
#pragma once
#include "websocket/compression.hpp"
#include "websocket/extensions.hpp"
#include "wire/trace.hpp"

#include <memory>

struct z_stream_s;

namespace websocket {

class Deflate : public Compression {
 public:
  // `side`: ours, which tells which of the parameters are for what we send.
  Deflate(wire::Side side, const DeflateParameters& parameters);

  wire::Buffer compress(wire::Bytes piece, bool last) override;
  wire::Result<wire::Buffer> decompress(wire::Bytes piece, bool last, std::uint64_t limit) override;

 private:
  wire::Result<void> inflate_all(wire::Bytes piece, std::uint64_t limit, wire::Buffer& out);
  void next_stream();

  struct EndDeflate {
    void operator()(z_stream_s* stream) const;
  };
  struct EndInflate {
    void operator()(z_stream_s* stream) const;
  };

  // zlib's memory, a quarter of a megabyte to compress and 40 KiB to inflate, is taken when it is first needed; and
  // given back after each message where no context is kept.
  int our_bits_, their_bits_;
  bool keep_ours_, keep_theirs_;
  std::unique_ptr<z_stream_s, EndDeflate> deflating_;
  std::unique_ptr<z_stream_s, EndInflate> inflating_;
};

// RFC 7692 §7.2.1: every message ends in an empty block without compression, and the four bytes that it ends in are
// not sent; the receiver adds them. `cut_tail` turns what the compressor wrote into what is sent.
void cut_tail(wire::Buffer& compressed);

}  // namespace websocket
