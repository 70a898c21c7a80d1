// Single clauses of the specifications that are easily overlooked, one case each.
#include "heard.hpp"
#include "http1/conditional.hpp"
#include "support/catch.hpp"

#include <string>
#include <string_view>

using http1::Connection;
using http1::Fields;
using wire::Side;

namespace {

const std::string& fixed_date() {
  static const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  return date;
}

// What a server says to these bytes when its handler answers every request with "ok".
std::string answer_to(std::string_view bytes, const http1::Origin& origin = {}) {
  Connection server(Side::server, {}, origin);
  server.receive(wire::as_bytes(bytes), {});
  std::string output;
  for (;;) {
    const auto event = server.poll({});
    output += wire::as_string(server.take_output());
    if (!event) break;
    if (!std::holds_alternative<http1::Request>(*event)) continue;
    server.send(http1::Response{200, {}, 1, {{"Content-Length", "2"}}});
    server.send_data(wire::as_bytes("ok"));
    server.send_end();
  }
  return output;
}

std::string status_of(std::string_view answer) {
  return std::string(answer.substr(0, std::min(answer.find("\r\n"), answer.size())));
}

// The events of a client that sends a GET and receives these bytes.
std::string heard_by_client(std::string_view bytes, Fields fields = {{"Host", "h"}}) {
  Connection client(Side::client);
  client.send(http1::Request{"GET", "/", 1, std::move(fields)});
  client.receive(wire::as_bytes(bytes), {});
  heard::Log log;
  while (const auto event = client.poll({})) log(*event);
  return log.text;
}

}  // namespace

