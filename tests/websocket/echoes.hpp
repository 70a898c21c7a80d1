// What a server sends to the load client: echoes of one message, each in one frame or in fragments (RFC 6455 §5.2 and
// §5.4). Anything else is an error: what it would count was no echo.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace load {

[[noreturn]] inline void fail(const std::string& what) { throw std::runtime_error(what); }

class Echoes {
 public:
  explicit Echoes(std::span<const std::uint8_t> message) : message_(message) {}

  std::uint64_t count() const { return count_; }

  void receive(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      if (!in_payload_) {
        header_[header_size_++] = bytes.front();
        bytes = bytes.subspan(1);
        in_payload_ = is_complete();
        if (!in_payload_) continue;
        begin_frame();
      }
      const auto part = bytes.first(std::min(frame_left_, bytes.size()));
      receive_payload(part);
      bytes = bytes.subspan(part.size());
      if (frame_left_ == 0) end_frame();
    }
  }

 private:
  bool is_complete() const {
    const unsigned length = header_[1] & 0x7f;
    return header_size_ >= 2 && header_size_ == (length < 126 ? 2U : length == 126 ? 4U : 10U);
  }

  void begin_frame() {
    const unsigned opcode = in_message_ ? 0x0 : 0x2;  // continuation, binary
    if ((header_[0] & 0x7f) != opcode)
      fail(fmt::format("a frame that begins with 0x{:02x}, where opcode {} was due", header_[0], opcode));
    if (header_[1] & 0x80) fail("a masked frame");
    frame_left_ = header_size_ == 2 ? header_[1] : 0;
    for (std::size_t i = 2; i < header_size_; ++i) frame_left_ = frame_left_ << 8 | header_[i];
    if (frame_left_ > message_.size() - received_) fail("an echo that is longer than the message");
  }

  void receive_payload(std::span<const std::uint8_t> part) {
    // Comparing takes time in which the server would wait: the first echo of each connection has to do.
    if (count_ == 0 && !std::ranges::equal(part, message_.subspan(received_, part.size())))
      fail("an echo with other bytes than the message");
    received_ += part.size();
    frame_left_ -= part.size();
  }

  void end_frame() {
    in_payload_ = false;
    header_size_ = 0;
    in_message_ = (header_[0] & 0x80) == 0;
    if (in_message_) return;
    if (received_ != message_.size()) fail("an echo that is shorter than the message");
    received_ = 0;
    ++count_;
  }

  std::span<const std::uint8_t> message_;
  std::array<std::uint8_t, 10> header_{};
  std::size_t header_size_ = 0;                   // bytes of the header that are there
  bool in_payload_ = false, in_message_ = false;  // behind a header; behind a frame that was not the last
  std::size_t frame_left_ = 0, received_ = 0;     // payload: still to come in the frame, there of the message
  std::uint64_t count_ = 0;
};

}  // namespace load
