// Standard input for a program that listens to a connection at the same time.
#pragma once
#include "wire/stream.hpp"

#include <memory>
#include <optional>
#include <string>

namespace wire {

// A thread of its own does the reading. So a terminal, a pipe and a file all work, and O_NONBLOCK, which a terminal's
// input shares with its output, is left alone. Nothing is read before somebody asks.
class StandardInput {
 public:
  explicit StandardInput(Executor executor);
  ~StandardInput();
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

  // The next line, without its end (LF or CRLF); nothing: that was all. One coroutine at a time.
  awaitable<std::optional<std::string>> line();

 private:
  struct State;
  static void read_on(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;  // the thread shares it, and may outlive us: nobody can wake it from read()
  std::string unread_;
};

}  // namespace wire
