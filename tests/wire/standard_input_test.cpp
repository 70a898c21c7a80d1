// Standard input, line by line, beside whatever else goes on. The test puts a pipe in its place.
#include "wire/standard_input.hpp"

#include "loopback.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <thread>

using wire::awaitable;
using wire::StandardInput;
using namespace std::chrono_literals;

namespace {

// A pipe instead of standard input, while it lives.
class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    REQUIRE(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(ends[0]);
    writing_ = ends[1];
  }
  ~Pipe() {
    end();
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void say(std::string_view text) {
    CHECK(write(writing_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void end() {
    if (writing_ >= 0) close(writing_);
    writing_ = -1;
  }

 private:
  int saved_ = dup(STDIN_FILENO);
  int writing_ = -1;
};

awaitable<void> read_all(std::vector<std::string>& lines) {
  const auto executor = co_await asio::this_coro::executor;
  StandardInput input(executor);
  for (;;) {
    const std::optional<std::string> line = co_await input.line();
    if (!line) break;
    lines.push_back(*line);
  }
  const std::optional<std::string> again = co_await input.line();
  CHECK_FALSE(again);
}

std::vector<std::string> lines_of(std::string_view text) {
  Pipe pipe;
  pipe.say(text);
  pipe.end();
  Loopback loopback;
  std::vector<std::string> lines;
  loopback.run(read_all(lines));
  return lines;
}

// The timer goes off while the line is waited for.
awaitable<void> tick_and_say(Pipe& pipe, int& ticks) {
  const auto executor = co_await asio::this_coro::executor;
  wire::Timer timer(executor);
  for (; ticks < 5; ++ticks) {
    timer.expires_after(1ms);
    co_await timer.async_wait(wire::nothrow);
  }
  pipe.say("late\n");
}
awaitable<void> wait_beside(Pipe& pipe) {
  const auto executor = co_await asio::this_coro::executor;
  int ticks = 0;
  asio::co_spawn(executor, tick_and_say(pipe, ticks), wire::report_failure);
  StandardInput input(executor);
  const std::optional<std::string> line = co_await input.line();
  CHECK(line == "late");
  CHECK(ticks == 5);
}

awaitable<void> ask_for_one(std::string expected) {
  const auto executor = co_await asio::this_coro::executor;
  StandardInput input(executor);
  const std::optional<std::string> line = co_await input.line();
  CHECK(line == expected);
}

awaitable<void> ask_in_vain() {
  const auto executor = co_await asio::this_coro::executor;
  StandardInput input(executor);
  const std::optional<std::string> line = co_await input.line();
  FAIL("nobody was to say anything");
}

}  // namespace

TEST_CASE("standard input: lines, with either end, and a last one without") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("one\n") == std::vector<std::string>{"one"});
  CHECK(lines_of("one\r\ntwo\n\nfour\r\n\r\n") == std::vector<std::string>{"one", "two", "", "four", ""});
  CHECK(lines_of("one\nno end") == std::vector<std::string>{"one", "no end"});
  CHECK(lines_of("a\rb\n\r") == std::vector<std::string>{"a\rb", ""});
  CHECK(lines_of("\xff\xfe\n") == std::vector<std::string>{"\xff\xfe"});
}

TEST_CASE("standard input: lines that are longer than what is read at a time") {
  const std::string longer(40'000, 'x'), exact(16 * 1024 - 1, 'y');
  CHECK((lines_of(longer + '\n' + exact + '\n' + "z") == std::vector<std::string>{longer, exact, "z"}));
}

TEST_CASE("standard input: others have their turn while a line is waited for") {
  Pipe pipe;
  Loopback loopback;
  loopback.run(wait_beside(pipe));
}

TEST_CASE("standard input: nothing is read before somebody asks") {
  Pipe pipe;
  pipe.say("mine\n");
  {
    asio::io_context io;
    const StandardInput input(io.get_executor());
    std::this_thread::sleep_for(20ms);  // a thread that reads at once has done so by then
  }
  std::array<char, 10> bytes{};
  CHECK(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) == 0);
  CHECK(read(STDIN_FILENO, bytes.data(), bytes.size()) == 5);
}

// Its thread hangs in read(), and goes on when everything else is gone.
TEST_CASE("standard input: what comes after the program's end harms nobody") {
  Pipe pipe;
  {
    asio::io_context io{1};
    asio::co_spawn(io, ask_in_vain(), wire::report_failure);
    io.run_for(20ms);
  }
  pipe.say("too late\n");
  std::this_thread::sleep_for(20ms);

  Loopback loopback;
  pipe.say("in time\n");
  loopback.run(ask_for_one("in time"));
}
