#include "websocket/extensions.hpp"

#include "http1/head.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace websocket {

using wire::Errc;
using wire::Result;

namespace {

constexpr std::string_view permessage_deflate = "permessage-deflate";
constexpr int widest_window = 15;

// Up to the first ';' that is not inside quotes; what is left begins behind it.
std::string_view next_part(std::string_view& text) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size() && (quoted || text[at] != ';'); ++at) {
    if (text[at] == '"') quoted = !quoted;
    else if (quoted && text[at] == '\\') ++at;
  }
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return http1::trimmed(part);
}

// RFC 6455 §9.1: a value may be quoted, but must be a token without the quotes.
std::optional<std::string> unquoted(std::string_view value) {
  if (!value.starts_with('"')) return std::string(value);
  if (value.size() < 2 || !value.ends_with('"')) return std::nullopt;
  value = value.substr(1, value.size() - 2);
  std::string token;
  bool escaped = false;
  for (const char c : value) {
    escaped = c == '\\' && !escaped;
    if (!escaped) token += c;
  }
  return escaped ? std::nullopt : std::optional(token);
}

Result<Extension> parse_extension(std::string_view text) {
  const auto malformed = [&](std::string_view part) {
    return wire::failure(Errc::malformed, fmt::format("Sec-WebSocket-Extensions: \"{}\"", part));
  };
  if (text.ends_with(';')) return malformed(text);  // a parameter has to follow
  Extension extension{std::string(next_part(text)), {}};
  if (!http1::is_token(extension.name)) return malformed(extension.name);
  while (!text.empty()) {
    const std::string_view part = next_part(text);
    const auto equals = part.find('=');
    Extension::Parameter parameter{std::string(http1::trimmed(part.substr(0, equals))), {}};
    if (equals != part.npos) parameter.value = unquoted(http1::trimmed(part.substr(equals + 1)));
    const bool has_value = equals != part.npos;
    if (!http1::is_token(parameter.name) || has_value != parameter.value.has_value()) return malformed(part);
    if (has_value && !http1::is_token(*parameter.value)) return malformed(part);
    extension.parameters.push_back(std::move(parameter));
  }
  return extension;
}

// RFC 7692 §7.1.2: 8 to 15, without leading zeros.
std::optional<int> window_bits(const std::optional<std::string>& value) {
  constexpr std::string_view values[] = {"8", "9", "10", "11", "12", "13", "14", "15"};
  const auto found = value ? std::ranges::find(values, *value) : std::end(values);
  if (found == std::end(values)) return std::nullopt;
  return 8 + static_cast<int>(found - std::begin(values));
}

// The parameters as they stand there; nothing where one is unknown, stands there twice, or has a wrong value
// (RFC 7692 §7.1). `client_may_limit`: client_max_window_bits without a value, which only an offer may have.
struct Read {
  DeflateParameters parameters;
  bool client_may_limit = false;
};
std::optional<Read> read_deflate(const Extension& extension) {
  Read read;
  DeflateParameters& found = read.parameters;
  const auto flag = [](bool& set, const Extension::Parameter& parameter) {
    return !std::exchange(set, true) && !parameter.value;
  };
  const auto bits = [](std::optional<int>& set, const Extension::Parameter& parameter) {
    return !set && (set = window_bits(parameter.value)).has_value();
  };
  for (const Extension::Parameter& parameter : extension.parameters) {
    bool right = false;
    if (parameter.name == "server_no_context_takeover") right = flag(found.server_no_context_takeover, parameter);
    if (parameter.name == "client_no_context_takeover") right = flag(found.client_no_context_takeover, parameter);
    if (parameter.name == "server_max_window_bits") right = bits(found.server_max_window_bits, parameter);
    if (parameter.name == "client_max_window_bits") {
      right = !std::exchange(read.client_may_limit, true);
      if (parameter.value) right = right && bits(found.client_max_window_bits, parameter);
    }
    if (!right) return std::nullopt;
  }
  return read;
}

