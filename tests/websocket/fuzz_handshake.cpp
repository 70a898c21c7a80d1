// The opening handshake from both ends. The input is lines: a method, a target, and fields, of a request and of a
// response. Whatever a server agrees to, a client with the same offer accepts, and both hold the same to be agreed.
#include "http1/head.hpp"
#include "websocket/handshake.hpp"

#include <cstdlib>

namespace {

using websocket::Agreement;
using websocket::DeflateParameters;

const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";

void check(bool invariant) {
  if (!invariant) std::abort();
}

bool same(const Agreement& a, const Agreement& b) {
  if (a.subprotocol != b.subprotocol || a.deflate.has_value() != b.deflate.has_value()) return false;
  return !a.deflate || deflate_answer(*a.deflate) == deflate_answer(*b.deflate);
}

bool in_range(const std::optional<int>& bits) { return !bits || (*bits >= 8 && *bits <= 15); }

// The fields of these lines that could have been on the wire.
http1::Fields fields_of(std::string_view text) {
  http1::Fields fields;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto colon = line.find(':');
    if (colon == line.npos || !http1::is_token(line.substr(0, colon)) || line.find_first_of("\r\0") != line.npos)
      continue;
    fields.add(std::string(line.substr(0, colon)), std::string(http1::trimmed(line.substr(colon + 1))));
  }
  return fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const http1::Fields given = fields_of(text);
  const websocket::Policy policies[] = {{.subprotocols = {"a", "b"}},
                                        {.deflate = DeflateParameters{true, true, 9, 10}, .origins = {"*"}},
                                        {.deflate = {}, .origins = {"http://a"}}};
  // As a server: any request.
  for (const auto& policy : policies) {
    const websocket::Answer answer = answer_request({"GET", "/", 1, given}, policy);
    check(answer.agreement.has_value() == (answer.response.status == 101));
    if (!answer.agreement || !answer.agreement->deflate) continue;
    const DeflateParameters& agreed = *answer.agreement->deflate;
    check(policy.deflate && in_range(agreed.server_max_window_bits) && in_range(agreed.client_max_window_bits));
    check(agreed.server_max_window_bits.value_or(15) <= policy.deflate->server_max_window_bits.value_or(15));
    const auto echoed = websocket::parse_extensions(answer.response.fields);
    check(echoed && echoed->size() == 1);
  }
  // As a client: any response.
  const websocket::Offer offers[] = {
      {.subprotocols = {"b", "a"}}, {.deflate = DeflateParameters{true, true, 12, 11}}, {.deflate = {}}};
  for (const auto& offer : offers) {
    const auto agreement = check_response({101, {}, 1, given}, offer, key);
    if (agreement && agreement->deflate) check(offer.deflate.has_value());
    // And a server and a client that mean well, whose offer has the given fields, too.
    websocket::Offer more = offer;
    for (const auto& field : given)
      if (http1::equal_ignoring_case(field.name, "Sec-WebSocket-Extensions")) more.fields.add(field.name, field.value);
    const auto url = websocket::parse_url("ws://a/");
    for (const auto& policy : policies) {
      const auto answer = answer_request(handshake_request(*url, more, key), policy);
      if (!answer.agreement) continue;
      const auto understood = check_response(answer.response, offer, key);
      if (more.fields.begin() == more.fields.end()) check(understood && same(*understood, *answer.agreement));
    }
  }
  (void)websocket::parse_url(text.substr(0, text.find('\n')));
  return 0;
}
