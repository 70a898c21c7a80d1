// Bad input: what a server answers to it, and what a client does not put up with. Each case is cut in every way: a
// refusal must not depend on how TCP has cut the stream.
#include "heard.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

using heard::by_client;
using heard::by_server;
using heard::Heard;
using heard::Then;
using support::is_bytes;
using support::Pieces;
using namespace std::string_view_literals;

// ---- what a server refuses -------------------------------------------------------------------------------------

namespace {

struct Refusal {
  const char* why;
  int status;
  std::string_view request;
};

#define HEAD_OF_POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED_POST HEAD_OF_POST "Transfer-Encoding: chunked\r\n\r\n"

const Refusal refusals[] = {
    // The request-line: RFC 9112 §3
    {"a line of garbage", 400, "garbage\r\n\r\n"},
    {"binary garbage", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"sv},  // TLS, spoken to the wrong port
    {"HTTP/0.9", 400, "GET /\r\n\r\n"},
    {"no method", 400, " / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a method that is no token", 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"no target", 400, "GET  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"two spaces", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"tabs instead of spaces", 400, "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a space in the target", 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a space after the version", 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {"a control character in the target", 400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a byte above ASCII in the target", 400, "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a target of no form", 400, "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"* for GET", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CONNECT without a port", 400, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a version that is none", 400, "GET / HTTP/1.x\r\nHost: a\r\n\r\n"},
    {"another protocol's version", 400, "GET / SIP/2.0\r\nHost: a\r\n\r\n"},
    {"a version in small letters", 400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {"a later version", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {"a version that does not exist", 505, "GET / HTTP/9.9\r\nHost: a\r\n\r\n"},
    {"HTTP/2 with prior knowledge", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},

    // Lines: RFC 9112 §2.2
    {"a bare LF after the request-line", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
    {"a bare LF after a field", 400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {"a bare LF as the empty line", 400, "GET / HTTP/1.1\r\nHost: a\r\n\n"},
    {"a bare LF before the request", 400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a bare LF after an empty line", 400, "\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a bare CR in the request-line", 400, "GET /\rHTTP/1.1\r\nHost: a\r\n\r\n"},
    {"a bare CR in a field value", 400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
    {"a bare CR before the request", 400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"CR CR LF", 400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},

    // Fields: RFC 9112 §5, RFC 9110 §5.5
    {"a space before the colon", 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
    {"a tab before the colon", 400, "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"},
    {"a space before the first field", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {"a folded line", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"},
    {"a line folded by a tab", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"},
    {"a field without a colon", 400, "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"},
    {"a field without a name", 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
    {"a field name that is no token", 400, "GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n"},
    {"NUL in a field value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"sv},
    {"NUL in a field name", 400, "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"sv},
    {"a control character in a field value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\x07\r\n\r\n"},
    {"DEL in a field value", 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"},

    // Host: RFC 9112 §3.2
    {"no Host", 400, "GET / HTTP/1.1\r\n\r\n"},
    {"no Host beside an absolute target", 400, "GET http://a/ HTTP/1.1\r\n\r\n"},
    {"two Hosts", 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"the same Host twice", 400, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"},
    {"two Hosts in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"a Host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"a Host with a user name", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {"a Host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {"a port that is no number", 400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},

    // The length of the content: RFC 9112 §6
    {"both lengths", 400, HEAD_OF_POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"both lengths, the other way round", 400, HEAD_OF_POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
    {"a negative length", 400, HEAD_OF_POST "Content-Length: -1\r\n\r\n"},
    {"a length with a sign", 400, HEAD_OF_POST "Content-Length: +5\r\n\r\nhello"},
    {"a list of lengths", 400, HEAD_OF_POST "Content-Length: 5, 5\r\n\r\nhello"},
    {"two different lengths", 400, HEAD_OF_POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
    {"the same length twice", 400, HEAD_OF_POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {"a length in hexadecimal", 400, HEAD_OF_POST "Content-Length: 0x5\r\n\r\nhello"},
    {"a length that is no number", 400, HEAD_OF_POST "Content-Length: five\r\n\r\nhello"},
    {"an empty length", 400, HEAD_OF_POST "Content-Length: \r\n\r\nhello"},
    {"a length over 64 bits", 413, HEAD_OF_POST "Content-Length: 18446744073709551616\r\n\r\n"},
    {"a length over our limit", 413, HEAD_OF_POST "Content-Length: 1099511627777\r\n\r\n"},
    {"HTTP/1.0 and no length", 411, "POST / HTTP/1.0\r\n\r\nhello"},
    {"chunks in HTTP/1.0", 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"a transfer coding that we cannot undo", 501, HEAD_OF_POST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
    {"chunked, but not at last", 400, HEAD_OF_POST "Transfer-Encoding: chunked, gzip\r\n\r\n"},
    {"chunked twice", 400, HEAD_OF_POST "Transfer-Encoding: chunked, chunked\r\n\r\n"},
    {"something like chunked", 400, HEAD_OF_POST "Transfer-Encoding: xchunked\r\n\r\n"},
    {"chunked behind a vertical tab", 400, HEAD_OF_POST "Transfer-Encoding:\vchunked\r\n\r\n"},
    {"an expectation that we do not know", 417, HEAD_OF_POST "Content-Length: 5\r\nExpect: a-miracle\r\n\r\nhello"},

    // Chunks: RFC 9112 §7.1
    {"no chunk size", 400, CHUNKED_POST "\r\nhello\r\n"},
    {"a chunk size that is no number", 400, CHUNKED_POST "x\r\nhello\r\n"},
    {"a negative chunk size", 400, CHUNKED_POST "-5\r\nhello\r\n"},
    {"a chunk size with 0x", 400, CHUNKED_POST "0x5\r\nhello\r\n"},
    {"a chunk size over 64 bits", 413, CHUNKED_POST "10000000000000005\r\nhello\r\n"},
    {"a chunk size over our limit", 413, CHUNKED_POST "10000000001\r\nhello\r\n"},
    {"a space before the chunk size", 400, CHUNKED_POST " 5\r\nhello\r\n"},
    {"a chunk longer than its size", 400, CHUNKED_POST "4\r\nhello\r\n0\r\n\r\n"},
    {"a chunk shorter than its size", 400, CHUNKED_POST "6\r\nhello\r\n0\r\n\r\n"},
    {"a bare LF after the chunk size", 400, CHUNKED_POST "5\nhello\r\n"},
    {"a bare LF after the chunk", 400, CHUNKED_POST "5\r\nhello\n0\r\n\r\n"},
    {"a bare CR in a chunk extension", 400, CHUNKED_POST "5;a\rb\r\nhello\r\n"},
    {"a chunk extension that is none", 400, CHUNKED_POST "5;\r\nhello\r\n"},
    {"a bare LF after the last chunk", 400, CHUNKED_POST "0\n\r\n"},
    {"a bare LF after the trailers", 400, CHUNKED_POST "0\r\nX: 1\r\n\n"},
    {"a trailer with a space before its colon", 400, CHUNKED_POST "0\r\nX : 1\r\n\r\n"},
    {"a trailer with a control character", 400, CHUNKED_POST "0\r\nX: \x01\r\n\r\n"},
};

// One answer, whole and for a person to read, and the connection is over. HEAD has no content in its answer.
void check_refusal(const Heard& heard, int status) {
  const std::string events = heard.events.substr(heard.events.rfind("failed"));
  CHECK(events.starts_with(fmt::format("failed {} ", status)));
  const std::string detail = events.substr(events.find(": ") + 2);  // with the LF
  CHECK_THAT(heard.output, is_bytes(fmt::format("HTTP/1.1 {} {}\r\n"
                                                "Content-Type: text/plain\r\n"
                                                "Content-Length: {}\r\n"
                                                "Connection: close\r\n"
                                                "\r\n"
                                                "{}",
                                                status, http1::reason_phrase(status), detail.size(), detail)));
  CHECK(heard.closed);
}

}  // namespace

TEST_CASE("a server refuses, whatever the cuts") {
  for (const auto& [why, status, request] : refusals) {
    INFO(why << ": " << wire::visible(wire::as_bytes(request)));
    const auto run = [](const Pieces& pieces) { return by_server(pieces); };
    const Heard heard = support::same_however_cut(wire::as_bytes(request), run);
    REQUIRE(heard.events.find("failed") != std::string::npos);
    check_refusal(heard, status);
  }
}

TEST_CASE("nothing that follows a refused request is heard") {
  const auto smuggled = HEAD_OF_POST
      "Content-Length: 5\r\nContent-Length: 40\r\n\r\nhello"
      "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"sv;
  const Heard heard = support::same_however_cut(wire::as_bytes(smuggled), [](const Pieces& p) { return by_server(p); });
  CHECK(heard.events == "failed 400 malformed: more than one Content-Length\n");
}

TEST_CASE("a refusal in a conversation: what came before is answered first") {
  const auto requests =
      "GET /good HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /bad HTTP/1.1\r\n\r\n"sv;
  const Heard heard = support::same_however_cut(wire::as_bytes(requests), [](const Pieces& p) { return by_server(p); });
  CHECK(heard.events ==
        "GET /good 1.1\n  Host: a\nend\n"
        "failed 400 malformed: HTTP/1.1 without Host\n");
  CHECK(wire::as_text(heard.output)
            .starts_with("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 400 Bad Request\r\n"));
}

TEST_CASE("the answer to a bad HEAD has no content") {
  const Pieces request{wire::as_bytes("HEAD / HTTP/1.1\r\n\r\n")};
  const Heard heard = by_server(request);
  CHECK(heard::last_status(heard) == 400);
  CHECK(wire::as_text(heard.output).ends_with("\r\n\r\n"));
}

TEST_CASE("a peer that hangs up in the middle of a request") {
  const auto post = HEAD_OF_POST "Content-Length: 5\r\n\r\nhello"sv;
  const auto chunks = CHUNKED_POST "5\r\nhello\r\n0\r\nX: 1\r\n\r\n"sv;
  for (const std::string_view whole : {post, chunks})
    for (std::size_t n = 1; n < whole.size(); ++n) {
      INFO("after " << n << " bytes of " << wire::visible(wire::as_bytes(whole)));
      const Pieces pieces{wire::as_bytes(whole.substr(0, n))};
      const Heard heard = by_server(pieces, Then::eof);
      CHECK(heard.events.ends_with("failed 400 truncated: the peer hung up in the middle of a message\n"));
      CHECK(heard::last_status(heard) == 400);  // it may still listen
      CHECK(heard.closed);
    }
}

TEST_CASE("a peer that hangs up between requests has done nothing wrong") {
  for (const char* said : {"", "\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n"}) {
    const Pieces pieces{wire::as_bytes(said)};
    const Heard heard = by_server(pieces, Then::eof);
    CHECK(heard.events.find("failed") == std::string::npos);
    CHECK(heard.closed);
  }
}

// RFC 9112 §2.2: for the sake of old clients that sent one too many.
TEST_CASE("empty lines before a request are ignored") {
  const auto text = "\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"sv;
  const Heard heard = support::same_however_cut(wire::as_bytes(text), [](const Pieces& p) { return by_server(p); });
  CHECK(heard.events == "GET /1 1.1\n  Host: a\nend\nGET /2 1.1\n  Host: a\nend\n");
  CHECK_FALSE(heard.closed);
}

// ---- what a client refuses -------------------------------------------------------------------------------------

namespace {

struct BadResponse {
  const char* why;
  std::string_view response;
  std::string_view failure;  // how the last event begins
};

#define OK "HTTP/1.1 200 OK\r\n"

const BadResponse bad_responses[] = {
    {"no answer", "", "failed 0 truncated: the server hung up without an answer"},
    {"half a head", "HTTP/1.1 200 OK\r\nX", "failed 400 truncated"},
    {"only an interim answer", "HTTP/1.1 103 Early Hints\r\n\r\n", "failed 0 truncated"},
    {"a short body", OK "Content-Length: 6\r\n\r\nhello", "failed 400 truncated"},
    {"no body at all", OK "Content-Length: 6\r\n\r\n", "failed 400 truncated"},
    {"chunks without the last one", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "failed 400 truncated"},
    {"a chunk cut off", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "failed 400 truncated"},
    {"trailers cut off", OK "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n", "failed 400 truncated"},
    {"a bad chunk size", OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n", "failed 400 malformed: chunk-size"},
    {"a chunk that is too long", OK "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
     "failed 400 malformed: the chunk is longer"},
    {"two lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "failed 400 malformed: more than one"},
    {"a list of lengths", OK "Content-Length: 5, 6\r\n\r\nhello!", "failed 400 malformed: Content-Length"},
    {"a negative length", OK "Content-Length: -1\r\n\r\n", "failed 400 malformed: Content-Length"},
    {"a transfer coding that we cannot undo", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "failed 501 unsupported"},
    {"101 that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
     "failed 0 unexpected: 101 out of place"},
    {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "failed 400 malformed: HTTP-version"},
    {"a later version", "HTTP/2.0 200 OK\r\n\r\n", "failed 505 unsupported"},
    {"a status that is none", "HTTP/1.1 OK\r\n\r\n", "failed 0 malformed"},
    {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "failed 400 malformed: a line that does not end in CRLF"},
    {"a bare CR", OK "X: a\rb\r\n\r\n", "failed 400 malformed: field-value"},
    {"a space before the colon", OK "Content-Length : 0\r\n\r\n", "failed 400 malformed: field-name"},
    {"NUL", OK "X: \0\r\n\r\n"sv, "failed 400 malformed: field-value"},
};

}  // namespace

TEST_CASE("a client refuses, whatever the cuts") {
  for (const auto& [why, response, failure] : bad_responses) {
    INFO(why << ": " << wire::visible(wire::as_bytes(response)));
    const auto run = [](const Pieces& pieces) { return by_client(pieces, Then::eof); };
    const Heard heard = support::same_however_cut(wire::as_bytes(response), run);
    const auto failed = heard.events.rfind("failed");
    REQUIRE(failed != std::string::npos);
    CHECK(heard.events.substr(failed).starts_with(failure));
    CHECK(heard.output.empty());  // there is no answer to an answer
    CHECK(heard.closed);
  }
}

TEST_CASE("a client has heard what came before the fault") {
  const Pieces pieces{wire::as_bytes(OK "Content-Length: 6\r\n\r\nhello")};
  CHECK(by_client(pieces, Then::eof).events ==
        "200 OK 1.1\n  Content-Length: 6\n"
        "data hello\n"
        "failed 400 truncated: the peer hung up in the middle of a message\n");
}

TEST_CASE("a response that nobody asked for") {
  http1::Connection client(wire::Side::client);
  const Pieces pieces{wire::as_bytes(OK "Content-Length: 0\r\n\r\n")};
  const Heard heard = heard::hear(client, pieces, Then::wait, [](auto&, auto&) {});
  CHECK(heard.events == "failed 0 unexpected: a response that nobody asked for\n");
  CHECK(heard.closed);

  // A second one behind the first must not become the answer to the next request.
  const Heard twice = by_client(Pieces{wire::as_bytes(OK "Content-Length: 0\r\n\r\n" OK "Content-Length: 0\r\n\r\n")});
  CHECK(twice.events == "200 OK 1.1\n  Content-Length: 0\nend\n");
  CHECK(twice.closed);
}

// RFC 9112 §6.3, rule 3: the chunks count; and what follows on this connection cannot be trusted.
TEST_CASE("both lengths in a response") {
  const auto response = OK "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"sv;
  const Heard heard = support::same_however_cut(wire::as_bytes(response), [](const Pieces& p) { return by_client(p); });
  CHECK(heard.events ==
        "200 OK 1.1\n  Content-Length: 4\n  Transfer-Encoding: chunked\n"
        "data hello\n"
        "end\n");
  CHECK_FALSE(heard.keep_alive);
  CHECK(heard.closed);
}

TEST_CASE("a folded line in a response means a space") {  // RFC 9112 §5.2
  const auto response = OK "Content-Length: 0\r\nX: one\r\n  two\r\n\r\n"sv;
  const Heard heard = support::same_however_cut(wire::as_bytes(response), [](const Pieces& p) { return by_client(p); });
  CHECK(heard.events == "200 OK 1.1\n  Content-Length: 0\n  X: one two\nend\n");
}
