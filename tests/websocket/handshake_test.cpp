// The opening handshake: every MUST of RFC 6455 §4.1 and §4.2, with the answer to each.
#include "websocket/handshake.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <set>

using http1::Fields;
using http1::Request;
using http1::Response;
using websocket::accept_key;
using websocket::Agreement;
using websocket::Answer;
using websocket::answer_request;
using websocket::check_response;
using websocket::DeflateParameters;
using websocket::handshake_request;
using websocket::new_key;
using websocket::Offer;
using websocket::parse_url;
using websocket::Policy;

namespace {

// RFC 6455 §1.3
const std::string sample_key = "dGhlIHNhbXBsZSBub25jZQ==";
const std::string sample_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

Request sample_request() {
  return {"GET",
          "/chat",
          1,
          {{"Host", "server.example.com"},
           {"Upgrade", "websocket"},
           {"Connection", "Upgrade"},
           {"Sec-WebSocket-Key", sample_key},
           {"Sec-WebSocket-Version", "13"}}};
}
// The sample with one field replaced; nullptr: without it.
Request request_with(const char* name, const char* value) {
  Request request = sample_request();
  request.fields.remove(name);
  if (value) request.fields.add(name, value);
  return request;
}
Request request_and(const char* name, const char* value) {
  Request request = sample_request();
  request.fields.add(name, value);
  return request;
}

Response sample_response() {
  return {101, {}, 1, {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", sample_accept}}};
}
Response response_with(const char* name, const char* value) {
  Response response = sample_response();
  response.fields.remove(name);
  if (value) response.fields.add(name, value);
  return response;
}
Response response_and(const char* name, const char* value) {
  Response response = sample_response();
  response.fields.add(name, value);
  return response;
}

std::string shown(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += fmt::format("{}: {}\n", name, value);
  return out;
}

int status_for(const Request& request, const Policy& policy = {}) {
  const Answer answer = answer_request(request, policy);
  CHECK(answer.agreement.has_value() == (answer.response.status == 101));
  CHECK(answer.content.empty() == (answer.response.status == 101));  // a refusal says why
  return answer.response.status;
}

std::string value_of(const Fields& fields, std::string_view name) {
  const std::string* value = fields.find(name);
  return value ? *value : "(none)";
}

// The client's verdict: empty if it is content.
std::string verdict(const Response& response, const Offer& offer = {}) {
  const auto agreement = check_response(response, offer, sample_key);
  if (agreement) return "";
  CHECK((agreement.error().code == wire::Errc::unexpected || agreement.error().code == wire::Errc::malformed));
  return agreement.error().detail;
}

}  // namespace

// ---- keys ------------------------------------------------------------------------------------------------------

TEST_CASE("the sample key, and its answer: RFC 6455 §1.3") {
  CHECK(accept_key(sample_key) == sample_accept);
  CHECK(accept_key("x3JJHMbDL1EzLkh9GBhXDw==") == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");  // from its article in Wikipedia
}

TEST_CASE("a new key is 16 random bytes, and fits what a server asks of one") {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) {
    const std::string key = new_key();
    CHECK(key.size() == 24);
    keys.insert(key);
    CHECK(status_for(request_with("Sec-WebSocket-Key", key.c_str())) == 101);
  }
  CHECK(keys.size() == 100);
}

// ---- addresses -------------------------------------------------------------------------------------------------

TEST_CASE("addresses: RFC 6455 §3") {
  const auto plain = parse_url("ws://example.com/chat?a=1");
  REQUIRE(plain);
  CHECK(plain->scheme == "http");
  CHECK(plain->host == "example.com");
  CHECK(plain->port == 80);
  CHECK(plain->target == "/chat?a=1");
  const auto secure = parse_url("wss://example.com");
  REQUIRE(secure);
  CHECK(secure->scheme == "https");
  CHECK(secure->port == 443);
  CHECK(secure->target == "/");
  const auto other = parse_url("WS://[::1]:8765/x");
  REQUIRE(other);
  CHECK(other->port == 8765);
  CHECK(other->authority() == "[::1]:8765");
  for (const char* bad : {"http://example.com/", "https://example.com/", "example.com", "ws:/example.com",
                          "ws:example.com", "wsss://example.com", "ws://", "ws://example.com:70000/",
                          "ws://example.com/#x", "ws://example.com#", "://example.com", ""}) {
    INFO(bad);
    const auto url = parse_url(bad);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == wire::Errc::malformed);
  }
}

// ---- what a client says: RFC 6455 §4.1 -------------------------------------------------------------------------

TEST_CASE("a client's request") {
  const auto url = parse_url("ws://server.example.com:8080/chat?x");
  const Request request = handshake_request(*url, {.deflate = {}}, sample_key);
  CHECK(request.method == "GET");
  CHECK(request.target == "/chat?x");
  CHECK(request.minor_version == 1);
  CHECK(shown(request.fields) ==
        "Host: server.example.com:8080\n"
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
        "Sec-WebSocket-Version: 13\n");
}

TEST_CASE("a client's request, with all that can be offered") {
  const Offer offer{.subprotocols = {"chat", "superchat"},
                    .fields = {{"Origin", "http://example.com"}, {"Cookie", "a=b"}}};
  const Request request = handshake_request(*parse_url("ws://a/"), offer, sample_key);
  CHECK(shown(request.fields) ==
        "Host: a\n"
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
        "Sec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Protocol: chat, superchat\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\n"
        "Origin: http://example.com\n"
        "Cookie: a=b\n");
}

TEST_CASE("subprotocols are tokens, and each is offered once (RFC 6455 §4.1)") {
  const auto offering = [](std::vector<std::string> names) {
    return handshake_request(*parse_url("ws://a/"), Offer{.subprotocols = std::move(names)}, sample_key);
  };
  CHECK_NOTHROW(offering({"v12.stomp", "v11.stomp", "chat"}));
  for (const char* bad : {"", "a b", "a,b", "chat\r\n", "\xc3\xa4", "\"chat\""}) {
    INFO(bad);
    CHECK_THROWS_AS(offering({bad}), wire::UsageError);
    CHECK_THROWS_AS(offering({"chat", bad}), wire::UsageError);
  }
  CHECK_THROWS_AS(offering({"chat", "mqtt", "chat"}), wire::UsageError);
}

// ---- what a client asks of the answer: RFC 6455 §4.1, at its end -----------------------------------------------

TEST_CASE("a client is content with the right answer, however it is written") {
  CHECK(verdict(sample_response()).empty());
  CHECK(verdict(response_with("Upgrade", "WebSocket")).empty());
  CHECK(verdict(response_with("Connection", "keep-alive, upgrade")).empty());
}

TEST_CASE("a client fails the connection where the answer is wrong") {
  Response other = sample_response();
  other.status = 200;
  CHECK(verdict(other) == "the server answered 200 OK");
  other.status = 404;
  CHECK(verdict(other) == "the server answered 404 Not Found");
  for (const char* bad : {(const char*)nullptr, "", "h2c", "websocket, h2c", "websockets"}) {
    INFO((bad ? bad : "(none)"));
    CHECK(verdict(response_with("Upgrade", bad)) == "Upgrade is not \"websocket\"");
  }
  for (const char* bad : {(const char*)nullptr, "", "keep-alive", "upgraded", "close"}) {
    INFO((bad ? bad : "(none)"));
    CHECK(verdict(response_with("Connection", bad)) == "Connection does not say \"Upgrade\"");
  }
  for (const char* bad : {(const char*)nullptr, "", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
                          "S3PPLMBITXAQ9KYGZZHZRBK+XOO=", "dGhlIHNhbXBsZSBub25jZQ=="}) {
    INFO((bad ? bad : "(none)"));
    CHECK(verdict(response_with("Sec-WebSocket-Accept", bad)) == "Sec-WebSocket-Accept does not fit the key");
  }
  CHECK(verdict(response_and("Upgrade", "websocket")) == "Upgrade comes twice");
  CHECK(verdict(response_and("Sec-WebSocket-Accept", sample_accept.c_str())) == "Sec-WebSocket-Accept comes twice");
}

TEST_CASE("a client takes a subprotocol that it has offered, and no other") {
  const Offer offer{.subprotocols = {"chat", "superchat"}};
  const auto second = check_response(response_and("Sec-WebSocket-Protocol", "superchat"), offer, sample_key);
  REQUIRE(second);
  CHECK(second->subprotocol == "superchat");
  const auto none = check_response(sample_response(), offer, sample_key);
  REQUIRE(none);
  CHECK(none->subprotocol.empty());
  for (const char* bad : {"soap", "Chat", "chat, superchat", ""}) {
    INFO(bad);
    CHECK(verdict(response_and("Sec-WebSocket-Protocol", bad), offer) ==
          std::string("the server chose a subprotocol that was not offered: ") + bad);
  }
  CHECK_FALSE(verdict(response_and("Sec-WebSocket-Protocol", "chat")).empty());  // nothing was offered
  Response twice = response_and("Sec-WebSocket-Protocol", "chat");
  twice.fields.add("Sec-WebSocket-Protocol", "chat");
  CHECK(verdict(twice, offer) == "Sec-WebSocket-Protocol comes twice");
}

TEST_CASE("a client takes compression if it has offered it") {
  const char* name = "Sec-WebSocket-Extensions";
  const auto with = check_response(response_and(name, "permessage-deflate; server_max_window_bits=12"), {}, sample_key);
  REQUIRE(with);
  REQUIRE(with->deflate);
  CHECK(with->deflate->server_max_window_bits == 12);
  const auto without = check_response(sample_response(), {}, sample_key);
  REQUIRE(without);
  CHECK_FALSE(without->deflate);
  CHECK(verdict(response_and(name, "permessage-deflate"), {.deflate = {}}) ==
        "the server chose an extension that was not offered: permessage-deflate");
  CHECK(verdict(response_and(name, "permessage-deflate; x")) ==
        "the server chose parameters that permessage-deflate has not");
  CHECK(verdict(response_and(name, "permessage-deflate; x y")) == "Sec-WebSocket-Extensions: \"x y\"");
}

// ---- what a server asks of the request: RFC 6455 §4.2.1 --------------------------------------------------------

TEST_CASE("a server's answer to the sample: RFC 6455 §4.2.2") {
  const Answer answer = answer_request(sample_request(), {});
  CHECK(answer.response.status == 101);
  CHECK(shown(answer.response.fields) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n");
  REQUIRE(answer.agreement);
  CHECK(answer.agreement->subprotocol.empty());
  CHECK_FALSE(answer.agreement->deflate);
}

TEST_CASE("a server takes the request however it is written") {
  CHECK(status_for(request_with("Upgrade", "WebSocket")) == 101);
  CHECK(status_for(request_with("Upgrade", "h2c, websocket")) == 101);
  CHECK(status_for(request_with("Connection", "keep-alive, Upgrade")) == 101);
  CHECK(status_for(request_with("Connection", "UPGRADE")) == 101);
  Request later = sample_request();
  later.minor_version = 2;
  CHECK(status_for(later) == 101);
  CHECK(status_for(request_and("Content-Length", "0")) == 101);
}

TEST_CASE("who does not ask for WebSocket is told how to: 426") {
  for (const Request& request :
       {request_with("Upgrade", nullptr), request_with("Upgrade", "h2c"), request_with("Upgrade", "websockets"),
        request_with("Connection", nullptr), request_with("Connection", "keep-alive")}) {
    INFO(shown(request.fields));
    CHECK(status_for(request) == 426);
  }
  Request old = sample_request();
  old.minor_version = 0;
  CHECK(status_for(old) == 426);
  Request post = sample_request();
  post.method = "POST";
  CHECK(status_for(post) == 426);

  const Answer answer = answer_request(request_with("Upgrade", nullptr), {});
  CHECK(answer.content == "This resource speaks WebSocket.\n");
  CHECK(shown(answer.response.fields) ==
        "Upgrade: websocket\n"
        "Connection: Upgrade\n"
        "Sec-WebSocket-Version: 13\n"
        "Content-Type: text/plain\n");
}

TEST_CASE("RFC 6455 §4.4: another version is answered with ours") {
  for (const char* other : {"8", "14", "0", "013", "13.0", "8, 13", ""}) {
    INFO(other);
    const Answer answer = answer_request(request_with("Sec-WebSocket-Version", other), {});
    CHECK(answer.response.status == 426);
    CHECK(value_of(answer.response.fields, "Sec-WebSocket-Version") == "13");
    CHECK_FALSE(answer.agreement);
  }
  const Answer none = answer_request(request_with("Sec-WebSocket-Version", nullptr), {});
  CHECK(none.response.status == 400);
  CHECK(value_of(none.response.fields, "Sec-WebSocket-Version") == "13");
}

TEST_CASE("a key is 16 bytes in base64, and there is one") {
  for (const char* bad : {
           (const char*)nullptr, "",
           "dGhlIHNhbXBsZSBub25jZQ",    // no padding
           "dGhlIHNhbXBsZSBub25jZQ=",   //
           "dGhlIHNhbXBsZSBub25j",      // 15 bytes
           "dGhlIHNhbXBsZSBub25jZWQ=",  // 17 bytes
           "dGhlIHNhbXBsZSBub25jZWVk",  // 18 bytes
           "dGhlIHNhbXBsZSBub25jZR==",  // stray bits
           "dGhlIHNhbXBsZSBub25j Q==",  // not base64
           "dGhlIHNhbXBsZS-ub25jZQ==",  //
           " GhlIHNhbXBsZSBub25jZQ==",  //
           "dGhlIHNhbXBsZSBub25j====",  //
           "====================== =",  //
       }) {
    INFO((bad ? bad : "(none)"));
    CHECK(status_for(request_with("Sec-WebSocket-Key", bad)) == 400);
  }
}

TEST_CASE("RFC 6455 §11.3: what must not come twice") {
  CHECK(status_for(request_and("Sec-WebSocket-Key", sample_key.c_str())) == 400);
  CHECK(status_for(request_and("Sec-WebSocket-Version", "13")) == 400);
  Request origins = request_and("Origin", "http://server.example.com");
  CHECK(status_for(origins) == 101);
  origins.fields.add("Origin", "http://server.example.com");
  CHECK(status_for(origins) == 400);
  CHECK(answer_request(origins, {}).content == "Origin comes twice.\n");
}

TEST_CASE("a handshake has no content") {
  CHECK(status_for(request_and("Content-Length", "5")) == 400);
  CHECK(status_for(request_and("Transfer-Encoding", "chunked")) == 400);
}

TEST_CASE("RFC 6455 §9.1: malformed extensions are refused, unknown ones ignored") {
  CHECK(status_for(request_and("Sec-WebSocket-Extensions", "foo; a b")) == 400);
  CHECK(status_for(request_and("Sec-WebSocket-Extensions", "foo; a=b")) == 101);
}

// ---- what a server decides -------------------------------------------------------------------------------------

TEST_CASE("RFC 6455 §10.2: pages of other origins may not connect, unless they are welcome") {
  const Policy own, one{.origins = {"https://example.org"}}, any{.origins = {"*"}};
  CHECK(status_for(sample_request(), own) == 101);  // no browser
  const auto from = [](const char* origin) { return request_and("Origin", origin); };
  CHECK(status_for(from("http://server.example.com"), own) == 101);
  CHECK(status_for(from("https://Server.Example.Com"), own) == 101);
  for (const char* other :
       {"https://example.org", "http://example.com", "http://server.example.com.evil", "http://evil-server.example.com",
        "http://server.example.com:81", "null", "", "server.example.com"}) {
    INFO(other);
    CHECK(status_for(from(other), own) == 403);
    CHECK(status_for(from(other), any) == 101);
  }
  CHECK(status_for(from("https://example.org"), one) == 101);
  CHECK(status_for(from("HTTPS://EXAMPLE.ORG"), one) == 101);
  CHECK(status_for(from("http://example.org"), one) == 403);
  CHECK(status_for(from("http://server.example.com"), one) == 101);
}

TEST_CASE("the client's order decides between subprotocols") {
  const Policy policy{.subprotocols = {"mqtt", "chat"}};
  const auto chosen = [&](const char* offer) {
    const Answer answer = answer_request(request_and("Sec-WebSocket-Protocol", offer), policy);
    REQUIRE(answer.agreement);
    CHECK(answer.response.fields.count("Sec-WebSocket-Protocol") == (answer.agreement->subprotocol.empty() ? 0 : 1));
    if (!answer.agreement->subprotocol.empty())
      CHECK(value_of(answer.response.fields, "Sec-WebSocket-Protocol") == answer.agreement->subprotocol);
    return answer.agreement->subprotocol;
  };
  CHECK(chosen("chat, mqtt") == "chat");
  CHECK(chosen("soap, mqtt") == "mqtt");
  CHECK(chosen("soap").empty());
  CHECK(chosen("MQTT").empty());
  CHECK(chosen("").empty());
  Request two = request_and("Sec-WebSocket-Protocol", "soap");
  two.fields.add("Sec-WebSocket-Protocol", "chat");
  CHECK(value_of(answer_request(two, policy).response.fields, "Sec-WebSocket-Protocol") == "chat");
}

TEST_CASE("a server compresses if it may and is asked to") {
  const Request asks = request_and("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits");
  const Answer answer = answer_request(asks, {});
  CHECK(value_of(answer.response.fields, "Sec-WebSocket-Extensions") ==
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
  REQUIRE(answer.agreement);
  REQUIRE(answer.agreement->deflate);
  CHECK(answer.agreement->deflate->client_max_window_bits == 12);
  const Answer never = answer_request(asks, {.deflate = {}});
  REQUIRE(never.agreement);
  CHECK_FALSE(never.agreement->deflate);
  CHECK_FALSE(never.response.fields.has("Sec-WebSocket-Extensions"));
}

TEST_CASE("client and server agree") {
  const Offer offer{.subprotocols = {"a", "b"}};
  const Policy policy{.subprotocols = {"b"}};
  const std::string key = new_key();
  const Answer answer = answer_request(handshake_request(*parse_url("ws://a/"), offer, key), policy);
  const auto agreement = check_response(answer.response, offer, key);
  REQUIRE(agreement);
  REQUIRE(answer.agreement);
  CHECK(agreement->subprotocol == "b");
  CHECK(answer.agreement->subprotocol == "b");
  CHECK(deflate_answer(*agreement->deflate) == deflate_answer(*answer.agreement->deflate));
}
