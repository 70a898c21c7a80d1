#include "http1/head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace http1 {

using wire::Errc;
using wire::failure;
using wire::Reader;
using wire::Result;
using wire::Writer;

namespace {

// region characters
constexpr std::array<bool, 256> token_characters = [] {
  std::array<bool, 256> is{};
  for (unsigned char c = '0'; c <= '9'; ++c) is[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) is[c] = is[c + 0x20u] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is[static_cast<unsigned char>(c)] = true;
  return is;
}();

// Visible characters, spaces, tabs, and bytes above ASCII (obs-text), but no control characters: RFC 9110 §5.5.
bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}
// endregion

// region decode-version
// HTTP-version = "HTTP/" DIGIT "." DIGIT (RFC 9112 §2.3). Returns the minor version.
Result<int> decode_version(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
    return failure(Errc::malformed, "HTTP-version", 400);
  if (text[5] != '1') return failure(Errc::unsupported, "only HTTP/1 is spoken here", 505);
  return text[7] - '0';
}
// endregion

// What well-known methods and fields say, for traces.
struct Known {
  std::string_view name, meaning, section;
};
constexpr Known known_methods[] = {
    {"GET", "transfer me a representation", "RFC 9110 §9.3.1"},
    {"HEAD", "the same, without the content", "RFC 9110 §9.3.2"},
    {"POST", "do with this what you do with such things", "RFC 9110 §9.3.3"},
    {"PUT", "let this be your representation", "RFC 9110 §9.3.4"},
    {"DELETE", "remove it", "RFC 9110 §9.3.5"},
    {"CONNECT", "be a tunnel", "RFC 9110 §9.3.6"},
    {"OPTIONS", "what may be asked here?", "RFC 9110 §9.3.7"},
    {"TRACE", "send back what you got", "RFC 9110 §9.3.8"},
};
constexpr Known known_fields[] = {
    {"Accept", "media types the client can use", "RFC 9110 §12.5.1"},
    {"Accept-Encoding", "codings the client can undo", "RFC 9110 §12.5.3"},
    {"Accept-Ranges", "range units this resource knows", "RFC 9110 §14.3"},
    {"Allow", "methods this resource knows", "RFC 9110 §10.2.1"},
    {"Connection", "options for this connection only", "RFC 9110 §7.6.1"},
    {"Content-Encoding", "how the content is compressed", "RFC 9110 §8.4"},
    {"Content-Length", "length of the content in bytes", "RFC 9110 §8.6"},
    {"Content-Range", "which part this is", "RFC 9110 §14.4"},
    {"Content-Type", "what the content is", "RFC 9110 §8.3"},
    {"Date", "when this was made", "RFC 9110 §6.6.1"},
    {"ETag", "names this version of the representation", "RFC 9110 §8.8.3"},
    {"Expect", "asks before it sends the content", "RFC 9110 §10.1.1"},
    {"Host", "which of the server's sites", "RFC 9110 §7.2"},
    {"If-Match", "only if still this version", "RFC 9110 §13.1.1"},
    {"If-Modified-Since", "only if changed since", "RFC 9110 §13.1.3"},
    {"If-None-Match", "only if not this version", "RFC 9110 §13.1.2"},
    {"If-Range", "the part only if still this version", "RFC 9110 §13.1.5"},
    {"If-Unmodified-Since", "only if not changed since", "RFC 9110 §13.1.4"},
    {"Last-Modified", "when the content last changed", "RFC 9110 §8.8.2"},
    {"Location", "where to go next, or what was created", "RFC 9110 §10.2.2"},
    {"Range", "only this part, please", "RFC 9110 §14.2"},
    {"Sec-WebSocket-Accept", "proves that the key was read", "RFC 6455 §11.3.3"},
    {"Sec-WebSocket-Extensions", "changes to how frames are made", "RFC 6455 §11.3.2"},
    {"Sec-WebSocket-Key", "16 random bytes in base64", "RFC 6455 §11.3.1"},
    {"Sec-WebSocket-Protocol", "what the messages will mean", "RFC 6455 §11.3.4"},
    {"Sec-WebSocket-Version", "which WebSocket", "RFC 6455 §11.3.5"},
    {"Server", "which program answers", "RFC 9110 §10.2.4"},
    {"TE", "transfer codings the client can undo", "RFC 9110 §10.1.4"},
    {"Trailer", "fields that follow the content", "RFC 9110 §6.6.2"},
    {"Transfer-Encoding", "the content comes in chunks", "RFC 9112 §6.1"},
    {"Upgrade", "another protocol instead", "RFC 9110 §7.8"},
    {"User-Agent", "which program asks", "RFC 9110 §10.1.5"},
    {"Vary", "fields that chose this answer", "RFC 9110 §12.5.5"},
};

