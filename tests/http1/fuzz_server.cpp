// A server under any bytes: the same is heard, and answered, whether they come at once or byte by byte; the output
// stays in proportion; every byte that goes out or is consumed is in a frame; and a client understands every answer.
#include "heard.hpp"

#include <cstdlib>

namespace {

void check(bool invariant) {
  if (!invariant) std::abort();
}

// Small, so that a fuzzer reaches them.
const http1::Limits limits{.request_line = 200, .head = 400, .content = 1000, .discard = 100};

struct Counter : wire::Observer {
  void frame(wire::Direction direction, std::string_view, wire::Bytes bytes, const wire::Trace&) override {
    (direction == wire::Direction::sent ? sent : received) += bytes.size();
  }
  void bytes(wire::Direction, wire::Bytes) override {}
  std::size_t sent = 0, received = 0;
};

// Answers some requests when they begin and the others when they end, with or without a length: as the target says.
// Once it is answered, a request has no End any more.
void answer(const http1::Event& event, http1::Connection& server) {
  const bool early = server.target().path.size() % 2 == 0;
  if (early ? !std::holds_alternative<http1::Request>(event) : !std::holds_alternative<http1::End>(event)) return;
  if (server.must_continue()) server.send(http1::Response{100, {}, 1, {}});
  const bool with_length = server.target().query.size() % 2 == 0;
  http1::Response response{200, {}, 1, {}};
  if (with_length) response.fields.add("Content-Length", "5");
  server.send(response);
  server.send_data(wire::as_bytes("hello"));
  server.send_end();
}

heard::Heard run(std::span<const wire::Bytes> pieces, std::size_t size) {
  Counter counter;
  http1::Connection server(wire::Side::server, limits);
  server.observe(&counter);
  const heard::Heard heard = heard::hear(server, pieces, heard::Then::eof, answer);
  check(counter.sent == heard.output.size());
  check(counter.received + server.unread().size() <= size);
  check(heard.closed);  // the peer has hung up, and owes nothing
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::Bytes whole(data, size);
  std::vector<wire::Bytes> bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(whole.subspan(i, 1));
  const wire::Bytes once[] = {whole};
  const heard::Heard at_once = run(once, size);
  const heard::Heard by_byte = run(bytes, size);
  check(at_once == by_byte);
  // The shortest request, "G / HTTP/1.0\r\n\r\n", has 16 bytes; no answer here has 250.
  check(at_once.output.size() <= 250 * (size / 16 + 1));
  return 0;
}
