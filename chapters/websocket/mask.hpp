// Masking (RFC 6455 §5.3): every byte of a client's payload is XORed with one of the four bytes of a key, in turn. To
// do it twice is to undo it.
#pragma once
#include "websocket/frame.hpp"

#include <span>

namespace websocket {

// `offset`: where in the frame's payload these bytes begin.
void mask(std::span<std::uint8_t> bytes, const MaskingKey& key, std::uint64_t offset = 0);

}  // namespace websocket
