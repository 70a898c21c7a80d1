// The heads of messages: the examples of RFC 9110 and 9112 decoded, encoded again, and cut short.
#include "heard.hpp"
#include "support/bytes.hpp"

#include "http1/head.hpp"

using heard::show;
using http1::Fields;
using http1::Request;
using http1::Response;
using support::is_bytes;

namespace {

wire::Result<Request> decode_request(std::string_view text) {
  wire::Reader in(wire::as_bytes(text));
  return http1::decode_request(in);
}
wire::Result<Response> decode_response(std::string_view text) {
  wire::Reader in(wire::as_bytes(text));
  return http1::decode_response(in);
}

template <class Head>
wire::Buffer encoded(const Head& head) {
  wire::Buffer out;
  wire::Writer writer(out);
  encode(writer, head);
  return out;
}

struct RequestVector {
  const char* from;
  std::string_view text;
  Request request;
};
const RequestVector requests[] = {
    {"RFC 9110 §3.9",
     "GET /hello.txt HTTP/1.1\r\n"
     "User-Agent: curl/7.64.1\r\n"
     "Host: www.example.com\r\n"
     "Accept-Language: en, mi\r\n"
     "\r\n",
     {"GET",
      "/hello.txt",
      1,
      {
          {"User-Agent", "curl/7.64.1"},
          {"Host", "www.example.com"},
          {"Accept-Language", "en, mi"},
      }}},
    {"RFC 9112 §3.2.1, origin-form",
     "GET /where?q=now HTTP/1.1\r\n"
     "Host: www.example.org\r\n"
     "\r\n",
     {"GET", "/where?q=now", 1, {{"Host", "www.example.org"}}}},
    {"RFC 9112 §3.2.2, absolute-form",
     "GET http://www.example.org/pub/WWW/TheProject.html HTTP/1.1\r\n"
     "Host: www.example.org\r\n"
     "\r\n",
     {"GET", "http://www.example.org/pub/WWW/TheProject.html", 1, {{"Host", "www.example.org"}}}},
    {"RFC 9112 §3.2.3, authority-form",
     "CONNECT www.example.com:80 HTTP/1.1\r\n"
     "Host: www.example.com\r\n"
     "\r\n",
     {"CONNECT", "www.example.com:80", 1, {{"Host", "www.example.com"}}}},
    {"RFC 9112 §3.2.4, asterisk-form",
     "OPTIONS * HTTP/1.1\r\n"
     "Host: www.example.org:8001\r\n"
     "\r\n",
     {"OPTIONS", "*", 1, {{"Host", "www.example.org:8001"}}}},
    {"RFC 9110 §10.1.1, Expect",
     "PUT /somewhere/fun HTTP/1.1\r\n"
     "Host: origin.example.com\r\n"
     "Content-Type: video/h264\r\n"
     "Content-Length: 1234567890987\r\n"
     "Expect: 100-continue\r\n"
     "\r\n",
     {"PUT",
      "/somewhere/fun",
      1,
      {
          {"Host", "origin.example.com"},
          {"Content-Type", "video/h264"},
          {"Content-Length", "1234567890987"},
          {"Expect", "100-continue"},
      }}},
    {"RFC 9110 §7.8, Upgrade",
     "GET /hello HTTP/1.1\r\n"
     "Host: www.example.com\r\n"
     "Connection: upgrade\r\n"
     "Upgrade: websocket, IRC/6.9, RTA/x11\r\n"
     "\r\n",
     {"GET",
      "/hello",
      1,
      {
          {"Host", "www.example.com"},
          {"Connection", "upgrade"},
          {"Upgrade", "websocket, IRC/6.9, RTA/x11"},
      }}},
    {"RFC 1945 §5, no field at all", "GET / HTTP/1.0\r\n\r\n", {"GET", "/", 0, {}}},
    {"RFC 9110 §5.6.2, every kind of character in a token",
     "M!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n"
     "X!#$%&'*+-.^_`|~09azAZ: 1\r\n"
     "\r\n",
     {"M!#$%&'*+-.^_`|~09azAZ", "/", 1, {{"X!#$%&'*+-.^_`|~09azAZ", "1"}}}},
    {"RFC 9110 §5.5, empty values, tabs inside, bytes above ASCII",
     "GET / HTTP/1.1\r\n"
     "Host: \r\n"
     "Tab: a\tb\r\n"
     "Latin: caf\xe9\r\n"
     "\r\n",
     {"GET", "/", 1, {{"Host", ""}, {"Tab", "a\tb"}, {"Latin", "caf\xe9"}}}},
};

struct ResponseVector {
  const char* from;
  std::string_view text;
  Response response;
};
const ResponseVector responses[] = {
    {"RFC 9110 §3.9",
     "HTTP/1.1 200 OK\r\n"
     "Date: Mon, 27 Jul 2009 12:28:53 GMT\r\n"
     "Server: Apache\r\n"
     "Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\n"
     "ETag: \"34aa387-d-1568eb00\"\r\n"
     "Accept-Ranges: bytes\r\n"
     "Content-Length: 51\r\n"
     "Vary: Accept-Encoding\r\n"
     "Content-Type: text/plain\r\n"
     "\r\n",
     {200,
      "OK",
      1,
      {
          {"Date", "Mon, 27 Jul 2009 12:28:53 GMT"},
          {"Server", "Apache"},
          {"Last-Modified", "Wed, 22 Jul 2009 19:15:56 GMT"},
          {"ETag", "\"34aa387-d-1568eb00\""},
          {"Accept-Ranges", "bytes"},
          {"Content-Length", "51"},
          {"Vary", "Accept-Encoding"},
          {"Content-Type", "text/plain"},
      }}},
    {"RFC 9110 §15.2.2, 101",
     "HTTP/1.1 101 Switching Protocols\r\n"
     "Connection: upgrade\r\n"
     "Upgrade: websocket\r\n"
     "\r\n",
     {101, "Switching Protocols", 1, {{"Connection", "upgrade"}, {"Upgrade", "websocket"}}}},
    {"RFC 8297 §2, 103",
     "HTTP/1.1 103 Early Hints\r\n"
     "Link: </style.css>; rel=preload; as=style\r\n"
     "Link: </script.js>; rel=preload; as=script\r\n"
     "\r\n",
     {103,
      "Early Hints",
      1,
      {
          {"Link", "</style.css>; rel=preload; as=style"},
          {"Link", "</script.js>; rel=preload; as=script"},
      }}},
    {"RFC 9112 §4, another phrase", "HTTP/1.0 404 Nope, sorry\r\n\r\n", {404, "Nope, sorry", 0, {}}},
    {"a code that nobody has registered", "HTTP/1.1 999 Odd\r\n\r\n", {999, "Odd", 1, {}}},
};

}  // namespace

