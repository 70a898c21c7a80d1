// What a peer can make us keep: messages have a limit, whether they come whole, in fragments, or folded up.
#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

#include <random>

using heard::operator+;
using heard::client_says;
using heard::from_hex;
using heard::hear;
using heard::Heard;
using heard::server_says;
using heard::settings;
using heard::Then;
using support::is_bytes;
using websocket::Connection;
using websocket::Deflate;
using websocket::DeflateParameters;
using websocket::Event;
using websocket::Failed;
using websocket::Limits;
using websocket::Message;
using websocket::Opcode;
using wire::as_bytes;
using wire::Buffer;
using wire::Bytes;
using wire::Side;

namespace {

// However it is cut, and in pieces or not.
Heard heard_by_server(const Buffer& bytes, std::uint64_t limit, const std::optional<DeflateParameters>& deflate = {}) {
  const auto run = [&](const support::Pieces& pieces) {
    return hear(Side::server, pieces, Then::wait, {.message = limit}, deflate);
  };
  const Heard heard = support::same_however_cut(bytes, run);
  const Bytes whole[] = {bytes};
  const Heard in_pieces = hear(Side::server, whole, Then::wait, {.message = limit, .in_pieces = true}, deflate);
  CHECK(in_pieces.output == heard.output);
  CHECK(in_pieces.closed == heard.closed);
  return heard;
}

void fails(const Heard& heard, std::string_view what) {
  CHECK(heard.events.ends_with(fmt::format("failed 1009 too large: {}\n", what)));
  CHECK_THAT(heard.output, is_bytes(server_says.close(1009, what)));
  CHECK(heard.closed);
}

Buffer compressed(Bytes message, bool fin = true) {
  return client_says.compressed(Opcode::binary, Deflate(Side::client, {}).compress(message, true), fin);
}

Buffer noise(std::size_t n) {
  std::minstd_rand random(7);
  Buffer bytes(n);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() >> 8);
  return bytes;
}

// The most bytes that came in one piece.
std::size_t largest_piece(Connection& server) {
  std::size_t largest = 0;
  while (const auto event = server.poll({}))
    if (const auto* message = std::get_if<Message>(&*event)) largest = std::max(largest, message->payload.size());
  return largest;
}

}  // namespace

TEST_CASE("a message of just the limit, and of one byte more") {
  CHECK(heard_by_server(client_says.text("12345"), 5).events == "text 12345\n");
  fails(heard_by_server(client_says.text("123456"), 5), "the message is too long");
  CHECK(heard_by_server(client_says.text(""), 0).events == "text \n");
  fails(heard_by_server(client_says.text("1"), 0), "the message is too long");
}

TEST_CASE("the limit is one of messages, not of frames") {
  CHECK(heard_by_server(
            client_says.text("12", false) + client_says.more("") + client_says.more("34") + client_says.last("5"), 5)
            .events == "text 12345\n");
  fails(heard_by_server(client_says.text("12", false) + client_says.more("34") + client_says.last("56"), 5),
        "the message is too long");
  fails(heard_by_server(client_says.text("12345", false) + client_says.more("6"), 5), "the message is too long");
}

TEST_CASE("each message is counted by itself; control frames are not") {
  const std::string ping(125, 'p');
  CHECK(heard_by_server(client_says.text("12345") + client_says.text("12", false) + client_says.pong(ping) +
                            client_says.last("345") + client_says.binary("12345"),
                        5)
            .events == "text 12345\npong " + ping + "\ntext 12345\nbinary 12345\n");
}

TEST_CASE("too long a frame is refused by its header, before any of it has come") {
  const Buffer header = from_hex("82 ff 7f ff ff ff ff ff ff ff 01 02 03 04");
  fails(heard_by_server(header, 16 << 20), "the message is too long");
  fails(
      heard_by_server(client_says.binary("x", false) + from_hex("80 ff 7f ff ff ff ff ff ff ff 01 02 03 04"), 16 << 20),
      "the message is too long");
}

TEST_CASE("the limit is one of the message after inflation") {
  const Buffer zeros(100'000);
  const auto deflate = DeflateParameters{};
  for (const bool in_pieces : {false, true}) {
    const auto hear_zeros = [&](std::uint64_t limit) {
      const Buffer bytes = compressed(zeros);
      const Bytes whole[] = {bytes};
      return hear(Side::server, whole, Then::wait, {.message = limit, .in_pieces = in_pieces}, deflate);
    };
    CHECK_FALSE(hear_zeros(100'000).closed);
    const Heard too_much = hear_zeros(99'999);
    CHECK(too_much.closed);
    CHECK_THAT(too_much.output, is_bytes(server_says.close(1009, "the message is too long when inflated")));
  }
}

TEST_CASE("fragments count together after inflation") {
  const Buffer stored = from_hex("00 03 00 fc ff 31 32 33");  // "123", and nothing of the block's end is missing
  const auto talk = [&](std::string_view last) {
    return client_says.compressed(Opcode::text, stored, false) + client_says.more(wire::as_text(stored)) +
           client_says.last(last);
  };
  const std::string nothing(1, '\0');
  CHECK(heard_by_server(talk(nothing), 6, DeflateParameters{}).events == "text 123123\n");
  fails(heard_by_server(talk(nothing), 5, DeflateParameters{}), "the message is too long when inflated");
}

// Noise is longer when it is compressed.
TEST_CASE("a message of the limit may be longer while it is compressed") {
  const Buffer message = noise(1000), bytes = compressed(message);
  REQUIRE(bytes.size() > message.size() + 8);
  CHECK(heard_by_server(bytes, 1000, DeflateParameters{}).events == "binary " + wire::visible(message) + "\n");
  fails(heard_by_server(bytes, 999, DeflateParameters{}), "the message is too long when inflated");
}

TEST_CASE("a bomb goes off in small pieces, and is stopped at the limit") {
  const Buffer bomb = compressed(Buffer(50'000'000));
  REQUIRE(bomb.size() < 300'000);
  Connection server(Side::server,
                    settings(Side::server, {.message = 10'000'000, .in_pieces = true}, DeflateParameters{}));
  server.receive(bomb, {});
  std::size_t total = 0, largest = 0;
  bool failed = false;
  while (const auto event = server.poll({})) {
    if (const auto* message = std::get_if<Message>(&*event)) {
      total += message->payload.size();
      largest = std::max(largest, message->payload.size());
    }
    failed = failed || std::holds_alternative<Failed>(*event);
  }
  CHECK(failed);
  CHECK(total <= 10'000'000);
  CHECK(total > 8'000'000);
  CHECK(largest <= 1'000'000);  // of 4096 bytes, each some hundreds
}

TEST_CASE("in pieces, a message of any length passes through, and none of it stays") {
  Connection server(Side::server, settings(Side::server, {.message = ~std::uint64_t{0} >> 1, .in_pieces = true}));
  server.receive(from_hex("82 ff 7f ff ff ff ff ff ff ff 00 00 00 00"), {});
  const Buffer piece(10'000);
  for (int i = 0; i < 100; ++i) {
    server.receive(piece, {});
    CHECK(largest_piece(server) == piece.size());
    CHECK(server.unread().empty());
  }
}
