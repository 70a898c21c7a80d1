#include "websocket/deflate.hpp"

#include "http1/zlib_buffers.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace websocket {

using http1::feed;
using http1::make_room;
using wire::Buffer;
using wire::Bytes;
using wire::Errc;
using wire::Result;

namespace {

constexpr std::size_t block = 16 * 1024;
constexpr std::array<std::uint8_t, 4> tail = {0x00, 0x00, 0xff, 0xff};

// How much memory zlib takes beside the window, from 1 to 9; its default is 8, for 15 bits.
int memory_level(int bits) { return std::max(bits - 7, 1); }

// zlib knows no window of 256 bytes, 8 bits; but with 512 it never looks back further than 250 (its MAX_DIST). A
// negative number means: raw, without zlib's own header.
int raw(int bits) { return -std::max(bits, 9); }

}  // namespace

void Deflate::EndDeflate::operator()(z_stream_s* stream) const {
  deflateEnd(stream);
  delete stream;
}
void Deflate::EndInflate::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

Deflate::Deflate(wire::Side side, const DeflateParameters& parameters) {
  const bool client = side == wire::Side::client;
  const int client_bits = parameters.client_max_window_bits.value_or(15);
  const int server_bits = parameters.server_max_window_bits.value_or(15);
  our_bits_ = client ? client_bits : server_bits;
  their_bits_ = client ? server_bits : client_bits;
  keep_ours_ = !(client ? parameters.client_no_context_takeover : parameters.server_no_context_takeover);
  keep_theirs_ = !(client ? parameters.server_no_context_takeover : parameters.client_no_context_takeover);
}

// region cut-tail
void cut_tail(Buffer& compressed) {
  // region deflate-tail
  const std::size_t n = compressed.size();
  if (n >= tail.size() && std::equal(tail.begin(), tail.end(), compressed.end() - tail.size()))
    compressed.resize(n - tail.size());
  if (compressed.empty()) compressed.push_back(0x00);  // RFC 7692 §7.2.3.6
  // endregion
}
// endregion

// region compress
Buffer Deflate::compress(Bytes piece, bool last) {
  if (piece.size() > UINT32_MAX) throw wire::UsageError("zlib counts in 32 bits: send it in pieces");
  if (!deflating_) {
    deflating_.reset(new z_stream{});
    if (deflateInit2(deflating_.get(), Z_BEST_SPEED, Z_DEFLATED, raw(our_bits_), memory_level(our_bits_),
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Buffer out;
  feed(*deflating_, piece);
  do {  // a piece is flushed, so that it can be read when it arrives
    make_room(*deflating_, out, std::min(block, piece.size() + 64));
    deflate(deflating_.get(), Z_SYNC_FLUSH);
  } while (deflating_->avail_out == 0);
  out.resize(out.size() - deflating_->avail_out);
  if (last) cut_tail(out);
  if (last && !keep_ours_) deflating_.reset();
  return out;
}
// endregion

// region decompress
Result<Buffer> Deflate::decompress(Bytes piece, bool last, std::uint64_t limit) {
  if (!inflating_) {
    inflating_.reset(new z_stream{});
    if (inflateInit2(inflating_.get(), raw(their_bits_)) != Z_OK) throw std::bad_alloc();
  }
  Buffer out;
  Result<void> inflated = inflate_all(piece, limit, out);
  // region inflate-tail
  if (inflated && last) inflated = inflate_all(tail, limit, out);
  // endregion
  if (!inflated) return std::unexpected(inflated.error());
  const bool between_blocks = inflating_->data_type & 128;  // so zlib's inflate() says
  if (last && !between_blocks) return wire::failure(Errc::malformed, "compressed data that was cut off", 1007);
  if (last && !keep_theirs_) inflating_.reset();
  return out;
}

// A few bytes can unfold into a thousand times as many: no more than one block is made before somebody counts.
Result<void> Deflate::inflate_all(Bytes piece, std::uint64_t limit, Buffer& out) {
  feed(*inflating_, piece);
  do {
    make_room(*inflating_, out, block);
    const int result = inflate(inflating_.get(), Z_SYNC_FLUSH);
    out.resize(out.size() - inflating_->avail_out);
    if (out.size() > limit) return wire::failure(Errc::too_large, "the message is too long when inflated", 1009);
    if (result == Z_STREAM_END) {
      next_stream();
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return wire::failure(Errc::malformed, "compressed data that is broken", 1007);
    }
  } while (inflating_->avail_in > 0 || inflating_->avail_out == 0);
  return {};
}
// endregion

// A block may say that it is the last one (RFC 7692 §7.2.3.4). It isn't for us: more may follow, and refer to it.
void Deflate::next_stream() {
  std::array<Bytef, 1 << 15> window;
  uInt size = 0;
  inflateGetDictionary(inflating_.get(), window.data(), &size);
  inflateReset(inflating_.get());
  inflateSetDictionary(inflating_.get(), window.data(), size);
  inflating_->data_type = 128;  // between two blocks, as inflate() would say if there were more to look at
}

}  // namespace websocket
