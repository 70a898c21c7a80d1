#include "websocket/mask.hpp"

#include <cstring>

namespace websocket {

// region mask
void mask(std::span<std::uint8_t> bytes, const MaskingKey& key, std::uint64_t offset) {
  // region mask-bytes
  // The key as it will meet the bytes, twice over: eight bytes can then be masked at once, in whatever order this
  // machine keeps the bytes of a number.
  std::uint8_t turned[8];
  for (std::size_t i = 0; i < sizeof turned; ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t eight_key = 0;
  std::memcpy(&eight_key, turned, sizeof eight_key);

  std::size_t at = 0;
  for (; at + sizeof eight_key <= bytes.size(); at += sizeof eight_key) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + at, sizeof eight);
    eight ^= eight_key;
    std::memcpy(bytes.data() + at, &eight, sizeof eight);
  }
  for (std::size_t i = 0; at + i < bytes.size(); ++i) bytes[at + i] ^= turned[i];
  // endregion
}
// endregion

}  // namespace websocket
