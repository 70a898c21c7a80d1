// What each chapter's explain.hpp is made with: bytes that were said on a connection are explained by machines that
// hear them, each as the side to which they were said. Labs, the book and the wire explorer get their text there.
#pragma once
#include "wire/error.hpp"
#include "wire/trace.hpp"

#include <string>

namespace wire {

struct Said {
  bool by_client;  // else by the server
  Buffer bytes;
};

enum class Form {
  dump,  // a row for each field, as --trace shows it
  walk,  // a row for each part of a field, as the book shows it; offsets go on from frame to frame of one message
};

// Writes down the frames that a machine receives; what it says itself is no part of the conversation.
class Listener : public Observer {
 public:
  Listener(std::string& out, Side speaker, Form form) : form_(form), out_(out), speaker_(speaker) {}

  void frame(Direction direction, std::string_view title, Bytes bytes, const Trace& trace) override {
    if (direction == Direction::received) show(title, bytes, trace);
  }
  void bytes(Direction, Bytes) override {}

  void begin_message() { offset_ = 0; }
  void show(std::string_view title, Bytes bytes, const Trace& trace = {});
  void refuse(const Error& error);  // a rule that the frame just shown has broken

 protected:
  const Form form_;

 private:
  std::string& out_;
  Side speaker_;
  std::size_t offset_ = 0;  // of the next byte within its message
};

}  // namespace wire