void explain_line_end(Reader& in) { in.part(2, "CR LF", "end of the line", "RFC 9112 §2.2"); }
void explain_space(Reader& in, std::string_view section) { in.part(1, "SP", "one space", section); }
void explain_version(Reader& in) { in.part(8, "HTTP-version", {}, "RFC 9112 §2.3"); }

void explain(Reader& in, const Request& request) {
  in.explain(fmt::format("method {}, target {}", request.method, request.target), "RFC 9112 §3");
  const Known* method = std::ranges::find(known_methods, request.method, &Known::name);
  const bool known = method != std::end(known_methods);
  in.part(request.method.size(), "method", known ? method->meaning : "", known ? method->section : "RFC 9110 §9");
  explain_space(in, "RFC 9112 §3");
  const bool path = request.target.starts_with('/');
  in.part(request.target.size(), "request-target", path ? "origin-form, path and query" : "",
          path ? "RFC 9112 §3.2.1" : "RFC 9112 §3.2");
  explain_space(in, "RFC 9112 §3");
  explain_version(in);
  explain_line_end(in);
}

void explain(Reader& in, std::string_view line, const Response& response) {
  constexpr std::string_view classes[] = {"interim", "it worked", "go elsewhere", "the client's mistake",
                                          "the server's"};
  const auto first_digit = static_cast<std::size_t>(response.status / 100);
  const std::string_view meaning = first_digit <= std::size(classes) ? classes[first_digit - 1] : "";
  in.explain(fmt::format("status {}", response.status), "RFC 9112 §4");
  explain_version(in);
  explain_space(in, "RFC 9112 §4");
  in.part(3, "status-code", meaning,
          meaning.empty() ? "RFC 9110 §15" : fmt::format("RFC 9110 §15.{}", first_digit + 1));
  if (line.size() > 12) explain_space(in, "RFC 9112 §4");  // some servers leave it out where nothing follows
  in.part(response.reason.size(), "reason-phrase", "for people", "RFC 9112 §4");
  explain_line_end(in);
}

void explain_white_space(Reader& in, std::size_t n) {
  in.part(n, "OWS", "optional white space, not part of the value", "RFC 9112 §5");
}

// A field line, or one that goes on with the value of the field before it.
void explain_field_line(Reader& in, std::string_view line, std::string_view name) {
  const Known* field =
      std::ranges::find_if(known_fields, [&](const Known& known) { return equal_ignoring_case(known.name, name); });
  const bool known = field != std::end(known_fields);
  in.explain(known ? field->meaning : "", known ? field->section : "RFC 9112 §5");
  if (line.starts_with(name)) {
    in.part(name.size(), "field-name", {}, "RFC 9110 §5.1");
    in.part(1, "colon", "directly after the name", "RFC 9112 §5.1");
    line.remove_prefix(std::min(line.size(), name.size() + 1));
  }
  const std::size_t before = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t value = trimmed(line).size();
  explain_white_space(in, before);
  in.part(value, "field-value", known ? field->meaning : "", known ? field->section : "RFC 9110 §5.5");
  explain_white_space(in, line.size() - before - value);
  explain_line_end(in);
}

// region decode-fields
// field-line = field-name ":" OWS field-value OWS (RFC 9112 §5)
Result<Field> decode_field_line(std::string_view line) {
  // region field-line
  const auto colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return failure(Errc::malformed, "field-name", 400);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_field_value(value)) return failure(Errc::malformed, "field-value", 400);
  return Field{std::string(line.substr(0, colon)), std::string(value)};
  // endregion
}

Result<Fields> decode_fields(Reader& in, bool may_fold) {
  std::vector<Field> fields;
  fields.reserve(8);  // most messages have fewer
  while (!in.starts_with("\r\n")) {
    const std::string_view line = in.until("field line", "\r\n");
    if (!in.ok()) return std::unexpected(in.error());
    if (line[0] == ' ' || line[0] == '\t') {  // RFC 9112 §5.2: a fold means a space
      const std::string_view more = trimmed(line);
      if (!may_fold || fields.empty()) return failure(Errc::malformed, "folded field line", 400);
      if (!is_field_value(more)) return failure(Errc::malformed, "field-value", 400);
      std::string& value = fields.back().value;
      value.append(value.empty() || more.empty() ? "" : " ").append(more);
    } else {
      Result<Field> field = decode_field_line(line);
      if (!field) return std::unexpected(field.error());
      fields.push_back(std::move(*field));
    }
    if (fields.size() > max_fields) return failure(Errc::too_large, "number of fields", 431);
    if (in.tracing()) explain_field_line(in, line, fields.back().name);
  }
  in.text("empty line", 2);
  in.explain("the head ends here", "RFC 9112 §2.1");
  return Fields(std::move(fields));
}
// endregion

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return token_characters[c]; });
}

