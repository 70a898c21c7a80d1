// Whole conversations: a client and a server machine back to back, and every byte that they say. All of them with the
// stream in pieces of one, two, three and seven bytes, and whole.
#include "conversation.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"

using heard::answering;
using heard::Conversation;
using http1::Connection;
using http1::Event;
using http1::Fields;
using http1::Request;
using http1::Response;
using support::is_bytes;
using support::Pieces;
using namespace std::chrono_literals;

#define IN_PIECES GENERATE(as<std::size_t>(), 1, 2, 3, 7, 100'000)

namespace {

template <class E>
bool is(const Event& event) {
  return std::holds_alternative<E>(event);
}

Request get(std::string target = "/hello", const Fields& more = {}) {
  Request request{"GET", std::move(target), 1, {{"Host", "a"}}};
  for (const auto& [name, value] : more) request.fields.add(name, value);
  return request;
}

Fields length(std::size_t n) { return {{"Content-Length", std::to_string(n)}}; }

}  // namespace

TEST_CASE("GET") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, {{"Content-Type", "text/plain"}, {"Content-Length", "6"}}}, "hello\n");
  talk.client().send(get());
  talk.run();
  CHECK_THAT(talk.pair.client_said, is_bytes("GET /hello HTTP/1.1\r\n"
                                             "Host: a\r\n"
                                             "\r\n"));
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\n"
                                             "Content-Type: text/plain\r\n"
                                             "Content-Length: 6\r\n"
                                             "\r\n"
                                             "hello\n"));
  CHECK(talk.server_heard.text == "GET /hello 1.1\n  Host: a\nend\n");
  CHECK(talk.client_heard.text ==
        "200 OK 1.1\n"
        "  Content-Type: text/plain\n"
        "  Content-Length: 6\n"
        "data hello\\n\n"
        "end\n");
  CHECK(talk.client().idle());
  CHECK(talk.server().idle());
}

TEST_CASE("HEAD: the head of GET's answer, and nothing else") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, length(6)}, "hello\n");
  talk.client().send({"HEAD", "/hello", 1, {{"Host", "a"}}});
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"));
  CHECK(talk.client_heard.text == "200 OK 1.1\n  Content-Length: 6\nend\n");
  CHECK(talk.client().idle());
}

TEST_CASE("HEAD, where GET's answer would have come in chunks") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, {}}, "hello\n");
  talk.client().send({"HEAD", "/hello", 1, {{"Host", "a"}}});
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\n\r\n"));
  CHECK(talk.client().idle());
}

TEST_CASE("POST with a length, echoed") {
  Conversation talk(IN_PIECES);
  std::string content;
  talk.on_server = [&](const Event& event, Connection& server) {
    if (const auto* data = std::get_if<http1::Data>(&event)) content += wire::as_text(data->bytes);
    if (is<http1::End>(event)) answering({200, {}, 1, length(content.size())}, content)(event, server);
  };
  talk.client().send({"POST", "/echo", 1, {{"Host", "a"}, {"Content-Length", "11"}}});
  talk.client().send_data(wire::as_bytes("hello "));
  talk.client().send_data(wire::as_bytes("world"));
  talk.client().send_end();
  talk.run();
  CHECK_THAT(talk.pair.client_said, is_bytes("POST /echo HTTP/1.1\r\n"
                                             "Host: a\r\n"
                                             "Content-Length: 11\r\n"
                                             "\r\n"
                                             "hello world"));
  CHECK(talk.server_heard.text == "POST /echo 1.1\n  Host: a\n  Content-Length: 11\ndata hello world\nend\n");
  CHECK(talk.client_heard.text == "200 OK 1.1\n  Content-Length: 11\ndata hello world\nend\n");
}

