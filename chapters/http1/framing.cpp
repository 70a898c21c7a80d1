#include "http1/framing.hpp"

#include "http1/head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace http1 {

using wire::Errc;
using wire::failure;
using wire::Result;

// region content-length
Result<std::optional<std::uint64_t>> content_length(const Fields& fields) {
  const std::string* text = fields.find("Content-Length");
  if (!text) return std::nullopt;
  // region content-length-value
  if (fields.count("Content-Length") > 1) return failure(Errc::malformed, "more than one Content-Length", 400);
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool digits = end != text->data() && end == text->data() + text->size();
  if (!digits) return failure(Errc::malformed, "Content-Length", 400);
  if (ec == std::errc::result_out_of_range) return failure(Errc::too_large, "Content-Length", 413);
  return value;
  // endregion
}
// endregion

namespace {

// "chunked" must be the last transfer coding, and once; we know no other (RFC 9112 §6.1, §7).
Result<Framing> chunked_framing(const Fields& fields, int minor_version) {
  const auto codings = fields.list("Transfer-Encoding");
  if (minor_version == 0) return failure(Errc::malformed, "Transfer-Encoding in HTTP/1.0", 400);
  if (codings.empty() || !equal_ignoring_case(codings.back(), "chunked"))
    return failure(Errc::malformed, "Transfer-Encoding does not end in chunked", 400);
  if (codings.size() > 1 && equal_ignoring_case(codings[codings.size() - 2], "chunked"))
    return failure(Errc::malformed, "chunked twice", 400);
  if (codings.size() > 1) return failure(Errc::unsupported, "transfer coding " + codings.front(), 501);
  return Framing{Framing::Kind::chunked, 0};
}

}  // namespace

// region framing
Result<Framing> framing_of(const Request& request) {
  const bool chunked = request.fields.has("Transfer-Encoding");
  // region request-length
  if (chunked && request.fields.has("Content-Length"))  // RFC 9112 §6.3, rule 3: somebody tries to smuggle
    return failure(Errc::malformed, "both Content-Length and Transfer-Encoding", 400);
  if (chunked) return chunked_framing(request.fields, request.minor_version);
  const auto length = content_length(request.fields);
  if (!length) return std::unexpected(length.error());
  if (!*length || **length == 0) return Framing{};  // rule 7: without a length, a request has no content
  return Framing{Framing::Kind::length, **length};
  // endregion
}

Result<Framing> framing_of(const Response& response, std::string_view request_method) {
  if (!may_have_content(response.status, request_method)) return Framing{};  // rule 1, whatever the fields say
  // region response-length
  if (response.fields.has("Transfer-Encoding"))  // rule 4; a Content-Length beside it is ignored
    return chunked_framing(response.fields, response.minor_version);
  const auto length = content_length(response.fields);
  if (!length) return std::unexpected(length.error());
  if (!*length) return Framing{Framing::Kind::until_close, 0};  // rule 8
  if (**length == 0) return Framing{};
  return Framing{Framing::Kind::length, **length};
  // endregion
}
// endregion

namespace {

std::string_view without_leading_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

// Takes a token off the front; returns whether there was one.
bool skip_token(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_token(text.substr(n, 1))) ++n;
  text.remove_prefix(n);
  return n > 0;
}

// quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE (RFC 9110 §5.6.4)
bool skip_quoted_string(std::string_view& text) {
  bool escaped = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    if (c == '"' && !escaped) {
      text.remove_prefix(i + 1);
      return true;
    }
    escaped = c == '\\' && !escaped;
  }
  return false;
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 §7.1.1)
bool is_chunk_extensions(std::string_view text) {
  while (!text.empty()) {
    text = without_leading_space(text);
    if (!text.starts_with(';')) return false;
    text = without_leading_space(text.substr(1));
    if (!skip_token(text)) return false;
    const std::string_view value = without_leading_space(text);
    if (!value.starts_with('=')) continue;
    text = without_leading_space(value.substr(1));
    if (text.starts_with('"') ? !skip_quoted_string(text) : !skip_token(text)) return false;
  }
  return true;
}

}  // namespace

// region chunk-size
Result<std::uint64_t> decode_chunk_size(wire::Reader& in) {
  const std::string_view line = in.until("chunk-size", "\r\n");
  if (!in.ok()) return std::unexpected(in.error());
  std::uint64_t size = 0;
  // region chunk-size-value
  const auto [end, ec] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (ec == std::errc::result_out_of_range) return failure(Errc::too_large, "chunk-size", 413);
  if (ec != std::errc() || !is_chunk_extensions({end, line.data() + line.size()}))
    return failure(Errc::malformed, "chunk-size", 400);
  // endregion
  if (in.tracing()) in.explain(size ? fmt::format("{} bytes of data follow", size) : "the last chunk", "RFC 9112 §7.1");
  return size;
}

void encode_chunk(wire::Writer& out, wire::Bytes data) {
  if (data.empty()) throw wire::UsageError("an empty chunk would end the message");
  // region chunk
  char size[20];
  const auto [end, ec] = std::to_chars(size, size + sizeof size, data.size(), 16);
  out.text({size, end});
  out.text("\r\n");
  out.bytes(data);
  out.text("\r\n");
  // endregion
}

void encode_last_chunk(wire::Writer& out, const Fields& trailers) {
  out.text("0\r\n");
  encode_fields(out, trailers);
}
// endregion

}  // namespace http1
