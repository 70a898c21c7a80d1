#include "http1/target.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace http1 {

using wire::Errc;
using wire::failure;
using wire::Result;

namespace {

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The octet behind a "%" at the front of `text`, if there are two hexadecimal digits (RFC 3986 §2.1).
std::optional<char> percent_encoded(std::string_view text) {
  unsigned value = 0;
  if (text.size() < 3) return std::nullopt;
  const auto [end, ec] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
  if (ec != std::errc() || end != text.data() + 3) return std::nullopt;
  return static_cast<char>(value);
}

// reg-name = *( unreserved / pct-encoded / sub-delims ) (RFC 3986 §3.2.2), which an IPv4 address is, too.
bool is_reg_name(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && !percent_encoded(text.substr(i))) return false;
    if (!is_alphanumeric(text[i]) && !std::string_view("-._~%!$&'()*+,;=").contains(text[i])) return false;
  }
  return true;
}

bool is_ipv6_address(std::string_view text) {
  in6_addr ignored;
  return !text.contains('\0') && inet_pton(AF_INET6, std::string(text).c_str(), &ignored) == 1;
}

// uri-host [ ":" port ] (RFC 9110 §7.2): a name, an IPv4 address or an IPv6 address in brackets. Empty is allowed: it
// is what a client sends for a URL without a host.
bool is_authority(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == text.npos) return false;
  const std::string_view host = text.substr(bracketed, host_end - bracketed);
  const std::string_view rest = text.substr(host_end + bracketed);
  if (!(bracketed ? is_ipv6_address(host) : is_reg_name(host))) return false;
  return rest.empty() || (rest[0] == ':' && std::ranges::all_of(rest.substr(1), is_digit));
}

// The port of a well-formed authority; none: it names no port, or one that cannot be.
std::optional<std::uint16_t> port_of(std::string_view authority) {
  const auto colon = authority.rfind(':');
  if (colon == authority.npos || colon == 0 || authority.back() == ']') return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
  if (ec != std::errc() || port == 0) return std::nullopt;
  return port;
}

// RFC 3986 §5.2.4
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> segments;
  bool directory = false;  // does the last segment leave a "/" behind?
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    directory = segment == "." || segment == "..";
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!directory) segments.push_back(segment);
    at = end + 1;
  }
  std::string out;
  for (const auto segment : segments) out.append("/").append(segment);
  return directory || out.empty() ? out + "/" : out;
}

// RFC 3986 §6.2.2.2 and §6.2.2.3
Result<std::string> normalized(std::string_view path) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    const auto octet = percent_encoded(path.substr(i));
    if (!octet) return failure(Errc::malformed, "percent-encoding", 400);
    const bool unreserved = is_alphanumeric(*octet) || std::string_view("-._~").contains(*octet);
    if (unreserved) out += *octet;
    else out += path.substr(i, 3);
    i += 2;
  }
  return out.contains("/.") ? without_dot_segments(out) : out;
}

void split_query(Target& target, std::string_view path_and_query) {
  const auto question = path_and_query.find('?');
  target.path = path_and_query.substr(0, question);
  if (question != path_and_query.npos) target.query = path_and_query.substr(question + 1);
}

bool is_http(std::string_view scheme) {
  return equal_ignoring_case(scheme, "http") || equal_ignoring_case(scheme, "https");
}

// region checked-host
// RFC 9112 §3.2: one Host in HTTP/1.1, never two, and well formed; in HTTP/1.0 there may be none.
Result<std::string> checked_host(const Request& request) {
  const std::size_t hosts = request.fields.count("Host");
  if (hosts > 1) return failure(Errc::malformed, "more than one Host", 400);
  if (hosts == 0 && request.minor_version > 0) return failure(Errc::malformed, "HTTP/1.1 without Host", 400);
  std::string host = hosts == 1 ? *request.fields.find("Host") : "";
  if (!is_authority(host)) return failure(Errc::malformed, "Host", 400);
  return host;
}
// endregion

}  // namespace