TEST_CASE("POST in chunks with trailers, answered in the same way") {
  Conversation talk(IN_PIECES);
  talk.on_server = [](const Event& event, Connection& server) {
    if (is<Request>(event)) server.send(Response{200, {}, 1, {{"Trailer", "Sum"}}});
    if (const auto* data = std::get_if<http1::Data>(&event)) server.send_data(data->bytes);
    if (is<http1::End>(event)) server.send_end({{"Sum", "42"}});
  };
  talk.client().send({"POST", "/echo", 1, {{"Host", "a"}, {"Transfer-Encoding", "chunked"}}});
  talk.client().send_data(wire::as_bytes("hello "));
  talk.client().send_data({});  // would be the last chunk: nothing is sent
  talk.client().send_data(wire::as_bytes("world, how are you"));
  talk.client().send_end({{"Check", "7"}, {"Mood", "good"}});
  talk.run();
  CHECK_THAT(talk.pair.client_said, is_bytes("POST /echo HTTP/1.1\r\n"
                                             "Host: a\r\n"
                                             "Transfer-Encoding: chunked\r\n"
                                             "\r\n"
                                             "6\r\n"
                                             "hello \r\n"
                                             "12\r\n"
                                             "world, how are you\r\n"
                                             "0\r\n"
                                             "Check: 7\r\n"
                                             "Mood: good\r\n"
                                             "\r\n"));
  CHECK(talk.server_heard.text ==
        "POST /echo 1.1\n  Host: a\n  Transfer-Encoding: chunked\n"
        "data hello world, how are you\n"
        "end\n  Check: 7\n  Mood: good\n");
  CHECK(talk.client_heard.text ==
        "200 OK 1.1\n  Trailer: Sum\n  Transfer-Encoding: chunked\n"
        "data hello world, how are you\n"
        "end\n  Sum: 42\n");
  CHECK(talk.client().idle());
  CHECK(talk.server().idle());
}

TEST_CASE("204 and 304 have no content, and say nothing about its transfer") {
  Conversation talk(IN_PIECES);
  const auto [status, fields, said] = GENERATE(table<int, Fields, std::string>({
      {204, Fields{}, "HTTP/1.1 204 No Content\r\n\r\n"},
      {204, length(5), "HTTP/1.1 204 No Content\r\n\r\n"},  // RFC 9110 §8.6: no Content-Length either
      {304, Fields{{"ETag", "\"x\""}}, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"},
      {304, length(5), "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},          // what GET would have
      {204, Fields{{"Transfer-Encoding", "chunked"}}, "HTTP/1.1 204 No Content\r\n\r\n"},  // RFC 9112 §6.1
  }));
  talk.on_server = answering({status, {}, 1, fields}, "hello");
  talk.client().send(get());
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes(said));
  CHECK(talk.client_heard.text.ends_with("end\n"));
  CHECK(talk.client().idle());
}

TEST_CASE("an empty answer") {
  Conversation talk(IN_PIECES);
  const auto [fields, said] = GENERATE(table<Fields, std::string>({
      {length(0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
      {Fields{}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
  }));
  talk.on_server = answering({200, {}, 1, fields});
  talk.client().send(get());
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes(said));
  CHECK(talk.client_heard.text.ends_with("end\n"));
  CHECK(talk.client().idle());
}

TEST_CASE("how a response is framed is not for the application to say") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, {{"Content-Length", "5"}, {"Transfer-Encoding", "gzip"}}}, "hello");
  talk.client().send(get());
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
}

// ---- interim responses -----------------------------------------------------------------------------------------

namespace {

const Request asking{"PUT", "/x", 1, {{"Host", "a"}, {"Content-Length", "5"}, {"Expect", "100-continue"}}};

}  // namespace

TEST_CASE("Expect: 100-continue, and the server wants the content") {  // RFC 9110 §10.1.1
  Conversation talk(IN_PIECES);
  talk.on_server = [](const Event& event, Connection& server) {
    if (is<Request>(event)) {
      CHECK(server.must_continue());
      server.send(Response{100, {}, 1, {}});
      CHECK_FALSE(server.must_continue());
    }
    answering({201, {}, 1, length(0)})(event, server);
  };
  talk.on_client = [](const Event& event, Connection& client) {
    if (!is<http1::Informational>(event)) return;
    client.send_data(wire::as_bytes("hello"));
    client.send_end();
  };
  talk.client().send(asking);
  talk.run();
  CHECK(talk.server_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.client_heard.text == "interim 100 Continue 1.1\n201 Created 1.1\n  Content-Length: 0\nend\n");
  CHECK(talk.client().idle());
  CHECK(talk.server().idle());
}

