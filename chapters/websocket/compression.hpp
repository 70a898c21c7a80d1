// What the machine needs of an extension that compresses messages (RFC 7692 §5); deflate.hpp has the one that is used.
#pragma once
#include "wire/error.hpp"
#include "wire/trace.hpp"

#include <cstdint>

namespace websocket {

class Compression {
 public:
  virtual ~Compression() = default;
  // The next piece of a message that is sent, compressed; `last` ends the message.
  virtual wire::Buffer compress(wire::Bytes piece, bool last) = 0;
  // The next piece of a message that is received. Errors: 1007, it can't be undone; 1009, more than `limit` bytes come
  // of it.
  virtual wire::Result<wire::Buffer> decompress(wire::Bytes piece, bool last, std::uint64_t limit) = 0;
};

}  // namespace websocket