// The smaller of two windows, of which each may be unspoken of.
std::optional<int> smaller(std::optional<int> a, std::optional<int> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

Result<std::vector<Extension>> parse_extensions(const http1::Fields& fields) {
  std::vector<Extension> extensions;
  for (const std::string& member : fields.list("Sec-WebSocket-Extensions")) {
    Result<Extension> extension = parse_extension(member);
    if (!extension) return std::unexpected(extension.error());
    extensions.push_back(std::move(*extension));
  }
  return extensions;
}

std::string deflate_answer(const DeflateParameters& accepted) {
  std::string text(permessage_deflate);
  if (accepted.server_no_context_takeover) text += "; server_no_context_takeover";
  if (accepted.client_no_context_takeover) text += "; client_no_context_takeover";
  if (accepted.server_max_window_bits)
    text += fmt::format("; server_max_window_bits={}", *accepted.server_max_window_bits);
  if (accepted.client_max_window_bits)
    text += fmt::format("; client_max_window_bits={}", *accepted.client_max_window_bits);
  return text;
}

std::string deflate_offer(const DeflateParameters& wanted) {
  const std::string text = deflate_answer(wanted);
  return wanted.client_max_window_bits ? text : text + "; client_max_window_bits";
}

// region accept-deflate
std::optional<DeflateParameters> accept_deflate(const std::vector<Extension>& offers, const DeflateParameters& wanted) {
  for (const Extension& offer : offers) {
    const std::optional<Read> read = offer.name == permessage_deflate ? read_deflate(offer) : std::nullopt;
    if (!read) continue;  // the next one may be a fall-back: RFC 7692 §5.2
    const DeflateParameters& asked = read->parameters;
    DeflateParameters accepted;
    accepted.server_no_context_takeover = asked.server_no_context_takeover || wanted.server_no_context_takeover;
    accepted.client_no_context_takeover = asked.client_no_context_takeover || wanted.client_no_context_takeover;
    accepted.server_max_window_bits = smaller(asked.server_max_window_bits, wanted.server_max_window_bits);
    // RFC 7692 §7.1.2.2: a client that did not speak of its own window need not be able to limit it.
    if (read->client_may_limit)
      accepted.client_max_window_bits = smaller(asked.client_max_window_bits, wanted.client_max_window_bits);
    return accepted;
  }
  return std::nullopt;
}
// endregion

Result<std::optional<DeflateParameters>> check_deflate(const std::vector<Extension>& chosen,
                                                       const std::optional<DeflateParameters>& offered) {
  const auto wrong = [&](std::string what) { return wire::failure(Errc::unexpected, "the server chose " + what); };
  if (chosen.empty()) return std::nullopt;
  if (chosen.size() > 1 || chosen[0].name != permessage_deflate || !offered)
    return wrong("an extension that was not offered: " + chosen.back().name);
  const std::optional<Read> read = read_deflate(chosen[0]);
  if (!read || (read->client_may_limit && !read->parameters.client_max_window_bits))
    return wrong("parameters that permessage-deflate has not");
  const DeflateParameters& answer = read->parameters;
  if (offered->server_no_context_takeover && !answer.server_no_context_takeover)
    return wrong("context takeover, which was declined");  // RFC 7692 §7.1.1.1
  if (answer.server_max_window_bits.value_or(widest_window) > offered->server_max_window_bits.value_or(widest_window))
    return wrong("too large a window");  // RFC 7692 §7.1.2.1
  if (answer.client_max_window_bits > offered->client_max_window_bits.value_or(widest_window))
    return wrong("another window for us than was offered");  // RFC 7692 §7.1.2.2; it need not speak of it
  DeflateParameters agreed =
      answer;  // what we have announced of ourselves holds even if the server does not mention it
  agreed.client_no_context_takeover |= offered->client_no_context_takeover;
  agreed.client_max_window_bits = smaller(answer.client_max_window_bits, offered->client_max_window_bits);
  return agreed;
}

}  // namespace websocket
