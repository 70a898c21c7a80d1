// Sec-WebSocket-Extensions, and what permessage-deflate negotiates in it: RFC 7692 §7.1, as server and as client.
#include "websocket/extensions.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

using http1::Fields;
using websocket::accept_deflate;
using websocket::check_deflate;
using websocket::deflate_answer;
using websocket::deflate_offer;
using websocket::DeflateParameters;
using websocket::Extension;
using websocket::parse_extensions;
using wire::Errc;

namespace {

wire::Result<std::vector<Extension>> parsed(std::string_view value) {
  return parse_extensions({{"Sec-WebSocket-Extensions", std::string(value)}});
}

// As text, one way to write each: names and values in brackets.
std::string shown(const wire::Result<std::vector<Extension>>& extensions) {
  if (!extensions) return "malformed";
  std::string text;
  for (const Extension& extension : *extensions) {
    text += '[' + extension.name;
    for (const auto& [name, value] : extension.parameters)
      text += value ? fmt::format(" {}=({})", name, *value) : ' ' + name;
    text += ']';
  }
  return text;
}

// What a server answers to an offer; empty: no compression.
std::string answer(std::string_view offer, const DeflateParameters& wanted = {}) {
  const auto offers = parsed(offer);
  REQUIRE(offers);
  const auto accepted = accept_deflate(*offers, wanted);
  return accepted ? deflate_answer(*accepted) : "";
}

// What holds for a client that made this offer when the server has answered so; or the error.
std::string agreed(const std::optional<DeflateParameters>& offered, std::string_view response) {
  const auto chosen = parsed(response);
  REQUIRE(chosen);
  const auto agreement = check_deflate(*chosen, offered);
  if (!agreement) return "failed: " + agreement.error().detail;
  return *agreement ? deflate_answer(**agreement) : "";
}

}  // namespace

// ---- the field (RFC 6455 §9.1) ---------------------------------------------------------------------------------

TEST_CASE("extensions are names with parameters") {
  CHECK(shown(parse_extensions({})).empty());
  CHECK(shown(parsed("")).empty());
  CHECK(shown(parsed("foo")) == "[foo]");
  CHECK(shown(parsed("foo, bar; baz=2")) == "[foo][bar baz=(2)]");  // the RFC's own example
  CHECK(shown(parsed("foo;a;b=1;c")) == "[foo a b=(1) c]");
  CHECK(shown(parsed(" foo ; a = 1 ;\tb ")) == "[foo a=(1) b]");
  CHECK(shown(parsed("a, , b,")) == "[a][b]");  // empty members do not count
  const Fields both = {{"Sec-WebSocket-Extensions", "a; x=1"}, {"Other", "z"}, {"sec-websocket-extensions", "b"}};
  CHECK(shown(parse_extensions(both)) == "[a x=(1)][b]");  // several fields are one list
}

TEST_CASE("a value may be quoted, and is a token without the quotes") {
  CHECK(shown(parsed("foo; a=\"10\"")) == "[foo a=(10)]");
  CHECK(shown(parsed("foo; a=\"1\\0\"")) == "[foo a=(10)]");
  for (const char* bad :
       {"foo; a=\"\"", "foo; a=\"x y\"", "foo; a=\"x;y\"", "foo; a=\"x,y\"", "foo; a=\"", "foo; a=\"x",
        "foo; a=\"x\\\"", "foo; a=\"x\\\"; b", "foo; a=x\"", "foo; a=\"x\"y", "foo; a=\"x\\;y\""}) {
    INFO(bad);
    CHECK(shown(parsed(bad)) == "malformed");
  }
}

TEST_CASE("what does not fit the grammar is malformed") {
  for (const char* bad : {"f oo", "foo=1", ";a", ";", "foo;", "foo; ", "foo;;a", "foo; =1", "foo; a=", "foo; a b",
                          "foo; a=1=2", "foo; \"a\"", "\"foo\"", "foo, b@r", "foo; a=b@r"}) {
    INFO(bad);
    CHECK(shown(parsed(bad)) == "malformed");
  }
  CHECK(parsed("foo; a b").error().code == Errc::malformed);
  CHECK(parsed("foo; a b").error().detail == "Sec-WebSocket-Extensions: \"a b\"");
}

// ---- as a server -----------------------------------------------------------------------------------------------

TEST_CASE("a server accepts what it is offered") {
  CHECK(answer("permessage-deflate") == "permessage-deflate");
  CHECK(answer("").empty());
  CHECK(answer("x-webkit-deflate-frame, permessage-bzip2").empty());
  CHECK(answer("Permessage-Deflate").empty());
  CHECK(answer("foo, permessage-deflate") == "permessage-deflate");
}

TEST_CASE("RFC 7692 §7.1.1.1: server_no_context_takeover, asked for, must be in the answer") {
  const char* name = "permessage-deflate; server_no_context_takeover";
  CHECK(answer(name) == name);
  CHECK(answer("permessage-deflate", {.server_no_context_takeover = true}) == name);
}