TEST_CASE("Expect: 100-continue, and the server does not want the content") {
  Conversation talk(IN_PIECES);
  talk.on_server = [](const Event& event, Connection& server) {
    if (!is<Request>(event)) return;
    server.send(Response{413, {}, 1, length(0)});
    server.send_end();
  };
  talk.client().send(asking);
  talk.run();
  // The content may come or not, and nobody could tell which: the connection ends.
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 413 Content Too Large\r\n"
                                             "Content-Length: 0\r\n"
                                             "Connection: close\r\n"
                                             "\r\n"));
  CHECK(talk.client_heard.text == "413 Content Too Large 1.1\n  Content-Length: 0\n  Connection: close\nend\n");
  CHECK(talk.server().closed());
  talk.client().close(talk.pair.now);  // its content is not wanted any more
  CHECK(talk.client().closed());
}

TEST_CASE("Expect: 100-continue, and the client does not wait") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, length(0)});  // RFC 9110 §10.1.1: no need to send 100 then
  talk.client().send(asking);
  talk.client().send_data(wire::as_bytes("hello"));
  talk.client().send_end();
  talk.run();
  CHECK(talk.server_heard.text.ends_with("data hello\nend\n"));
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  CHECK(talk.server().idle());
}

TEST_CASE("Expect means nothing without content, and in HTTP/1.0") {
  for (const char* request : {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
                              "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
                              "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"}) {
    INFO(request);
    Connection server(wire::Side::server);
    server.receive(wire::as_bytes(request), {});
    REQUIRE(server.poll({}));
    CHECK_FALSE(server.must_continue());
  }
}

TEST_CASE("a client skips interim responses, those too that it does not know") {  // RFC 9110 §15.2
  Conversation talk(IN_PIECES);
  talk.on_server = [](const Event& event, Connection& server) {
    if (!is<http1::End>(event)) return;
    server.send(Response{100, {}, 1, {}});
    server.send(Response{103, {}, 1, {{"Link", "</style.css>"}}});
    server.send(Response{199, "Odd", 1, {}});
    answering({200, {}, 1, length(5)}, "hello")(event, server);
  };
  talk.client().send(get());
  talk.run();
  CHECK(talk.client_heard.text ==
        "interim 100 Continue 1.1\n"
        "interim 103 Early Hints 1.1\n  Link: </style.css>\n"
        "interim 199 Odd 1.1\n"
        "200 OK 1.1\n  Content-Length: 5\n"
        "data hello\n"
        "end\n");
}

TEST_CASE("interim responses are not sent to HTTP/1.0") {  // RFC 9110 §15.2
  Connection server(wire::Side::server);
  server.receive(wire::as_bytes("GET / HTTP/1.0\r\n\r\n"), {});
  REQUIRE(server.poll({}));
  server.send(Response{103, {}, 1, {}});
  CHECK(server.output_size() == 0);
}

// ---- one exchange after the other ------------------------------------------------------------------------------

TEST_CASE("many exchanges on one connection") {
  Conversation talk(IN_PIECES);
  std::string target;
  talk.on_server = [&](const Event& event, Connection& server) {
    if (const auto* request = std::get_if<Request>(&event)) target = request->target;
    answering({200, {}, 1, {}}, target)(event, server);
  };
  for (int i = 0; i < 5; ++i) {
    talk.client().send(get("/" + std::to_string(i)));
    talk.run();
    CHECK(talk.client_heard.text.ends_with(fmt::format("data /{}\nend\n", i)));
    CHECK(talk.client().idle());
    CHECK(talk.server().idle());
  }
}

TEST_CASE("the client wants to end the connection") {  // RFC 9112 §9.6
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, length(5)}, "hello");
  talk.client().send(get("/", {{"Connection", "close"}}));
  talk.run();
  CHECK_THAT(talk.pair.server_said, is_bytes("HTTP/1.1 200 OK\r\n"
                                             "Content-Length: 5\r\n"
                                             "Connection: close\r\n"
                                             "\r\n"
                                             "hello"));
  CHECK(talk.client_heard.text.ends_with("end\n"));
  CHECK(talk.server().closed());
  CHECK(talk.client().closed());
}

