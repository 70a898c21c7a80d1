// Where a message ends: the rules of RFC 9112 §6.3, one after the other, and the chunks of §7.1.
#include "support/bytes.hpp"
#include "support/catch.hpp"

#include "http1/framing.hpp"

using http1::Fields;
using http1::Framing;
using http1::Request;
using http1::Response;
using Kind = http1::Framing::Kind;
using support::is_bytes;

namespace {

const char* name(Kind kind) {
  switch (kind) {
    case Kind::none: return "none";
    case Kind::length: return "length";
    case Kind::chunked: return "chunked";
    case Kind::until_close: return "until close";
  }
  return "?";
}

// "none", "length 5", "chunked", "until close", or the status of the refusal.
std::string show(const wire::Result<Framing>& framing) {
  if (!framing) return std::to_string(framing.error().wire_code);
  return framing->kind == Kind::length ? "length " + std::to_string(framing->length) : name(framing->kind);
}

std::string of_request(const Fields& fields, int minor_version = 1) {
  return show(framing_of(Request{"POST", "/", minor_version, fields}));
}
std::string of_response(const Fields& fields, int status = 200, std::string_view method = "GET", int minor = 1) {
  return show(framing_of(Response{status, "", minor, fields}, method));
}

const Fields five{{"Content-Length", "5"}};
const Fields chunked{{"Transfer-Encoding", "chunked"}};
const Fields both{{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}};

}  // namespace

TEST_CASE("rule 1: no content in answers to HEAD, in 1xx, 204 and 304, whatever the fields say") {
  for (const Fields& fields : {Fields{}, five, chunked, both, Fields{{"Content-Length", "x"}}}) {
    CHECK(of_response(fields, 200, "HEAD") == "none");
    CHECK(of_response(fields, 404, "HEAD") == "none");
    for (const int status : {100, 101, 103, 199, 204, 304}) CHECK(of_response(fields, status) == "none");
  }
}

// Rule 2 is for CONNECT, which makes a tunnel; this chapter makes none.

TEST_CASE("rule 3: both lengths. A server refuses; a client goes by the chunks") {
  CHECK(of_request(both) == "400");
  CHECK(of_request({{"transfer-encoding", "chunked"}, {"content-length", "0"}}) == "400");
  CHECK(of_response(both) == "chunked");
}

TEST_CASE("rule 4: chunked, if that is the last transfer coding") {
  CHECK(of_request(chunked) == "chunked");
  CHECK(of_response(chunked) == "chunked");
  CHECK(of_request({{"Transfer-Encoding", "CHUNKED"}}) == "chunked");       // RFC 9112 §7: names ignore case
  CHECK(of_request({{"Transfer-Encoding", " , chunked ,"}}) == "chunked");  // empty members do not count

  for (const char* coding : {"gzip", "identity", "chunked, gzip", "xchunked", "chunkedx", "\"chunked\"", "chunked;q=1",
                             "", ",", "chunked, identity"}) {
    INFO(coding);
    CHECK(of_request({{"Transfer-Encoding", coding}}) == "400");  // nobody can know where it ends
    CHECK(of_response({{"Transfer-Encoding", coding}}) == "400");
  }
  CHECK(of_request({{"Transfer-Encoding", "chunked, chunked"}}) == "400");  // §6.1: not more than once
  CHECK(of_request({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}) == "400");
  CHECK(of_request({{"Transfer-Encoding", "gzip, chunked"}}) == "501");  // §6.1: a coding that we cannot undo
  CHECK(of_request({{"Transfer-Encoding", "gzip"}, {"Transfer-Encoding", "chunked"}}) == "501");
  CHECK(of_request(chunked, 0) == "400");  // §6.1: HTTP/1.0 knows no transfer codings: the framing is faulty
  CHECK(of_response(chunked, 200, "GET", 0) == "400");
}

