// What requests are aimed at, which Host they need, and the URLs that clients are given.
#include "support/catch.hpp"

#include "http1/target.hpp"

using http1::Fields;
using http1::Request;
using http1::Target;
using Form = http1::Target::Form;

namespace {

wire::Result<Target> parse(const std::string& method, const std::string& target,
                           const Fields& fields = {{"Host", "example.org"}}, int minor_version = 1) {
  return http1::parse_target(Request{method, target, minor_version, fields});
}

}  // namespace

TEST_CASE("the four forms of a target") {  // RFC 9112 §3.2.1 to §3.2.4
  struct {
    const char* method;
    const char* text;
    Form form;
    const char* authority;
    const char* path;
    const char* query;
  } const targets[] = {
      {"GET", "/where?q=now", Form::origin, "example.org", "/where", "q=now"},
      {"GET", "/", Form::origin, "example.org", "/", ""},
      {"GET", "/a?b?c", Form::origin, "example.org", "/a", "b?c"},
      {"GET", "/?", Form::origin, "example.org", "/", ""},
      {"GET", "//double", Form::origin, "example.org", "//double", ""},
      {"GET", "/a%20b", Form::origin, "example.org", "/a%20b", ""},
      {"OPTIONS", "/x", Form::origin, "example.org", "/x", ""},
      // The target's own authority counts, whatever Host says (§3.2.2).
      {"GET", "http://www.example.org/pub/WWW/", Form::absolute, "www.example.org", "/pub/WWW/", ""},
      {"GET", "HTTP://a:8080/x?y", Form::absolute, "a:8080", "/x", "y"},
      {"GET", "https://[::1]:443/", Form::absolute, "[::1]:443", "/", ""},
      {"GET", "http://a", Form::absolute, "a", "/", ""},
      {"GET", "http://a?q", Form::absolute, "a", "/", "q"},
      {"CONNECT", "www.example.com:80", Form::authority, "www.example.com:80", "", ""},
      {"CONNECT", "[2001:db8::7]:443", Form::authority, "[2001:db8::7]:443", "", ""},
      {"OPTIONS", "*", Form::asterisk, "example.org", "*", ""},
  };
  for (const auto& [method, text, form, authority, path, query] : targets) {
    INFO(method << " " << text);
    const auto target = parse(method, text);
    REQUIRE(target);
    CHECK(target->form == form);
    CHECK(target->authority == authority);
    CHECK(target->path == path);
    CHECK(target->query == query);
  }
}

TEST_CASE("targets of no form are refused with 400") {
  struct {
    const char* method;
    const char* text;
  } const targets[] = {
      {"GET", "*"},                      // only OPTIONS
      {"GET", "where"},                  // no slash
      {"GET", "example.org:80"},         // only CONNECT
      {"GET", "ftp://example.org/"},     // not our scheme
      {"GET", "http:/example.org/"},     //
      {"GET", "http:///path"},           // RFC 9110 §4.2.1: an empty host
      {"GET", "http://user@host/"},      // RFC 9110 §4.2.4: a user name is a trap
      {"GET", "http://a:b/"},            //
      {"GET", "http://a b/"},            //
      {"OPTIONS", "**"},                 //
      {"CONNECT", "/"},                  //
      {"CONNECT", "www.example.com"},    // RFC 9110 §9.3.6: the port is not optional
      {"CONNECT", "www.example.com:"},   // "A server MUST reject a CONNECT request that targets
      {"CONNECT", "www.example.com:0"},  //  an empty or invalid port number"
      {"CONNECT", "www.example.com:65536"},
      {"CONNECT", "[::1]"},
      {"CONNECT", ":80"},
      {"CONNECT", "http://www.example.com:80"},
  };
  for (const auto& [method, text] : targets) {
    INFO(method << " " << text);
    const auto target = parse(method, text);
    REQUIRE_FALSE(target);
    CHECK(target.error().wire_code == 400);
  }
}

TEST_CASE("Host: one in HTTP/1.1, never two, and well formed") {  // RFC 9112 §3.2
  for (const char* host : {"example.org", "example.org:80", "127.0.0.1:8080", "[::1]", "[2001:db8::1]:8080", "a_b-c.d~",
                           "example.org:", "%41", "a:000080", ""}) {
    INFO("[" << host << "]");
    const auto target = parse("GET", "/", {{"Host", host}});
    REQUIRE(target);
    CHECK(target->authority == host);
  }
  for (const char* host : {"a b", "a/b", "a?b", "a#b", "user@a", "a:b", "a:80:80", "[zzz]", "[1::2::3]", "a%zz", "a%4",
                           "a,b", "[::1", "::1", "[::1]x", "a\\b", "<a>", "a\xc3\xa9", "http://a"}) {
    INFO("[" << host << "]");
    const auto target = parse("GET", "/", {{"Host", host}});
    // A comma is a sub-delim, and so allowed in a name: RFC 3986 §3.2.2.
    if (std::string_view(host) == "a,b") {
      CHECK(target);
      continue;
    }
    REQUIRE_FALSE(target);
    CHECK(target.error().wire_code == 400);
  }
  const auto refused = [](const Fields& fields, int minor_version) {
    const auto target = parse("GET", "/", fields, minor_version);
    return !target && target.error().wire_code == 400;
  };
  CHECK(refused({}, 1));
  CHECK_FALSE(refused({}, 0));
  CHECK(refused({{"Host", "a"}, {"Host", "a"}}, 1));
  CHECK(refused({{"Host", "a"}, {"host", "b"}}, 0));
  CHECK(refused({{"Host", "a b"}}, 0));
  const auto absolute = parse("GET", "http://a/", {});
  CHECK_FALSE(absolute);  // §3.2.2: even then
}