TEST_CASE("a refusal of a HEAD request has no content, wherever its head went wrong") {  // RFC 9110 §9.3.2
  for (const std::string_view head : {"HEAD / HTTP/1.1\r\nHost : h\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n",
                                      "HEAD / HTTP/1.1\nHost: h\n\n", "HEAD / HTTP/3.0\r\nHost: h\r\n\r\n"}) {
    CAPTURE(head);
    CHECK(answer_to(head).ends_with("\r\n\r\n"));
  }
  CHECK_FALSE(answer_to("GET / HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
}

TEST_CASE("every answer has a Date, those of the machine, too") {  // RFC 9110 §6.6.1
  const http1::Origin origin{false, fixed_date};
  const std::string date = "Date: " + fixed_date() + "\r\n";
  CHECK(answer_to("GET / HTTP/1.1\r\nHost: h\r\n\r\n", origin).find(date) != std::string::npos);
  CHECK(answer_to("GET / HTTP/1.1\r\n\r\n", origin).find(date) != std::string::npos);
  CHECK(answer_to("GET / HTTP/1.1\r\n\r\n").find("Date") == std::string::npos);  // no clock, no date
}

TEST_CASE("https is refused where there is no TLS") {  // RFC 9110 §7.4
  const std::string_view request = "GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(status_of(answer_to(request)) == "HTTP/1.1 421 Misdirected Request");
  CHECK(status_of(answer_to(request, {true, nullptr})) == "HTTP/1.1 200 OK");
  CHECK(status_of(answer_to("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n")) == "HTTP/1.1 200 OK");
}

TEST_CASE("a method that is too long is not implemented, a target that is too long is too long") {  // RFC 9112 §3
  CHECK(status_of(answer_to(std::string(9000, 'M'))) == "HTTP/1.1 501 Not Implemented");
  CHECK(status_of(answer_to("GET /" + std::string(9000, 'x'))) == "HTTP/1.1 414 URI Too Long");
}

TEST_CASE("chunk extensions are limited in all, not only each") {  // RFC 9112 §7.1.1
  const auto with_chunks = [](int count, const std::string& extension) {
    std::string request = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < count; ++i) request += "1" + extension + "\r\nx\r\n";
    Connection server(Side::server);
    server.receive(wire::as_bytes(request + "0\r\n\r\n"), {});
    heard::Log log;
    while (const auto event = server.poll({})) log(*event);
    return log.text;
  };
  CHECK(with_chunks(20'000, "").ends_with("end\n"));
  CHECK(with_chunks(10, ";a=" + std::string(900, 'b')).ends_with("end\n"));
  CHECK(with_chunks(20, ";a=" + std::string(900, 'b')).ends_with("failed 400 too large: chunk-ext\n"));
}

TEST_CASE("white space in a chunk-size line belongs to an extension, or is wrong") {  // RFC 9112 §7.1
  const auto size = [](std::string_view line) {
    wire::Reader in(wire::as_bytes(line));
    return http1::decode_chunk_size(in).has_value();
  };
  CHECK(size("3\r\n"));
  CHECK(size("3 ;a\r\n"));
  CHECK(size("3;a = \"b c\"\r\n"));
  CHECK_FALSE(size("3 \r\n"));
  CHECK_FALSE(size(" 3\r\n"));
  CHECK_FALSE(size("3;a \r\n"));
}

TEST_CASE("folded lines in a request's trailers are refused, in a response's they are spaces") {  // RFC 9112 §5.2
  const std::string trailers = "0\r\nX: a\r\n b\r\n\r\n";
  CHECK(status_of(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + trailers)) ==
        "HTTP/1.1 200 OK");  // answered before; so ask the machine itself:
  Connection server(Side::server);
  server.receive(wire::as_bytes("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + trailers), {});
  heard::Log log;
  while (const auto event = server.poll({})) log(*event);
  CHECK(log.text.ends_with("failed 400 malformed: folded field line\n"));
  CHECK(
      heard_by_client("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + trailers).ends_with("end\n  X: a b\n"));
}

TEST_CASE("a flood of interim responses has an end") {
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "HTTP/1.1 103 Early Hints\r\n\r\n";
  CHECK(heard_by_client(flood).ends_with("failed 0 too large: interim responses\n"));
}

TEST_CASE("what follows a response unasked is not the next answer") {  // RFC 9112 §9.2
  Connection client(Side::client);
  client.send(http1::Request{"GET", "/1", 1, {{"Host", "h"}}});
  client.receive(wire::as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil"), {});
  while (client.poll({})) {
  }
  CHECK(client.closed());
  CHECK_THROWS_AS(client.send(http1::Request{"GET", "/2", 1, {{"Host", "h"}}}), wire::UsageError);
}

TEST_CASE("101 is accepted only when it was asked for and all is sent") {  // RFC 9110 §7.8
  const Fields upgrade = {{"Host", "h"}, {"Connection", "upgrade"}, {"Upgrade", "x"}};
  const std::string_view switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  CHECK(heard_by_client(switching, upgrade).starts_with("101"));
  Fields with_content = upgrade;
  with_content.add("Content-Length", "5");  // none of which was sent yet
  CHECK(heard_by_client(switching, with_content) == "failed 0 unexpected: 101 out of place\n");
}

TEST_CASE("paths that mean the same are the same") {  // RFC 3986 §6.2.2
  const auto path = [](const char* target) {
    const auto parsed = http1::parse_target({"GET", target, 1, {{"Host", "h"}}});
    return parsed ? parsed->path : "refused";
  };
  CHECK(path("/hell%6F") == "/hello");
  CHECK(path("/%7euser/%2D%2e") == "/~user/-.");
  CHECK(path("/a/./b/../c") == "/a/c");
  CHECK(path("/a/%2E%2E/private") == "/private");
  CHECK(path("/../../x") == "/x");
  CHECK(path("/a%2Fb") == "/a%2Fb");  // an encoded slash does not separate
  CHECK(path("/a%20b") == "/a%20b");
  CHECK(path("//a//b") == "//a//b");
  CHECK(path("/100%") == "refused");
  CHECK(path("/%zz") == "refused");
}

TEST_CASE("OPTIONS without a path is about the server as a whole") {  // RFC 9112 §3.2.4
  const auto form = [](const char* method, const char* target) {
    return http1::parse_target({method, target, 1, {{"Host", "h"}}})->form;
  };
  CHECK(form("OPTIONS", "http://h") == http1::Target::Form::asterisk);
  CHECK(form("OPTIONS", "http://h/") == http1::Target::Form::absolute);
  CHECK(form("OPTIONS", "http://h?x") == http1::Target::Form::absolute);
  CHECK(form("GET", "http://h") == http1::Target::Form::absolute);
  CHECK_FALSE(http1::parse_target({"GET", "http://:80/", 1, {{"Host", "h"}}}));  // RFC 9110 §4.2.1
}

TEST_CASE("weights are compared") {  // RFC 9110 §12.5.3
  const auto gzip = [](const char* accept) { return http1::accepts_coding({{"Accept-Encoding", accept}}, "gzip"); };
  CHECK(gzip("gzip"));
  CHECK(gzip("identity;q=0.5, gzip;q=0.9"));
  CHECK(gzip("gzip;q=0.001"));
  CHECK_FALSE(gzip("identity;q=1, gzip;q=0.1"));
  CHECK_FALSE(gzip("gzip;q=0.000"));
  CHECK_FALSE(gzip("*;q=0"));
  CHECK_FALSE(gzip("gzip;q=0, *"));
}

TEST_CASE("a date or a range that comes twice counts for nothing") {  // RFC 9110 §13.1.3, §13.1.4
  const http1::Validators current{"\"v\"", 784111777};
  const char* late = "Fri, 01 Jan 2100 00:00:00 GMT";
  CHECK(http1::check_preconditions({{"If-Modified-Since", late}}, current) == http1::Precondition::not_modified);
  CHECK(http1::check_preconditions({{"If-Modified-Since", late}, {"If-Modified-Since", late}}, current) ==
        http1::Precondition::proceed);
  CHECK_FALSE(http1::check_range({{"Range", "bytes=0-1"}, {"Range", "bytes=2-3"}}, current, 100).range);
}

TEST_CASE("the last bytes of nothing are nothing, not an error") {  // RFC 9110 §14.1.2
  const auto answer = http1::check_range({{"Range", "bytes=-5"}}, {}, 0);
  CHECK(answer.satisfiable);
  CHECK_FALSE(answer.range);
  CHECK_FALSE(http1::check_range({{"Range", "bytes=-0"}}, {}, 100).satisfiable);
}

TEST_CASE("what must not be sent is our own mistake") {
  Connection client(Side::client);
  CHECK_THROWS_AS(client.send(http1::Request{"CONNECT", "h:80", 1, {{"Host", "h"}}}), wire::UsageError);

  Connection server(Side::server);
  server.receive(wire::as_bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), {});
  server.poll({});
  CHECK_THROWS_AS(server.send(http1::Response{103, {}, 1, {{"Content-Length", "0"}}}), wire::UsageError);
  server.send(http1::Response{200, {}, 1, {}});
  CHECK_THROWS_AS(server.send_end({{"Content-Length", "0"}}), wire::UsageError);  // RFC 9110 §6.5.1
}

TEST_CASE("Connection keeps its other options when it says close") {  // RFC 9110 §7.6.1, §7.8
  Connection server(Side::server);
  server.receive(wire::as_bytes("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), {});
  server.poll({});
  server.send(http1::Response{426, {}, 1, {{"Connection", "upgrade"}, {"Upgrade", "x"}, {"Content-Length", "0"}}});
  const std::string output = wire::as_string(server.take_output());
  CHECK(output.find("Connection: upgrade\r\n") != std::string::npos);
  CHECK(output.find("Connection: close\r\n") != std::string::npos);
}