TEST_CASE("rule 5: a length that is none") {
  for (const char* length :
       {"-1", "+5", "5,5", "5, 5", "5,6", "5 5", "0x5", "5.0", "5e0", "a", "", "5;", "\"5\"", "٥"}) {
    INFO("[" << length << "]");
    CHECK(of_request({{"Content-Length", length}}) == "400");
    CHECK(of_response({{"Content-Length", length}}) == "400");
  }
  // Two fields, even where they agree: RFC 9110 §8.6 lets us choose, and somebody was careless.
  CHECK(of_request({{"Content-Length", "5"}, {"Content-Length", "6"}}) == "400");
  CHECK(of_request({{"Content-Length", "5"}, {"content-length", "5"}}) == "400");
  CHECK(of_response({{"Content-Length", "5"}, {"Content-Length", "5"}}) == "400");
  CHECK(of_request({{"Content-Length", "18446744073709551615"}}) == "length 18446744073709551615");
  CHECK(of_request({{"Content-Length", "18446744073709551616"}}) == "413");  // 2^64
}

TEST_CASE("rule 6: a length") {
  CHECK(of_request(five) == "length 5");
  CHECK(of_response(five) == "length 5");
  CHECK(of_request({{"Content-Length", "005"}}) == "length 5");
  CHECK(of_request({{"Content-Length", "0"}}) == "none");
  CHECK(of_response({{"Content-Length", "0"}}) == "none");
}

TEST_CASE("rule 7: a request without a length has no content") { CHECK(of_request({}) == "none"); }

TEST_CASE("rule 8: a response without a length goes on until the connection ends") {
  CHECK(of_response({}) == "until close");
  CHECK(of_response({}, 404, "POST") == "until close");
}

// ---- chunks ----------------------------------------------------------------------------------------------------

namespace {

wire::Result<std::uint64_t> chunk_size(std::string_view line) {
  const std::string text = std::string(line) + "\r\n";
  wire::Reader in(wire::as_bytes(text));
  return http1::decode_chunk_size(in);
}

}  // namespace

TEST_CASE("chunk sizes") {
  struct {
    const char* line;
    std::uint64_t size;
  } const good[] = {
      {"0", 0},
      {"5", 5},
      {"a", 10},
      {"A", 10},
      {"1aB", 0x1ab},
      {"0005", 5},
      {"ffffffffffffffff", 0xffff'ffff'ffff'ffff},
      // RFC 9112 §7.1.1: extensions, which we may ignore, but not accept malformed
      {"5;a", 5},
      {"5;a=b", 5},
      {"5;a=\"b c\"", 5},
      {"5;a=\"b;\\\"c\"", 5},
      {"5 ; a = b", 5},
      {"5\t;a;b=1;c=\"\"", 5},
  };
  for (const auto& [line, size] : good) {
    INFO("[" << line << "]");
    const auto decoded = chunk_size(line);
    REQUIRE(decoded);
    CHECK(*decoded == size);
  }
  for (const std::string_view line :
       {"",      " ",       " 5",  "-5",      "+5",         "0x5",          "g",       "5g",
        "5 5",   "5,5",     "5;",  "5;;a",    "5;=b",       "5;a=",         "5;a=\"b", "5;a=\"b\"c",
        "5;a b", "5;a=b c", "5\r", "5;a=\rb", "5;a=\"\r\"", "5;a=\"\\\r\"", "5;\xe9",  "5\v"}) {
    INFO("[" << wire::visible(wire::as_bytes(line)) << "]");
    const auto decoded = chunk_size(line);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().wire_code == 400);
  }
  CHECK_FALSE(chunk_size(std::string_view("5;a=\"\\\0\"", 8)));  // an escape does not make a NUL any better
  const auto huge = chunk_size("10000000000000000");  // 2^64: must not wrap around to 0, which would end the message
  REQUIRE_FALSE(huge);
  CHECK(huge.error().wire_code == 413);
}

TEST_CASE("chunks are written as they are read") {
  wire::Buffer out;
  wire::Writer writer(out);
  http1::encode_chunk(writer, wire::as_bytes("Mozilla"));
  http1::encode_chunk(writer, wire::as_bytes("Developer Network"));
  http1::encode_last_chunk(writer, {{"Expires", "Wed, 21 Oct 2026 07:28:00 GMT"}});
  CHECK_THAT(out, is_bytes("7\r\n"
                           "Mozilla\r\n"
                           "11\r\n"
                           "Developer Network\r\n"
                           "0\r\n"
                           "Expires: Wed, 21 Oct 2026 07:28:00 GMT\r\n"
                           "\r\n"));
  CHECK_THROWS_AS(http1::encode_chunk(writer, {}), wire::UsageError);
}
