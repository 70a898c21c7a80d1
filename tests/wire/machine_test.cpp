// How a machine is tested: no socket, no clock, no thread. The chapters' tests look like this.
#include "lines.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace std::chrono_literals;
using lines::Connection;
using wire::Time;

namespace {

std::vector<std::string> texts(Connection& connection) {
  std::vector<std::string> all;
  while (const auto event = connection.poll({})) all.push_back(std::get<lines::Line>(*event).text);
  return all;
}

}  // namespace

// region every-cut
TEST_CASE("lines arrive whole however the bytes are cut") {
  const std::string_view in = "one\n\ntwo\nbye\nnever read";
  for (std::size_t chunk = 1; chunk <= in.size(); ++chunk) {
    CAPTURE(chunk);
    Connection connection;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < in.size(); at += chunk) {
      connection.receive(wire::as_bytes(in.substr(at, chunk)), {});
      for (const std::string& text : texts(connection)) got.push_back(text);
    }
    CHECK(got == std::vector<std::string>{"one", "", "two"});
    CHECK(connection.closed());
  }
}
// endregion

TEST_CASE("after the goodbye, what follows is left unread for whoever takes over") {
  Connection connection;
  connection.receive(wire::as_bytes("bye\nPROTOCOL 2"), {});
  CHECK_FALSE(connection.poll({}));
  CHECK(wire::as_text(connection.unread()) == "PROTOCOL 2");
}

TEST_CASE("an endless line is refused, and the peer is told") {
  Connection connection;
  connection.receive(wire::Buffer(Connection::max_line + 1, 'x'), {});
  const auto event = connection.poll({});
  REQUIRE(event);
  CHECK(std::get<lines::Failed>(*event).error.code == wire::Errc::too_large);
  CHECK(wire::as_string(connection.take_output()) == "error: line\n");
  CHECK(connection.closed());
  CHECK_THROWS_AS(connection.send("more"), wire::UsageError);
}

TEST_CASE("a line that is too long is refused even if it arrives whole") {
  Connection connection;
  connection.receive(wire::as_bytes(std::string(Connection::max_line + 1, 'x') + "\n"), {});
  CHECK(std::holds_alternative<lines::Failed>(*connection.poll({})));

  Connection longest;
  longest.receive(wire::as_bytes(std::string(Connection::max_line, 'x') + "\n"), {});
  CHECK(std::holds_alternative<lines::Line>(*longest.poll({})));
}

TEST_CASE("a peer that hangs up in mid-line is reported, at the end of a line it is not") {
  Connection cut;
  cut.receive(wire::as_bytes("whole\nhal"), {});
  cut.receive_eof({});
  CHECK(std::get<lines::Line>(*cut.poll({})).text == "whole");
  CHECK(std::get<lines::Failed>(*cut.poll({})).error.code == wire::Errc::truncated);
  CHECK(cut.closed());

  Connection whole;
  whole.receive(wire::as_bytes("whole\n"), {});
  whole.receive_eof({});
  CHECK(texts(whole) == std::vector<std::string>{"whole"});
  CHECK_FALSE(whole.poll({}));
  CHECK(whole.closed());
}

// region time
TEST_CASE("time goes in like bytes do") {
  Connection connection(30s);
  const Time start{};
  CHECK_FALSE(connection.next_timeout());
  connection.receive(wire::as_bytes("hello\n"), start);
  connection.poll(start);
  REQUIRE(connection.next_timeout() == start + 30s);
  connection.handle_timeout(start + 29s);  // too early: nothing happens
  CHECK(connection.output_size() == 0);
  connection.handle_timeout(start + 30s);
  connection.handle_timeout(start + 30s);  // once is enough
  CHECK(wire::as_string(connection.take_output()) == "ping\n");
  CHECK(connection.next_timeout() == start + 60s);
}
// endregion

// region back-pressure
TEST_CASE("nobody polls, nothing is decoded: back-pressure") {
  Connection connection;
  connection.receive(wire::as_bytes("one\ntwo\n"), {});
  CHECK(connection.unread().size() == 8);
  connection.poll({});
  CHECK(wire::as_text(connection.unread()) == "two\n");
}
// endregion

TEST_CASE("an observer sees each frame in both directions, with its fields") {
  struct Remember : wire::Observer {
    void frame(wire::Direction direction, std::string_view title, wire::Bytes bytes,
               const wire::Trace& trace) override {
      seen.push_back(std::string(direction == wire::Direction::sent ? "> " : "< ") + std::string(title) + " " +
                     wire::visible(bytes) + " " + trace.fields.at(0).name);
    }
    void bytes(wire::Direction, wire::Bytes) override {}
    std::vector<std::string> seen;
  } observer;
  Connection connection;
  connection.observe(&observer);
  connection.receive(wire::as_bytes("hello\n"), {});
  connection.poll({});
  connection.send("world");
  CHECK(observer.seen == std::vector<std::string>{"< line hello\\n line", "> line world\\n line"});
}

TEST_CASE("a long line that arrives byte by byte is searched once, not once a byte") {
  // Quadratic work would be 4096 * 4096 / 2 comparisons a line; over these lines it would take minutes.
  Connection connection;
  const std::string line = std::string(Connection::max_line - 1, 'x') + "\n";
  std::size_t got = 0;
  for (int repeat = 0; repeat < 50; ++repeat) {
    for (const char c : line) {
      connection.receive(wire::as_bytes({&c, 1}), {});
      while (connection.poll({})) ++got;
    }
  }
  CHECK(got == 50);
}