// region parse-target
Result<Target> parse_target(const Request& request) {
  const std::string& text = request.target;
  Target target;
  if (text.contains('#')) return failure(Errc::malformed, "a fragment, which never leaves the client", 400);
  if (request.method == "CONNECT") {
    if (!is_authority(text) || !port_of(text)) return failure(Errc::malformed, "authority-form", 400);
    target.form = Target::Form::authority;
    target.authority = text;
  } else if (text == "*") {
    if (request.method != "OPTIONS") return failure(Errc::malformed, "only OPTIONS may ask for *", 400);
    target.form = Target::Form::asterisk;
    target.path = text;
  } else if (text.starts_with('/')) {
    split_query(target, text);
  } else {
    const auto colon = text.find("://");
    if (colon == text.npos || !is_http(text.substr(0, colon))) return failure(Errc::malformed, "request-target", 400);
    const std::string_view rest = std::string_view(text).substr(colon + 3);
    const auto path = std::min(rest.find_first_of("/?"), rest.size());
    target.form = Target::Form::absolute;
    target.https = colon == 5;
    target.authority = rest.substr(0, path);
    if (target.authority.empty() || target.authority[0] == ':' || !is_authority(target.authority))
      return failure(Errc::malformed, "authority", 400);
    split_query(target, rest.substr(path));
    if (path == rest.size() && request.method == "OPTIONS") target.form = Target::Form::asterisk;  // RFC 9112 §3.2.4
    if (target.path.empty()) target.path = target.form == Target::Form::asterisk ? "*" : "/";
  }
  if (target.path.starts_with('/')) {
    Result<std::string> path = normalized(target.path);
    if (!path) return std::unexpected(path.error());
    target.path = std::move(*path);
  }

  const Result<std::string> host = checked_host(request);
  if (!host) return std::unexpected(host.error());
  if (target.authority.empty()) target.authority = *host;  // a target's own authority counts, whatever Host says
  return target;
}
// endregion

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto octet = percent_encoded(text.substr(i));
    if (!octet || *octet == 0) return failure(Errc::malformed, "percent-encoding", 400);
    out += *octet;
    i += 2;
  }
  return out;
}

std::string Url::authority() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return port == (scheme == "https" ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  text = text.substr(0, text.find('#'));
  if (const auto colon = text.find("://"); colon != text.npos && colon < text.find_first_of("/?")) {
    if (!is_http(text.substr(0, colon))) return failure(Errc::unsupported, "only http:// and https:// are spoken here");
    url.scheme = colon == 5 ? "https" : "http";
    text.remove_prefix(colon + 3);
  }
  const auto path = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, path);
  if (authority.contains('@')) return failure(Errc::unsupported, "user names in URLs are not sent: use a header");
  if (authority.empty() || !is_authority(authority)) return failure(Errc::malformed, "host of the URL");
  url.port = url.scheme == "https" ? 443 : 80;
  const auto colon = authority.rfind(':');
  if (colon != authority.npos && authority.back() != ']') {
    const std::string_view digits = authority.substr(colon + 1);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (!digits.empty() && (ec != std::errc() || url.port == 0))
      return failure(Errc::malformed, "the port must be a number from 1 to 65535");
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[')) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) return failure(Errc::malformed, "host of the URL");
  url.host = authority;
  url.target = text.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  const auto is_visible = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
  if (!std::ranges::all_of(url.target, is_visible)) return failure(Errc::malformed, "the URL needs percent-encoding");
  return url;
}

Result<Url> resolve(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  // RFC 3986 §4.2: a colon before the first slash ends a scheme.
  if (const auto colon = reference.find(':'); colon < std::min(reference.find_first_of("/?"), reference.size())) {
    if (!reference.substr(colon).starts_with("://")) return failure(Errc::unsupported, "a scheme that is not HTTP's");
    return parse_url(reference);
  }
  if (reference.starts_with("//")) return parse_url(base.scheme + ":" + std::string(reference));
  Url url = base;
  const std::string base_path = base.target.substr(0, base.target.find('?'));
  const std::string_view path = reference.substr(0, reference.find('?'));
  std::string merged;
  if (path.empty()) merged = base_path;
  else if (path.starts_with('/')) merged = path;
  else merged = base_path.substr(0, base_path.rfind('/') + 1) + std::string(path);
  url.target = without_dot_segments(merged);
  if (reference.empty()) url.target = base.target;
  else url.target += reference.substr(path.size());
  return parse_url(url.scheme + "://" + url.authority() + url.target);
}

}  // namespace http1
