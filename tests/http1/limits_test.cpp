// Too much of everything: each limit exactly reached, then passed by one byte, cut in every way; and no work that grows
// faster than the bytes that came.
#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

using heard::by_client;
using heard::by_server;
using heard::Heard;
using heard::Then;
using http1::Limits;
using support::Pieces;

namespace {

// Small, so that every byte can be a cut.
const Limits small = {.request_line = 40, .head = 80, .content = 20, .discard = 20};

Heard small_server(std::string_view request) {
  return support::same_however_cut(wire::as_bytes(request),
                                   [](const Pieces& p) { return by_server(p, Then::wait, small); });
}

std::string filled(std::string_view before, std::size_t size, std::string_view after) {
  return std::string(before) + std::string(size - before.size() - after.size(), 'x') + std::string(after);
}

}  // namespace

TEST_CASE("the request-line: 414") {
  const std::string fields = "Host: a\r\n\r\n";
  const Heard full = small_server(filled("GET /", small.request_line, " HTTP/1.1\r\n") + fields);
  CHECK(heard::last_status(full) == 200);
  const Heard over = small_server(filled("GET /", small.request_line + 1, " HTTP/1.1\r\n") + fields);
  CHECK(over.events == "failed 414 too large: request-target\n");
  CHECK(heard::last_status(over) == 414);
  CHECK(over.closed);

  // It counts alone: however long the head is, the line is what is wrong.
  CHECK(heard::last_status(small_server(filled("GET /", 3 * small.head, " HTTP/1.1\r\n") + fields)) == 414);
  // Nor does it matter what else is.
  CHECK(heard::last_status(small_server(filled("GET /", small.request_line + 1, "\n"))) == 414);
}

TEST_CASE("a method that fills the request-line: 501") {  // RFC 9112 §3
  const std::string method(small.request_line, 'M');
  CHECK(heard::last_status(small_server(method + " / HTTP/1.1\r\nHost: a\r\n\r\n")) == 501);
  CHECK(heard::last_status(small_server(method.substr(1) + " / HTTP/1.1\r\nHost: a\r\n\r\n")) == 414);
}

TEST_CASE("the head: 431") {
  const std::string line = "GET / HTTP/1.1\r\n";
  const Heard full = small_server(filled(line + "Host: a\r\nX: ", small.head, "\r\n\r\n"));
  CHECK(heard::last_status(full) == 200);
  for (std::size_t over = 1; over <= 5; ++over) {
    INFO(over << " bytes over");
    const Heard heard = small_server(filled(line + "Host: a\r\nX: ", small.head + over, "\r\n\r\n"));
    CHECK(heard.events == "failed 431 too large: the head\n");
    CHECK(heard::last_status(heard) == 431);
  }
  std::string many = line;
  for (int i = 0; i < 30; ++i) many += "A: b\r\n";
  CHECK(heard::last_status(small_server(many + "\r\n")) == 431);
}

TEST_CASE("the number of fields: 431") {
  const auto with_fields = [](std::size_t n) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < n; ++i) text += "A: b\r\n";
    return text + "\r\n";
  };
  CHECK(heard::last_status(by_server(Pieces{wire::as_bytes(with_fields(http1::max_fields))})) == 200);
  CHECK(heard::last_status(by_server(Pieces{wire::as_bytes(with_fields(http1::max_fields + 1))})) == 431);
}

TEST_CASE("content by its length: 413") {
  const auto post = [](std::size_t n) {
    return fmt::format("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{:x>{}}", n, "", n);
  };
  CHECK(heard::last_status(small_server(post(20))) == 200);
  const Heard over = small_server(post(21));
  CHECK(over.events == "failed 413 too large: Content-Length\n");  // before any of it is heard
  CHECK(heard::last_status(over) == 413);
}

TEST_CASE("content by its chunks: 413") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(heard::last_status(small_server(head + "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")) == 200);
  const Heard over = small_server(head + "a\r\n0123456789\r\nb\r\n0123456789A\r\n0\r\n\r\n");
  CHECK(over.events.ends_with("data 0123456789\nfailed 413 too large: content\n"));
  CHECK(heard::last_status(over) == 413);
  // The sum must not wrap around.
  CHECK(heard::last_status(small_server(head + "a\r\n0123456789\r\nffffffffffffffff\r\n")) == 413);
}

TEST_CASE("the line of a chunk: 400") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto chunk = [&](std::size_t size) {
    return filled(head + "5;", head.size() + size, "\r\nhello\r\n0\r\n\r\n");
  };
  const std::size_t rest = std::string_view("\nhello\r\n0\r\n\r\n").size();
  const std::string full = chunk(http1::max_chunk_line + rest), over = chunk(http1::max_chunk_line + rest + 1);
  for (const std::size_t size : {std::size_t{1}, over.size() / 2, over.size()}) {
    CHECK(heard::last_status(by_server(support::in_pieces_of(wire::as_bytes(full), size))) == 200);
    CHECK(heard::last_status(by_server(support::in_pieces_of(wire::as_bytes(over), size))) == 400);
  }
}