TEST_CASE("the server wants to end the connection") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, {{"Content-Length", "5"}, {"Connection", "Close"}}}, "hello");
  talk.client().send(get());
  talk.run();
  CHECK(talk.client_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.server().closed());
  CHECK(talk.client().closed());
}

namespace {

// What a server says to these requests, answering each with "hello" and these fields, however they are cut.
std::string answers(std::string_view requests, const Fields& fields, bool& closed) {
  const auto run = [&](const Pieces& pieces) {
    Connection server(wire::Side::server);
    return heard::hear(server, pieces, heard::Then::wait, answering({200, {}, 1, fields}, "hello"));
  };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(requests), run);
  closed = heard.closed;
  return wire::as_string(heard.output);
}

}  // namespace

TEST_CASE("HTTP/1.0 and 1.1: who keeps the connection") {  // RFC 9112 §9.3
  struct {
    const char* request;
    bool kept;
    const char* connection;  // what the answer says
  } const cases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", true, ""},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false,
       "Connection: close\r\n"},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", true, ""},
      {"GET / HTTP/1.0\r\n\r\n", false, "Connection: close\r\n"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "Connection: keep-alive\r\n"},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", false, "Connection: close\r\n"},
  };
  for (const auto& [request, kept, connection] : cases) {
    INFO(request);
    bool closed = false;
    CHECK(answers(request, length(5), closed) ==
          fmt::format("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{}\r\nhello", connection));
    CHECK(closed == !kept);
  }
}

