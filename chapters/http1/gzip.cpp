#include "http1/gzip.hpp"

#include "http1/zlib_buffers.hpp"

#include <new>

namespace http1 {

namespace {

constexpr int gzip_window = 15 + 16;  // the largest window; + 16: gzip's header and checksum instead of zlib's
constexpr std::size_t block = 64 * 1024;

}  // namespace

Gzip::Gzip() : stream_(std::make_unique<z_stream>()) {
  // Level 1 takes a third of the default's time for a tenth more bytes: the choice of most servers.
  if (deflateInit2(stream_.get(), 1, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
}
Gzip::~Gzip() { deflateEnd(stream_.get()); }

wire::Buffer Gzip::compress(wire::Bytes piece) { return run(piece, Z_NO_FLUSH); }
wire::Buffer Gzip::finish() { return run({}, Z_FINISH); }

wire::Buffer Gzip::run(wire::Bytes piece, int flush) {
  wire::Buffer out;
  feed(*stream_, piece);
  do {
    make_room(*stream_, out, block);
    deflate(stream_.get(), flush);
  } while (stream_->avail_out == 0);
  out.resize(out.size() - stream_->avail_out);
  return out;
}

Gunzip::Gunzip() : stream_(std::make_unique<z_stream>()) {
  if (inflateInit2(stream_.get(), gzip_window) != Z_OK) throw std::bad_alloc();
}
Gunzip::~Gunzip() { inflateEnd(stream_.get()); }

wire::Result<wire::Buffer> Gunzip::decompress(wire::Bytes piece) {
  wire::Buffer out;
  feed(*stream_, piece);
  in_ += piece.size();
  do {
    if (complete_ && stream_->avail_in > 0) {  // a gzip file may have several members: RFC 1952 §2.2
      inflateReset(stream_.get());
      complete_ = false;
    }
    make_room(*stream_, out, block);
    const int result = inflate(stream_.get(), Z_NO_FLUSH);
    out.resize(out.size() - stream_->avail_out);
    complete_ = complete_ || result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return wire::failure(wire::Errc::malformed, "gzip data");
    if (out_ + out.size() > free_output + max_ratio * in_) return wire::failure(wire::Errc::too_large, "gzip bomb");
  } while (stream_->avail_in > 0 || stream_->avail_out == 0);
  out_ += out.size();
  return out;
}

}  // namespace http1
