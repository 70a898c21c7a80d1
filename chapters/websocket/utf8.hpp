// UTF-8 (RFC 3629), checked as it comes, in pieces that may end anywhere. Text must be UTF-8 as a whole (RFC 6455
// §8.1), while a character may lie across two fragments.
#pragma once
#include "wire/trace.hpp"

#include <cstdint>

namespace websocket {

class Utf8 {
 public:
  // The next piece. False: this can't become UTF-8, whatever follows.
  bool check(wire::Bytes piece);
  // What was checked so far does not end inside a character.
  bool complete() const { return missing_ == 0; }

 private:
  bool begin(std::uint8_t byte);

  unsigned missing_ = 0;                  // bytes of the present character
  std::uint8_t from_ = 0x80, to_ = 0xbf;  // what the next one of them may be
};

bool is_utf8(wire::Bytes text);

}  // namespace websocket