TEST_CASE("to HTTP/1.0, content of unknown length ends with the connection") {  // RFC 9112 §6.1: no chunks
  bool closed = false;
  CHECK(answers("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {}, closed) ==
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
  CHECK(closed);
}

TEST_CASE("a client takes content that ends with the connection") {
  const std::string_view response = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\r\nworld";
  const auto run = [](const Pieces& pieces) { return heard::by_client(pieces, heard::Then::eof); };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(response), run);
  CHECK(heard.events == "200 OK 1.0\n  Content-Type: text/plain\ndata hello\\r\\nworld\nend\n");
  CHECK(heard.closed);
}

TEST_CASE("a client believes HTTP/1.0 only with keep-alive") {
  const auto kept = [](std::string_view response) {
    return heard::by_client(Pieces{wire::as_bytes(response)}).keep_alive;
  };
  CHECK_FALSE(kept("HTTP/1.0 204 No Content\r\n\r\n"));
  CHECK(kept("HTTP/1.0 204 No Content\r\nConnection: keep-alive\r\n\r\n"));
  CHECK(kept("HTTP/1.1 204 No Content\r\n\r\n"));
  CHECK_FALSE(kept("HTTP/1.1 200 OK\r\n\r\nhello"));  // it will end with the connection
  CHECK_FALSE(kept("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
}

// ---- pipelining ------------------------------------------------------------------------------------------------

TEST_CASE("pipelined requests are answered in order") {
  const std::string requests =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n"
      "HEAD /4 HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      "GET /6 HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto run = [](const Pieces& pieces) {
    Connection server(wire::Side::server);
    return heard::hear(server, pieces, heard::Then::wait, [](const Event& event, Connection& connection) {
      const std::string path = connection.target().path;
      answering({200, {}, 1, length(path.size())}, path)(event, connection);
    });
  };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(requests), run);
  CHECK_THAT(heard.output, is_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/1"
                                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/2"
                                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/3"
                                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/5"));
  CHECK(heard.closed);
}

TEST_CASE("a request waits until the one before it is answered") {
  Connection server(wire::Side::server);
  const std::string first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", second = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  server.receive(wire::as_bytes(first + second), {});
  heard::Log log;
  while (auto event = server.poll({})) log(*event);
  CHECK(log.text == "GET /1 1.1\n  Host: a\nend\n");
  CHECK(wire::as_text(server.unread()) == second);
  server.send(Response{204, {}, 1, {}});
  while (auto event = server.poll({})) log(*event);
  CHECK(wire::as_text(server.unread()) == second);  // the answer has begun, no more
  server.send_end();
  while (auto event = server.poll({})) log(*event);
  CHECK(log.text == "GET /1 1.1\n  Host: a\nend\nGET /2 1.1\n  Host: a\nend\n");
}

// ---- half-closed -----------------------------------------------------------------------------------------------

TEST_CASE("a client that has said everything still gets its answer") {
  Conversation talk(IN_PIECES);
  talk.client().send(get());
  talk.run();
  talk.pair.half_close();
  talk.run();
  CHECK_FALSE(talk.server().closed());
  talk.server().send(Response{200, {}, 1, length(5)});
  talk.server().send_data(wire::as_bytes("hello"));
  talk.server().send_end();
  talk.run();
  CHECK(talk.client_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.server().closed());
}

TEST_CASE("a client that has sent all its requests at once and hung up gets all its answers") {
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  Connection server(wire::Side::server);
  server.receive(wire::as_bytes(request + request + request), {});
  server.receive_eof({});
  for (int i = 0; i < 3; ++i) {
    while (server.poll({})) {  // until there is nothing more to hear: what a driver does while a handler waits
    }
    REQUIRE_FALSE(server.closed());
    server.send(Response{204, {}, 1, {}});
    server.send_end();
  }
  while (server.poll({})) {
  }
  CHECK(server.closed());
}

// ---- another protocol ------------------------------------------------------------------------------------------

TEST_CASE("Upgrade: both sides keep what belongs to the next protocol") {  // RFC 9110 §7.8
  Conversation talk(IN_PIECES);
  const Fields to_x{{"Connection", "upgrade"}, {"Upgrade", "x"}};
  talk.on_server = [&](const Event& event, Connection& server) {
    if (is<http1::End>(event)) server.send(Response{101, {}, 1, to_x});
  };
  talk.client().send(get("/chat", to_x));
  talk.run();
  CHECK(talk.client_heard.text == "101 Switching Protocols 1.1\n  Connection: upgrade\n  Upgrade: x\n");
  CHECK(talk.client().switched());
  CHECK(talk.server().switched());
  CHECK_THROWS_AS(talk.client().send(get()), wire::UsageError);

  // What comes now is not HTTP, whatever it looks like; nothing touches it, and no deadline runs.
  talk.server().receive(wire::as_bytes("GET / HTTP/1.1\r\n\r\n"), talk.pair.now);
  talk.client().receive(wire::as_bytes("\x81\x05hello"), talk.pair.now);
  talk.run();
  talk.pair.wait(24h);
  talk.run();
  CHECK(wire::as_text(talk.server().unread()) == "GET / HTTP/1.1\r\n\r\n");
  CHECK(wire::as_text(talk.client().unread()) == "\x81\x05hello");
  CHECK_FALSE(talk.server().closed());
}

TEST_CASE("Upgrade: bytes that come in one piece with the heads") {
  Connection server(wire::Side::server);
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  server.receive(wire::as_bytes(head + "eager"), {});
  while (server.poll({})) {
  }
  server.send(Response{101, {}, 1, {{"Connection", "upgrade"}, {"Upgrade", "x"}}});
  CHECK_FALSE(server.poll({}));
  CHECK(wire::as_text(server.unread()) == "eager");

  const std::string_view response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  const Request request{"GET", "/", 1, {{"Host", "a"}, {"Connection", "upgrade"}, {"Upgrade", "x"}}};
  const auto run = [&](const Pieces& pieces) { return heard::by_client(pieces, heard::Then::wait, request); };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(response), run);
  CHECK(heard.events == "101 Switching Protocols 1.1\n  Upgrade: x\n");
  CHECK(wire::as_text(heard.unread) == "HTTP/1.1 200 OK\r\n\r\n");
}

TEST_CASE("Upgrade: the end of the stream is the next protocol's matter too") {
  const std::string_view response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbye";
  const Request request{"GET", "/", 1, {{"Host", "a"}, {"Connection", "upgrade"}, {"Upgrade", "x"}}};
  const heard::Heard heard = heard::by_client(Pieces{wire::as_bytes(response)}, heard::Then::eof, request);
  CHECK(heard.events == "101 Switching Protocols 1.1\n  Upgrade: x\n");
}

TEST_CASE("Upgrade: a server may go on with HTTP") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({200, {}, 1, length(5)}, "hello");
  talk.client().send(get("/", {{"Connection", "upgrade"}, {"Upgrade", "x"}}));
  talk.run();
  CHECK(talk.client_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.client().idle());
}

TEST_CASE("Upgrade: refused to HTTP/1.0") {  // RFC 9110 §7.8: a server must ignore it there
  Connection server(wire::Side::server);
  server.receive(wire::as_bytes("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), {});
  while (server.poll({})) {
  }
  CHECK_THROWS_AS(server.send(Response{101, {}, 1, {{"Upgrade", "x"}}}), wire::UsageError);
}

// ---- answers that do not wait for the request to end -----------------------------------------------------------

TEST_CASE("an early answer, while the request's content still comes") {
  Conversation talk(IN_PIECES);
  talk.on_server = [](const Event& event, Connection& server) {
    if (!is<Request>(event)) return;
    server.send(Response{403, {}, 1, length(2)});
    server.send_data(wire::as_bytes("no"));
    server.send_end();
  };
  talk.client().send({"POST", "/", 1, {{"Host", "a"}, {"Content-Length", "10"}}});
  talk.client().send_data(wire::as_bytes("hello"));
  talk.run();
  CHECK(talk.client_heard.text == "403 Forbidden 1.1\n  Content-Length: 2\ndata no\nend\n");
  CHECK_FALSE(talk.client().idle());  // its own half of the exchange goes on
  CHECK(talk.client().received_all());
  CHECK(talk.server_heard.text == "POST / 1.1\n  Host: a\n  Content-Length: 10\n");  // the rest is not wanted

  talk.client().send_data(wire::as_bytes("world"));
  talk.client().send_end();
  talk.on_server = answering({204, {}, 1, {}});
  talk.client().send(get("/next"));
  talk.run();
  CHECK(talk.server_heard.text.ends_with("  Content-Length: 10\nGET /next 1.1\n  Host: a\nend\n"));
  CHECK(talk.client_heard.text.ends_with("204 No Content 1.1\nend\n"));
}

TEST_CASE("a request that is answered has no end: whoever has answered asks nothing further of it") {
  const std::string requests =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto run = [](const Pieces& pieces) {
    Connection server(wire::Side::server);
    return heard::hear(server, pieces, heard::Then::wait, [](const Event& event, Connection& connection) {
      REQUIRE(is<Request>(event));
      connection.send(Response{204, {}, 1, {}});
      connection.send_end();
    });
  };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(requests), run);
  CHECK(heard.events ==
        "GET /1 1.1\n  Host: a\n"
        "POST /2 1.1\n  Host: a\n  Content-Length: 5\n"
        "GET /3 1.1\n  Host: a\n");
}

TEST_CASE("content that nobody reads is skipped up to a limit, for the sake of the connection") {
  const http1::Limits limits{.discard = 20};
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n", chunked = "Transfer-Encoding: chunked\r\n\r\n";
  struct {
    const char* why;
    std::string request;
    bool kept;
  } const cases[] = {
      {"as long as the limit", post + "Content-Length: 20\r\n\r\n" + std::string(20, 'x'), true},
      {"longer", post + "Content-Length: 21\r\n\r\n" + std::string(21, 'x'), false},
      {"chunks up to the limit", post + chunked + "f\r\n0123456789abcde\r\n5\r\nxxxxx\r\n0\r\n\r\n", true},
      {"more chunks", post + chunked + "f\r\n0123456789abcde\r\n6\r\nxxxxxx\r\n0\r\n\r\n", false},
      {"one large chunk", post + chunked + "15\r\n" + std::string(21, 'x') + "\r\n0\r\n\r\n", false},
      {"trailers of no interest", post + chunked + "0\r\nX: 1\r\n\r\n", true},
  };
  for (const auto& [why, request, kept] : cases) {
    INFO(why);
    const auto run = [&](const Pieces& pieces) {
      Connection server(wire::Side::server, limits);
      return heard::hear(server, pieces, heard::Then::wait, [](const Event& event, Connection& connection) {
        if (!is<Request>(event)) return;
        connection.send(Response{200, {}, 1, length(0)});
        connection.send_end();
      });
    };
    const std::string then = request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    const heard::Heard heard = support::same_however_cut(wire::as_bytes(then), run);
    CHECK((heard.events.find("GET /next") != std::string::npos) == kept);
    CHECK(heard.events.find("data") == std::string::npos);
    CHECK(heard.events.find("failed") == std::string::npos);
    CHECK(heard.closed == !kept);
  }
}

TEST_CASE("in a chunk of which a part was read, the rest is too much") {
  Connection server(wire::Side::server);
  server.receive(wire::as_bytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "ffffffffff\r\nhello"),
                 {});
  while (server.poll({})) {
  }
  server.send(Response{200, {}, 1, length(0)});
  server.send_end();
  CHECK(server.closed());
}

TEST_CASE("bad content that nobody reads ends the connection without a second answer") {
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nbad\r\r\n";
  const auto run = [](const Pieces& pieces) {
    Connection server(wire::Side::server);
    return heard::hear(server, pieces, heard::Then::wait, [](const Event& event, Connection& connection) {
      if (!is<Request>(event)) return;
      connection.send(Response{204, {}, 1, {}});
      connection.send_end();
    });
  };
  const heard::Heard heard = support::same_however_cut(wire::as_bytes(request), run);
  CHECK_THAT(heard.output, is_bytes("HTTP/1.1 204 No Content\r\n\r\n"));
  CHECK(heard.closed);
}

// ---- close() ---------------------------------------------------------------------------------------------------

TEST_CASE("close(): an idle server hangs up at once") {
  Conversation talk(IN_PIECES);
  talk.server().close(talk.pair.now);
  CHECK(talk.server().closed());
  CHECK(talk.server().output_size() == 0);
  talk.run();
  CHECK(talk.client().closed());
  CHECK(talk.client_heard.text.empty());
}

TEST_CASE("close(): a server finishes the present exchange, and says that it was the last") {
  Conversation talk(IN_PIECES);
  talk.client().send({"POST", "/", 1, {{"Host", "a"}, {"Content-Length", "5"}}});
  talk.run();
  talk.server().close(talk.pair.now);
  talk.server().close(talk.pair.now);  // again does nothing
  CHECK_FALSE(talk.server().closed());
  talk.client().send_data(wire::as_bytes("hello"));
  talk.client().send_end();
  talk.on_server = answering({200, {}, 1, length(2)}, "ok");
  talk.run();
  CHECK(talk.server_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.client_heard.text == "200 OK 1.1\n  Content-Length: 2\n  Connection: close\ndata ok\nend\n");
  CHECK(talk.server().closed());
  CHECK(talk.client().closed());
}

TEST_CASE("close(): a server in the middle of an answer finishes it") {
  Conversation talk(IN_PIECES);
  talk.client().send(get());
  talk.run();
  talk.server().send(Response{200, {}, 1, length(5)});
  talk.server().send_data(wire::as_bytes("he"));
  talk.server().close(talk.pair.now);
  talk.run();
  talk.server().send_data(wire::as_bytes("llo"));
  talk.server().send_end();
  talk.run();
  CHECK(talk.client_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.server().closed());
}

TEST_CASE("close(): an idle client hangs up at once, a waiting one after its answer") {
  Conversation idle(IN_PIECES);
  idle.client().close({});
  CHECK(idle.client().closed());
  idle.run();
  CHECK(idle.server().closed());

  Conversation talk(IN_PIECES);
  talk.client().send(get());
  talk.client().close({});
  CHECK_FALSE(talk.client().closed());
  talk.on_server = answering({200, {}, 1, length(5)}, "hello");
  talk.run();
  CHECK(talk.client_heard.text.ends_with("data hello\nend\n"));
  CHECK(talk.client().closed());
  CHECK(talk.server().closed());
}

TEST_CASE("a server that hangs up between two exchanges") {
  Conversation talk(IN_PIECES);
  talk.on_server = answering({204, {}, 1, {}});
  talk.client().send(get());
  talk.run();
  talk.server().close({});
  talk.run();
  CHECK(talk.client().closed());
  CHECK(talk.client_heard.text == "204 No Content 1.1\nend\n");  // no failure: nothing was asked
}