TEST_CASE("RFC 7692 §7.1.1.2: client_no_context_takeover may be answered, asked for or not") {
  const char* name = "permessage-deflate; client_no_context_takeover";
  CHECK(answer(name) == name);
  CHECK(answer("permessage-deflate", {.client_no_context_takeover = true}) == name);
}

TEST_CASE("RFC 7692 §7.1.2.1: server_max_window_bits is answered with the same or less") {
  CHECK(answer("permessage-deflate; server_max_window_bits=10") == "permessage-deflate; server_max_window_bits=10");
  CHECK(answer("permessage-deflate; server_max_window_bits=8") == "permessage-deflate; server_max_window_bits=8");
  CHECK(answer("permessage-deflate; server_max_window_bits=15") == "permessage-deflate; server_max_window_bits=15");
  CHECK(answer("permessage-deflate; server_max_window_bits=\"9\"") == "permessage-deflate; server_max_window_bits=9");
  const DeflateParameters twelve{.server_max_window_bits = 12};
  CHECK(answer("permessage-deflate; server_max_window_bits=10", twelve) ==
        "permessage-deflate; server_max_window_bits=10");
  CHECK(answer("permessage-deflate; server_max_window_bits=15", twelve) ==
        "permessage-deflate; server_max_window_bits=12");
  CHECK(answer("permessage-deflate", twelve) == "permessage-deflate; server_max_window_bits=12");
}

TEST_CASE("RFC 7692 §7.1.2.2: client_max_window_bits is answered only where it was offered, with the same or less") {
  const DeflateParameters twelve{.client_max_window_bits = 12};
  CHECK(answer("permessage-deflate", twelve) == "permessage-deflate");
  CHECK(answer("permessage-deflate; client_max_window_bits", twelve) ==
        "permessage-deflate; client_max_window_bits=12");
  CHECK(answer("permessage-deflate; client_max_window_bits") == "permessage-deflate");
  CHECK(answer("permessage-deflate; client_max_window_bits=15", twelve) ==
        "permessage-deflate; client_max_window_bits=12");
  CHECK(answer("permessage-deflate; client_max_window_bits=9", twelve) ==
        "permessage-deflate; client_max_window_bits=9");
  CHECK(answer("permessage-deflate; client_max_window_bits=9") == "permessage-deflate; client_max_window_bits=9");
}

TEST_CASE("RFC 7692 §7.1: an offer with a wrong parameter is declined") {
  for (const char* bad : {
           "unknown",                                                 // not defined
           "server_no_context_takeover=1",                            // must have no value
           "client_no_context_takeover=true",                         //
           "server_max_window_bits",                                  // must have one
           "server_max_window_bits=7",                                // 8 to 15
           "server_max_window_bits=16",                               //
           "server_max_window_bits=08",                               // without leading zeros
           "server_max_window_bits=1",                                //
           "server_max_window_bits=x",                                //
           "client_max_window_bits=7",                                //
           "client_max_window_bits=16",                               //
           "client_max_window_bits=010",                              //
           "server_no_context_takeover; server_no_context_takeover",  // twice
           "client_no_context_takeover; client_no_context_takeover",  //
           "server_max_window_bits=10; server_max_window_bits=10",    //
           "client_max_window_bits=10; client_max_window_bits=10",    //
           "client_max_window_bits; client_max_window_bits",          //
           "client_max_window_bits; client_max_window_bits=10",       //
           "client_max_window_bits=10; client_max_window_bits",       //
           "Server_No_Context_Takeover",                              //
       }) {
    INFO(bad);
    CHECK(answer(fmt::format("permessage-deflate; {}", bad)).empty());
    CHECK(answer(fmt::format("permessage-deflate; {}, permessage-deflate; server_max_window_bits=11", bad)) ==
          "permessage-deflate; server_max_window_bits=11");  // RFC 7692 §5.2: the next offer is a fall-back
  }
}

TEST_CASE("of several offers, the first that can be accepted") {
  CHECK(answer("permessage-deflate; server_max_window_bits=9, permessage-deflate") ==
        "permessage-deflate; server_max_window_bits=9");
}

TEST_CASE("an answer has all that was agreed upon") {
  CHECK(answer("permessage-deflate; client_max_window_bits=9; server_max_window_bits=10; client_no_context_takeover; "
               "server_no_context_takeover") ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; "
        "client_max_window_bits=9");
}

// ---- as a client -----------------------------------------------------------------------------------------------

TEST_CASE("what a client offers") {
  CHECK(deflate_offer({}) == "permessage-deflate; client_max_window_bits");
  CHECK(deflate_offer({.client_max_window_bits = 10}) == "permessage-deflate; client_max_window_bits=10");
  CHECK(deflate_offer({true, true, 9, 10}) ==
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; "
        "client_max_window_bits=10");
}

