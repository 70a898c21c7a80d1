// What a request is aimed at: the four forms of the request-target (RFC 9112 §3.2), and URLs as a client is given them.
#pragma once
#include "http1/message.hpp"
#include "wire/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace http1 {

struct Target {
  enum class Form {
    origin,     // GET /path?query          the usual one
    absolute,   // GET http://host/path     to a proxy; every server must accept it
    authority,  // CONNECT host:port        a tunnel
    asterisk,   // OPTIONS *                the server as a whole
  };
  Form form = Form::origin;
  std::string authority;  // host[:port]: of the target itself, else of the Host field; empty in HTTP/1.0 without one
  std::string path;       // normalized; "*" in asterisk form, empty in authority form
  std::string query;      // as sent, without the "?"
  bool https = false;     // absolute form only: the client believes that it speaks TLS
};

// Also enforces the rules for Host (RFC 9112 §3.2): one in HTTP/1.1, never two, and well formed. Errors are 400.
// The path is normalized as far as its meaning is certain to stay (RFC 3986 §6.2.2): "/%7Ea/./b/../c" is "/~a/c". So
// two spellings of one path cannot be told apart by routes, and no ".." is left to anybody. Other octets stay encoded.
wire::Result<Target> parse_target(const Request& request);

// "/a%20b" to "/a b". An Error for "%" without two hexadecimal digits, and for %00 (RFC 3986 §2.1, §7.3).
wire::Result<std::string> percent_decode(std::string_view text);

// What a client needs of a URL. A user name and a password never go on the wire
// (RFC 9110 §4.2.4), nor does a fragment (§7.1).
struct Url {
  std::string scheme = "http";  // or "https"
  std::string host;             // without the brackets of an IPv6 address
  std::uint16_t port = 80;
  std::string target = "/";  // path and query

  std::string authority() const;  // for Host: brackets where needed, no port where it is the scheme's own
};

// "host:port/path" is taken for http. Errors: another scheme, no host, a port out of range, a user name.
wire::Result<Url> parse_url(std::string_view text);

// Where a Location field leads, seen from `base` (RFC 3986 §5.2).
wire::Result<Url> resolve(const Url& base, std::string_view reference);

}  // namespace http1