// region decode-request
// request-line = method SP request-target SP HTTP-version (RFC 9112 §3)
Result<Request> decode_request_line(std::string_view line) {
  Request request;
  std::string_view version;
  // region request-line
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (first == line.npos || second == line.npos)
    return failure(Errc::malformed, "request-line needs a method, a target and a version", 400);
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  version = line.substr(second + 1);
  // endregion
  const Result<int> minor = decode_version(version);
  if (!minor) return std::unexpected(minor.error());
  request.minor_version = *minor;
  if (!is_token(request.method)) return failure(Errc::malformed, "method", 400);
  if (!is_visible(request.target)) return failure(Errc::malformed, "request-target", 400);
  return request;
}

Result<Request> decode_request(Reader& in) {
  const std::string_view line = in.until("request-line", "\r\n");
  if (!in.ok()) return std::unexpected(in.error());
  Result<Request> request = decode_request_line(line);
  if (!request) return request;
  if (in.tracing()) explain(in, *request);

  Result<Fields> fields = decode_fields(in, false);
  if (!fields) return std::unexpected(fields.error());
  request->fields = std::move(*fields);
  return request;
}
// endregion

// region encode-request
void encode(Writer& out, const Request& request) {
  if (!is_token(request.method) || !is_visible(request.target))
    throw wire::UsageError("this cannot be a request-line: " + request.method + " " + request.target);
  out.text(request.method);
  out.text(" ");
  out.text(request.target);
  out.text(request.minor_version == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  encode_fields(out, request.fields);
}

void encode_fields(Writer& out, const Fields& fields) {
  for (const auto& [name, value] : fields)
    if (!is_token(name) || !is_field_value(value)) throw wire::UsageError("this cannot be a field: " + name);
  // region field-lines
  for (const auto& [name, value] : fields) {
    out.text(name);
    out.text(": ");
    out.text(value);
    out.text("\r\n");
  }
  out.text("\r\n");
  // endregion
}
// endregion

// region decode-response
// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 §4)
Result<Response> decode_response(Reader& in) {
  const std::string_view line = in.until("status-line", "\r\n");
  if (!in.ok()) return std::unexpected(in.error());
  Response response;
  const Result<int> minor = decode_version(line.substr(0, line.find(' ')));
  if (!minor) return std::unexpected(minor.error());
  response.minor_version = *minor;
  // Some servers leave out the space before an empty reason-phrase. Nobody is harmed by accepting that.
  const std::string_view rest = line.substr(8);
  if (rest.size() < 4 || rest[0] != ' ' || (rest.size() > 4 && rest[4] != ' '))
    return failure(Errc::malformed, "status-line");
  const auto [end, ec] = std::from_chars(rest.data() + 1, rest.data() + 4, response.status);
  if (ec != std::errc() || end != rest.data() + 4 || response.status < 100)
    return failure(Errc::malformed, "status-code");
  if (rest.size() > 5) response.reason = rest.substr(5);
  if (!is_field_value(response.reason)) return failure(Errc::malformed, "reason-phrase");
  if (in.tracing()) explain(in, line, response);

  Result<Fields> fields = decode_fields(in, true);
  if (!fields) return std::unexpected(fields.error());
  response.fields = std::move(*fields);
  return response;
}
// endregion

void encode(Writer& out, const Response& response) {
  if (response.status < 100 || response.status > 999 || !is_field_value(response.reason))
    throw wire::UsageError("this cannot be a status-line: " + response.reason);
  out.text(response.minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  out.text(fmt::format_int(response.status).c_str());
  out.text(" ");
  out.text(response.reason.empty() ? reason_phrase(response.status) : std::string_view(response.reason));
  out.text("\r\n");
  encode_fields(out, response.fields);
}

Result<Fields> decode_trailers(Reader& in, bool may_fold) {
  Result<Fields> trailers = decode_fields(in, may_fold);
  if (trailers) in.explain("the message ends here", "RFC 9112 §7.1");
  return trailers;
}

}  // namespace http1