TEST_CASE("trailers: 431") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  CHECK(heard::last_status(small_server(head + filled("X: ", small.head, "\r\n\r\n"))) == 200);
  CHECK(heard::last_status(small_server(head + filled("X: ", small.head + 1, "\r\n\r\n"))) == 431);
  CHECK(heard::last_status(small_server(head + filled("A: b\r\nX: ", small.head + 1, "\r\n\r\n"))) == 431);
  CHECK(heard::last_status(small_server(head + filled("X: ", 2 * small.head, "\r\n\r\n"))) == 431);  // no request-line
}

TEST_CASE("a client's limits") {
  const auto small_client = [](std::string_view response) {
    const auto run = [](const Pieces& p) { return by_client(p, Then::wait, {"GET", "/", 1, {{"Host", "a"}}}, small); };
    return support::same_however_cut(wire::as_bytes(response), run).events;
  };
  const std::string line = "HTTP/1.1 200 OK\r\n";
  CHECK(small_client(filled(line + "Content-Length: 0\r\nX: ", small.head, "\r\n\r\n")).ends_with("end\n"));
  CHECK(small_client(filled(line + "X: ", small.head + 1, "\r\n\r\n")).starts_with("failed 431 too large: the head"));
  CHECK(small_client(line + "Content-Length: 21\r\n\r\n") == "failed 0 too large: Content-Length\n");

  // Content that ends with the connection is counted as it comes: what is heard of it before is a matter of the cuts.
  const std::string until_close = line + "\r\n" + std::string(21, 'x');
  for (const std::size_t size : {1, 5, 100}) {
    const auto pieces = support::in_pieces_of(wire::as_bytes(until_close), size);
    const auto heard = by_client(pieces, Then::wait, {"GET", "/", 1, {{"Host", "a"}}}, small);
    CHECK(heard.events.ends_with("failed 413 too large: content\n"));
  }
}

// ---- back-pressure ---------------------------------------------------------------------------------------------

TEST_CASE("a machine that nobody polls decodes nothing, and none that is not asked for") {
  http1::Connection server(wire::Side::server);
  const wire::Time now{};
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk = "5\r\nhello\r\n";
  server.receive(wire::as_bytes(request + chunk + chunk + "0\r\n\r\n"), now);
  CHECK(server.unread().size() == request.size() + 2 * chunk.size() + 5);
  CHECK(server.poll(now));  // the head
  CHECK(server.unread().size() == 2 * chunk.size() + 5);
  CHECK(server.poll(now));  // the first piece
  CHECK(server.unread().size() == chunk.size() + 2 + 5);
}

TEST_CASE("pipelined requests wait as bytes") {
  http1::Connection server(wire::Side::server);
  const wire::Time now{};
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += request;
  server.receive(wire::as_bytes(flood), now);
  int requests = 0;
  while (auto event = server.poll(now)) requests += std::holds_alternative<http1::Request>(*event);
  CHECK(requests == 1);
  CHECK(server.unread().size() == flood.size() - request.size());
}

// ---- work ------------------------------------------------------------------------------------------------------
// Each byte is looked at a bounded number of times. Nothing here counts seconds: looking at everything again with each
// byte of four million would take minutes, and the run would hit its limit.

TEST_CASE("an endless head, byte by byte") {
  constexpr std::size_t size = 4'000'000;
  http1::Connection server(wire::Side::server, {.request_line = 100, .head = size});
  const wire::Time now{};
  const std::string line = "GET / HTTP/1.1\r\nX: ";
  const std::uint8_t x = 'x';
  server.receive(wire::as_bytes(line), now);
  for (std::size_t n = line.size(); n < size; ++n) {
    server.receive({&x, 1}, now);
    if (server.poll(now)) FAIL("an event at byte " << n);
  }
  CHECK(server.unread().size() == size);
  server.receive({&x, 1}, now);
  CHECK(server.poll(now));  // Failed: one too many
}

TEST_CASE("a great many tiny chunks at once") {
  constexpr int chunks = 1'000'000;
  std::string body;
  for (int i = 0; i < chunks; ++i) body += "1\r\nx\r\n";
  http1::Connection server(wire::Side::server);
  const wire::Time now{};
  server.receive(wire::as_bytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), now);
  server.receive(wire::as_bytes(body + "0\r\n\r\n"), now);
  int pieces = 0, ends = 0;
  while (auto event = server.poll(now)) {
    pieces += std::holds_alternative<http1::Data>(*event);
    ends += std::holds_alternative<http1::End>(*event);
  }
  CHECK(pieces == chunks);
  CHECK(ends == 1);
}

TEST_CASE("a great many pipelined requests at once") {
  constexpr int requests = 200'000;
  std::string flood;
  for (int i = 0; i < requests; ++i) flood += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  http1::Connection server(wire::Side::server);
  const wire::Time now{};
  server.receive(wire::as_bytes(flood), now);
  int answered = 0;
  while (auto event = server.poll(now)) {
    if (!std::holds_alternative<http1::End>(*event)) continue;
    server.send(http1::Response{204, {}, 1, {}});
    server.send_end();
    server.take_output();
    ++answered;
  }
  CHECK(answered == requests);
}