TEST_CASE("a client takes what the server has chosen") {
  CHECK(agreed(DeflateParameters{}, "").empty());
  CHECK(agreed({}, "").empty());
  for (const char* response : {
           "permessage-deflate",
           "permessage-deflate; server_no_context_takeover",  // RFC 7692 §7.1.1.1: also without being asked
           "permessage-deflate; client_no_context_takeover",  // §7.1.1.2
           "permessage-deflate; server_max_window_bits=8",    // §7.1.2.1
           "permessage-deflate; server_max_window_bits=15",
           "permessage-deflate; client_max_window_bits=8",  // §7.1.2.2: was offered without a value
           "permessage-deflate; client_max_window_bits=15",
           "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; "
           "client_max_window_bits=10",
       }) {
    INFO(response);
    CHECK(agreed(DeflateParameters{}, response) == response);
  }
}

TEST_CASE("RFC 6455 §9.1: an extension that was not offered fails the connection") {
  const auto not_offered = "failed: the server chose an extension that was not offered: ";
  CHECK(agreed({}, "permessage-deflate") == not_offered + std::string("permessage-deflate"));
  CHECK(agreed(DeflateParameters{}, "foo") == not_offered + std::string("foo"));
  CHECK(agreed(DeflateParameters{}, "permessage-deflate, foo") == not_offered + std::string("foo"));
  CHECK(agreed(DeflateParameters{}, "permessage-deflate, permessage-deflate") ==
        not_offered + std::string("permessage-deflate"));
  const auto chosen = parsed("foo");
  CHECK(check_deflate(*chosen, DeflateParameters{}).error().code == Errc::unexpected);
}

TEST_CASE("RFC 7692 §7.1: an answer with a wrong parameter fails the connection") {
  for (const char* bad : {"unknown", "server_no_context_takeover=1", "server_max_window_bits",
                          "server_max_window_bits=7", "server_max_window_bits=16", "client_max_window_bits=08",
                          "client_no_context_takeover; client_no_context_takeover",
                          "client_max_window_bits"}) {  // §7.1.2.2: in an answer it must have a value
    INFO(bad);
    CHECK(agreed(DeflateParameters{}, fmt::format("permessage-deflate; {}", bad)) ==
          "failed: the server chose parameters that permessage-deflate has not");
  }
}

TEST_CASE("RFC 7692 §7.1.1.1: a server that was asked not to take its context over must promise it") {
  const DeflateParameters offered{.server_no_context_takeover = true};
  CHECK(agreed(offered, "permessage-deflate") == "failed: the server chose context takeover, which was declined");
  CHECK(agreed(offered, "permessage-deflate; server_no_context_takeover") ==
        "permessage-deflate; server_no_context_takeover");
}

TEST_CASE("RFC 7692 §7.1.2.1: a server that was asked for a smaller window must promise it") {
  const DeflateParameters offered{.server_max_window_bits = 10};
  CHECK(agreed(offered, "permessage-deflate") == "failed: the server chose too large a window");
  CHECK(agreed(offered, "permessage-deflate; server_max_window_bits=11") ==
        "failed: the server chose too large a window");
  CHECK(agreed(offered, "permessage-deflate; server_max_window_bits=10") ==
        "permessage-deflate; server_max_window_bits=10");
  CHECK(agreed(offered, "permessage-deflate; server_max_window_bits=9") ==
        "permessage-deflate; server_max_window_bits=9");
}

// RFC 7692 §7.1.1.2, §7.1.2.2: an offer with these tells the server what the client will do in any case. The server
// need not repeat it.
TEST_CASE("what a client has announced of itself holds, answered or not") {
  CHECK(agreed(DeflateParameters{.client_no_context_takeover = true}, "permessage-deflate") ==
        "permessage-deflate; client_no_context_takeover");
  const DeflateParameters ten{.client_max_window_bits = 10};
  CHECK(agreed(ten, "permessage-deflate") == "permessage-deflate; client_max_window_bits=10");
  CHECK(agreed(ten, "permessage-deflate; client_max_window_bits=10") ==
        "permessage-deflate; client_max_window_bits=10");
  CHECK(agreed(ten, "permessage-deflate; client_max_window_bits=9") == "permessage-deflate; client_max_window_bits=9");
  CHECK(agreed(ten, "permessage-deflate; client_max_window_bits=11") ==
        "failed: the server chose another window for us than was offered");
}

TEST_CASE("whatever is offered and wanted, client and server come to the same agreement") {
  const std::optional<int> bits[] = {std::nullopt, 8, 12, 15};
  for (const bool flag : {false, true}) {
    for (const bool other : {false, true}) {
      for (const auto& a : bits) {
        for (const auto& b : bits) {
          for (const auto& c : bits) {
            for (const auto& d : bits) {
              const DeflateParameters offered{flag, other, a, b}, wanted{other, flag, c, d};
              const auto offer = parsed(deflate_offer(offered));
              REQUIRE(offer);
              const auto accepted = accept_deflate(*offer, wanted);
              REQUIRE(accepted);
              const std::string answered = deflate_answer(*accepted);
              INFO(deflate_offer(offered) << " -> " << answered);
              CHECK(agreed(offered, answered) == answered);
            }
          }
        }
      }
    }
  }
}