TEST_CASE("percent-decoding") {  // RFC 3986 §2.1
  struct {
    const char* text;
    const char* decoded;  // nullptr: refused
  } const texts[] = {
      {"", ""},
      {"/a b", "/a b"},
      {"/a%20b", "/a b"},
      {"%2e%2E%2f", "../"},
      {"%c3%A9", "\xc3\xa9"},
      {"%25%32%30", "%20"},  // once, not twice
      {"+", "+"},            // means a space in forms only
      {"%", nullptr},
      {"%4", nullptr},
      {"a%", nullptr},
      {"%g0", nullptr},
      {"%0g", nullptr},
      {"%-1", nullptr},
      {"%+1", nullptr},
      {"% 1", nullptr},
      {"%00", nullptr},
      {"%%41", nullptr},
  };
  for (const auto& [text, decoded] : texts) {
    INFO("[" << text << "]");
    const auto result = http1::percent_decode(text);
    REQUIRE(result.has_value() == (decoded != nullptr));
    if (decoded) CHECK(*result == decoded);
  }
}

TEST_CASE("URLs") {
  struct {
    const char* text;
    const char* scheme;
    const char* host;
    std::uint16_t port;
    const char* target;
    const char* authority;
  } const urls[] = {
      {"http://example.org", "http", "example.org", 80, "/", "example.org"},
      {"http://example.org/", "http", "example.org", 80, "/", "example.org"},
      {"HTTPS://example.org/a?b=c", "https", "example.org", 443, "/a?b=c", "example.org"},
      {"http://example.org:8080/a", "http", "example.org", 8080, "/a", "example.org:8080"},
      {"http://example.org:443/", "http", "example.org", 443, "/", "example.org:443"},
      {"https://example.org:443/", "https", "example.org", 443, "/", "example.org"},
      {"http://example.org:/", "http", "example.org", 80, "/", "example.org"},  // RFC 3986 §3.2.3: an empty port
      {"http://[2001:db8::7]/c", "http", "2001:db8::7", 80, "/c", "[2001:db8::7]"},
      {"https://[::1]:8443", "https", "::1", 8443, "/", "[::1]:8443"},
      {"http://example.org?a=b", "http", "example.org", 80, "/?a=b", "example.org"},
      {"http://example.org/a#part", "http", "example.org", 80, "/a", "example.org"},
      {"http://example.org/a@b", "http", "example.org", 80, "/a@b", "example.org"},
      {"127.0.0.1:8080/hello", "http", "127.0.0.1", 8080, "/hello", "127.0.0.1:8080"},
      {"localhost", "http", "localhost", 80, "/", "localhost"},
      {"http://example.org/a?u=http://b", "http", "example.org", 80, "/a?u=http://b", "example.org"},
      {"a:81/b?u=http://c/", "http", "a", 81, "/b?u=http://c/", "a:81"},
  };
  for (const auto& [text, scheme, host, port, target, authority] : urls) {
    INFO(text);
    const auto url = http1::parse_url(text);
    REQUIRE(url);
    CHECK(url->scheme == scheme);
    CHECK(url->host == host);
    CHECK(url->port == port);
    CHECK(url->target == target);
    CHECK(url->authority() == authority);
  }
  for (const char* text :
       {"", "http://", "http:///a", "ftp://example.org/", "http://user@example.org/", "http://user:secret@example.org/",
        "http://example.org:0/", "http://example.org:65536/", "http://example.org:8a/", "http://exa mple.org/",
        "http://example.org/a b", "http://[::1/", "http://:80/", "http://example.org/\r\nX:", "http://[]/", "/path"}) {
    INFO(text);
    CHECK_FALSE(http1::parse_url(text));
  }
  CHECK_FALSE(http1::parse_url(std::string_view("http://[::1\0x]/", 15)));  // C functions see only a part of it
}

TEST_CASE("references are resolved as in RFC 3986 §5.4") {
  const http1::Url base = *http1::parse_url("http://a/b/c/d;p?q");
  struct {
    const char* reference;
    const char* url;
  } const references[] = {
      // §5.4.1, normal examples; fragments never go on the wire
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      // §5.4.2, abnormal examples
      {"../../../g", "http://a/g"},
      {"../../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {".g", "http://a/b/c/.g"},
      {"g..", "http://a/b/c/g.."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/./x", "http://a/b/c/g?y/./x"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/../x", "http://a/b/c/g"},
      // and what servers send
      {"https://b:8443/x", "https://b:8443/x"},
      {"/x?u=http://b/", "http://a/x?u=http://b/"},
      {"x:/y", nullptr},
      {"g:h", nullptr},  // §5.4.1: another scheme, and so another protocol
      {"mailto:a@b", nullptr},
      {"javascript:alert(1)", nullptr},
      {"ftp://a/b", nullptr},
      {"//user@b/", nullptr},
  };
  for (const auto& [reference, expected] : references) {
    INFO("[" << reference << "]");
    const auto url = http1::resolve(base, reference);
    REQUIRE(url.has_value() == (expected != nullptr));
    if (url) CHECK(url->scheme + "://" + url->authority() + url->target == expected);
  }
}

TEST_CASE("references keep the port and the brackets of their base") {
  const http1::Url base = *http1::parse_url("https://[::1]:8443/a/b");
  const auto url = http1::resolve(base, "c");
  REQUIRE(url);
  CHECK(url->scheme + "://" + url->authority() + url->target == "https://[::1]:8443/a/c");
}