TEST_CASE("request heads: the vectors, decoded and encoded") {
  for (const auto& [from, text, request] : requests) {
    INFO(from);
    const auto decoded = decode_request(text);
    REQUIRE(decoded);
    CHECK(show(*decoded) == show(request));
    CHECK_THAT(encoded(*decoded), is_bytes(text));
  }
}

TEST_CASE("response heads: the vectors, decoded and encoded") {
  for (const auto& [from, text, response] : responses) {
    INFO(from);
    const auto decoded = decode_response(text);
    REQUIRE(decoded);
    CHECK(show(*decoded) == show(response));
    CHECK_THAT(encoded(*decoded), is_bytes(text));
  }
}

// The connection hands a decoder whole heads only: one that is cut short is an error, not a reason to wait.
TEST_CASE("a head cut short at any byte is refused") {
  for (const auto& [from, text, request] : requests)
    for (std::size_t n = 0; n < text.size(); ++n) {
      INFO(from << ", the first " << n << " bytes");
      CHECK_FALSE(decode_request(text.substr(0, n)));
    }
  for (const auto& [from, text, response] : responses)
    for (std::size_t n = 0; n < text.size(); ++n) {
      INFO(from << ", the first " << n << " bytes");
      CHECK_FALSE(decode_response(text.substr(0, n)));
    }
}

// RFC 9112 §5.1: white space around the value is not part of it.
TEST_CASE("white space around a field value does not count") {
  for (const std::string value : {"a b", " a b", "a b ", "\t a b\t ", "  a b\t\t"}) {
    INFO("[" << value << "]");
    const auto request = decode_request("GET / HTTP/1.1\r\nX:" + value + "\r\n\r\n");
    REQUIRE(request);
    CHECK(*request->fields.find("X") == "a b");
  }
  const auto blank = decode_request("GET / HTTP/1.1\r\nX: \t \r\n\r\n");
  REQUIRE(blank);
  CHECK(blank->fields.find("X")->empty());
}

// RFC 9112 §5.2: a server must refuse it (or mend it); a client must read it as a space.
TEST_CASE("a folded line means a space in responses and trailers") {
  const auto response = decode_response(
      "HTTP/1.1 200 OK\r\n"
      "X: one\r\n"
      "  two\r\n"
      "\tthree\t\r\n"
      "Y: four\r\n"
      "\r\n");
  REQUIRE(response);
  CHECK(show(response->fields) == "  X: one two three\n  Y: four\n");

  // At either end of the value, a space is still no part of it.
  const auto blank = decode_response("HTTP/1.1 200 OK\r\nX:\r\n one\r\n \t\r\n two\r\n \r\n\r\n");
  REQUIRE(blank);
  CHECK(show(blank->fields) == "  X: one two\n");

  wire::Reader in(wire::as_bytes("X: one\r\n two\r\n\r\n"));
  const auto trailers = http1::decode_trailers(in, true);
  REQUIRE(trailers);
  CHECK(show(*trailers) == "  X: one two\n");
}

TEST_CASE("a folded line before any field is refused even there") {
  CHECK_FALSE(decode_response("HTTP/1.1 200 OK\r\n X: 1\r\n\r\n"));
}

