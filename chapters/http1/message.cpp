#include "http1/message.hpp"

#include <algorithm>

namespace http1 {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Where the list member that starts at `s` ends: at a comma outside of quotes.
std::size_t member_length(std::string_view s) {
  bool quoted = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (quoted && s[i] == '\\') ++i;
    else if (s[i] == '"') quoted = !quoted;
    else if (s[i] == ',' && !quoted) return i;
  }
  return s.size();
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* Fields::find(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.name, name)) return &field.value;
  return nullptr;
}

std::size_t Fields::count(std::string_view name) const {
  const auto same = [&](const Field& field) { return equal_ignoring_case(field.name, name); };
  return static_cast<std::size_t>(std::ranges::count_if(fields_, same));
}

void Fields::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Fields::remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.name, name); });
}

std::vector<std::string> Fields::list(std::string_view name) const {
  std::vector<std::string> members;
  for (const Field& field : fields_) {
    if (!equal_ignoring_case(field.name, name)) continue;
    std::string_view rest = field.value;
    for (;;) {
      const std::size_t n = member_length(rest);
      if (const auto member = trimmed(rest.substr(0, n)); !member.empty()) members.emplace_back(member);
      if (n == rest.size()) break;
      rest.remove_prefix(n + 1);
    }
  }
  return members;
}

bool Fields::list_has(std::string_view name, std::string_view member) const {
  const auto members = list(name);
  return std::ranges::any_of(members, [&](const std::string& m) { return equal_ignoring_case(m, member); });
}

bool may_have_content(int status, std::string_view request_method) {
  if (request_method == "HEAD") return false;
  return status >= 200 && status != 204 && status != 304;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";  // RFC 8297
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";            // RFC 6585
    case 429: return "Too Many Requests";                // RFC 6585
    case 431: return "Request Header Fields Too Large";  // RFC 6585
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 511: return "Network Authentication Required";  // RFC 6585
    default: return "";
  }
}

}  // namespace http1