TEST_CASE("versions") {  // RFC 9112 §2.3, RFC 9110 §2.5
  struct {
    const char* version;
    int status;  // 0: accepted
    int minor;
  } const versions[] = {
      {"HTTP/1.1", 0, 1},
      {"HTTP/1.0", 0, 0},
      {"HTTP/1.2", 0, 2},    // a later minor version is to be taken for the
                             // highest one that we know
      {"HTTP/2.0", 505, 0},  // another major version means another language
      {"HTTP/0.9", 505, 0},
      {"HTTP/9.9", 505, 0},
      {"http/1.1", 400, 0},   // the name is case-sensitive
      {"HTTP/1.10", 400, 0},  // one digit each
      {"HTTP/11.1", 400, 0},
      {"HTTP/1,1", 400, 0},
      {"HTTP/1", 400, 0},
      {"HTTP/1.x", 400, 0},
      {"HTPP/1.1", 400, 0},
      {" HTTP/1.1", 400, 0},
      {"HTTP/1.1 ", 400, 0},
      {"", 400, 0},
  };
  for (const auto& [version, status, minor] : versions) {
    INFO("[" << version << "]");
    const auto request = decode_request(fmt::format("GET / {}\r\nHost: a\r\n\r\n", version));
    REQUIRE(request.has_value() == (status == 0));
    if (request) CHECK(request->minor_version == minor);
    else CHECK(request.error().wire_code == static_cast<std::uint32_t>(status));
  }
}

TEST_CASE("status lines") {  // RFC 9112 §4
  struct {
    const char* line;
    int status;  // 0: refused
    const char* reason;
  } const lines[] = {
      {"HTTP/1.1 200 OK", 200, "OK"},
      {"HTTP/1.1 200 ", 200, ""},
      {"HTTP/1.1 200", 200, ""},  // not quite right, and common
      {"HTTP/1.1 200 Caf\xe9 au\tlait", 200, "Caf\xe9 au\tlait"},
      {"HTTP/1.1 099 Low", 0, ""},
      {"HTTP/1.1 20 Short", 0, ""},
      {"HTTP/1.1 2000 Long", 0, ""},
      {"HTTP/1.1 -20 Minus", 0, ""},
      {"HTTP/1.1 2x0 OK", 0, ""},
      {"HTTP/1.1  200 OK", 0, ""},
      {"HTTP/1.1\t200 OK", 0, ""},
      {"HTTP/1.1 200\tOK", 0, ""},
      {"HTTP/1.1 200 O\x01K", 0, ""},
      {"HTTP/2.0 200 OK", 0, ""},
      {"ICY 200 OK", 0, ""},
      {"HTTP/1.1", 0, ""},
      {"", 0, ""},
  };
  for (const auto& [line, status, reason] : lines) {
    INFO("[" << line << "]");
    const auto response = decode_response(std::string(line) + "\r\n\r\n");
    REQUIRE(response.has_value() == (status != 0));
    if (!response) continue;
    CHECK(response->status == status);
    CHECK(response->reason == reason);
  }
}

TEST_CASE("a response without a phrase is sent with the standard one") {
  CHECK_THAT(encoded(Response{404, {}, 1, {}}), is_bytes("HTTP/1.1 404 Not Found\r\n\r\n"));
  CHECK_THAT(encoded(Response{404, "Gone fishing", 1, {}}), is_bytes("HTTP/1.1 404 Gone fishing\r\n\r\n"));
  CHECK_THAT(encoded(Response{299, {}, 1, {}}), is_bytes("HTTP/1.1 299 \r\n\r\n"));  // the space stays: RFC 9112 §4
}

TEST_CASE("as many fields as are allowed, and one more") {
  const auto with_fields = [](std::size_t n) {
    std::string text = "GET / HTTP/1.1\r\n";
    for (std::size_t i = 0; i < n; ++i) text += fmt::format("X-{}: {}\r\n", i, i);
    return text + "\r\n";
  };
  REQUIRE(decode_request(with_fields(http1::max_fields)));
  const auto more = decode_request(with_fields(http1::max_fields + 1));
  REQUIRE_FALSE(more);
  CHECK(more.error().wire_code == 431);
}

// Whatever an application puts in must come out as one head: a line end inside a value would begin another field, or
// another message ("response splitting").
TEST_CASE("what cannot be a head is not written") {
  CHECK_THROWS_AS(encoded(Request{"GET", "/", 1, {{"X", "1\r\nY: 2"}}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "/", 1, {{"X", std::string("a\0b", 3)}}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "/", 1, {{"X:", "1"}}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "/", 1, {{"", "1"}}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET /", "/", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"", "/", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "/a b", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "/ HTTP/1.1\r\nX: 1", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Request{"GET", "", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Response{200, "OK\r\nX: 1", 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Response{99, {}, 1, {}}), wire::UsageError);
  CHECK_THROWS_AS(encoded(Response{1000, {}, 1, {}}), wire::UsageError);
}
