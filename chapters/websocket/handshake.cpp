#include "websocket/handshake.hpp"

#include "http1/framing.hpp"
#include "http1/head.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace websocket {

using http1::equal_ignoring_case;
using http1::Fields;
using http1::Request;
using http1::Response;
using wire::Bytes;
using wire::Errc;
using wire::Result;

namespace {

constexpr std::string_view version = "13";  // the only one that was ever standardized

std::string base64(Bytes bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  return text;
}

// RFC 6455 §4.2.1: base64 of 16 bytes: 22 characters and two of padding.
bool is_key(std::string_view key) {
  std::array<std::uint8_t, 18> decoded{};
  const auto* text = reinterpret_cast<const unsigned char*>(key.data());
  if (key.size() != 24 || !key.ends_with("==")) return false;
  if (EVP_DecodeBlock(decoded.data(), text, static_cast<int>(key.size())) != static_cast<int>(decoded.size()))
    return false;
  return base64(Bytes(decoded).first(16)) == key;  // EVP_DecodeBlock is lenient: white space, stray bits
}

}  // namespace

// region accept
std::string accept_key(std::string_view key) {
  // region accept-key
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
  const std::string joined = std::string(key) + std::string(guid);
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(wire::as_bytes(joined).data(), joined.size(), digest.data());
  return base64(digest);
  // endregion
}
// endregion

std::string new_key() {
  std::array<std::uint8_t, 16> nonce;
  if (RAND_bytes(nonce.data(), nonce.size()) != 1) throw std::runtime_error("no random numbers");
  return base64(nonce);
}

// ---- the client's half -----------------------------------------------------------------------------------------

Result<http1::Url> parse_url(std::string_view text) {
  if (text.contains('#')) return wire::failure(Errc::malformed, "a WebSocket URL has no fragment");
  const auto scheme = text.substr(0, std::min(text.find("://"), text.size()));
  const bool secure = equal_ignoring_case(scheme, "wss");
  if (!secure && !equal_ignoring_case(scheme, "ws"))
    return wire::failure(Errc::malformed, "a WebSocket URL begins with ws:// or wss://");
  return http1::parse_url((secure ? "https" : "http") + std::string(text.substr(scheme.size())));
}

namespace {

// RFC 6455 §4.1: each is a token, and none stands there twice.
void check_subprotocols(const std::vector<std::string>& names) {
  for (auto name = names.begin(); name != names.end(); ++name)
    if (!http1::is_token(*name) || std::find(names.begin(), name, *name) != name)
      throw wire::UsageError("no name for a subprotocol, or one that comes twice: \"" + *name + '"');
}

}  // namespace

// region handshake-request
Request handshake_request(const http1::Url& url, const Offer& offer, std::string_view key) {
  Request request{"GET", url.target, 1, {{"Host", url.authority()}}};
  // region client-request
  request.fields.add("Upgrade", "websocket");
  request.fields.add("Connection", "Upgrade");
  request.fields.add("Sec-WebSocket-Key", std::string(key));
  request.fields.add("Sec-WebSocket-Version", std::string(version));
  // endregion
  check_subprotocols(offer.subprotocols);
  if (!offer.subprotocols.empty())
    request.fields.add("Sec-WebSocket-Protocol", fmt::format("{}", fmt::join(offer.subprotocols, ", ")));
  if (offer.deflate) request.fields.add("Sec-WebSocket-Extensions", deflate_offer(*offer.deflate));
  for (const http1::Field& field : offer.fields) request.fields.add(field.name, field.value);
  return request;
}
// endregion

// region check-response
Result<Agreement> check_response(const Response& response, const Offer& offer, std::string_view key) {
  const auto refused = [](std::string what) { return wire::failure(Errc::unexpected, std::move(what)); };
  const Fields& fields = response.fields;
  // region client-check
  if (response.status != 101)
    return refused(fmt::format("the server answered {} {}", response.status, http1::reason_phrase(response.status)));
  const std::string* upgrade = fields.find("Upgrade");
  if (!upgrade || !equal_ignoring_case(*upgrade, "websocket")) return refused("Upgrade is not \"websocket\"");
  if (!fields.list_has("Connection", "upgrade")) return refused("Connection does not say \"Upgrade\"");
  const std::string* accept = fields.find("Sec-WebSocket-Accept");
  if (!accept || *accept != accept_key(key)) return refused("Sec-WebSocket-Accept does not fit the key");
  // endregion
  for (const std::string_view name : {"Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"})
    if (fields.count(name) > 1) return refused(std::string(name) + " comes twice");
  Agreement agreement;
  if (const std::string* chosen = fields.find("Sec-WebSocket-Protocol")) {
    if (std::ranges::find(offer.subprotocols, *chosen) == offer.subprotocols.end())
      return refused("the server chose a subprotocol that was not offered: " + *chosen);
    agreement.subprotocol = *chosen;
  }
  const auto extensions = parse_extensions(fields);
  if (!extensions) return std::unexpected(extensions.error());
  const auto deflate = check_deflate(*extensions, offer.deflate);
  if (!deflate) return std::unexpected(deflate.error());
  agreement.deflate = *deflate;
  return agreement;
}
// endregion

// ---- the server's half -----------------------------------------------------------------------------------------

namespace {

Answer refusal(int status, std::string_view why, Fields fields = {}) {
  fields.add("Content-Type", "text/plain");
  return {{status, {}, 1, std::move(fields)}, fmt::format("{}\n", why), {}};
}

// RFC 9110 §15.5.22: how this resource is to be asked for.
Answer upgrade_required(std::string_view why) {
  return refusal(
      426, why, {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", std::string(version)}});
}

// region origin
// RFC 6455 §10.2: a browser lets any page connect anywhere, with the user's cookies, but says on whose behalf.
bool is_welcome(const Request& request, const Policy& policy) {
  const std::string* origin = request.fields.find("Origin");
  if (!origin) return true;
  const auto is_it = [&](const std::string& each) { return each == "*" || equal_ignoring_case(each, *origin); };
  if (std::ranges::any_of(policy.origins, is_it)) return true;
  const std::string* host = request.fields.find("Host");
  const auto authority = origin->find("://");
  return host && authority != origin->npos && equal_ignoring_case(origin->substr(authority + 3), *host);
}
// endregion

}  // namespace

// region answer-request
Answer answer_request(const Request& request, const Policy& policy) {
  const Fields& fields = request.fields;
  // RFC 9110 §7.8: Upgrade counts only with Connection, and not in HTTP/1.0.
  const bool asks = fields.list_has("Upgrade", "websocket") && fields.list_has("Connection", "upgrade");
  if (request.method != "GET" || request.minor_version == 0 || !asks)
    return upgrade_required("This resource speaks WebSocket.");
  for (const std::string_view name : {"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Origin"})
    if (fields.count(name) > 1) return refusal(400, fmt::format("{} comes twice.", name));
  const std::string* asked = fields.find("Sec-WebSocket-Version");
  if (!asked)
    return refusal(400, "Sec-WebSocket-Version is missing.", {{"Sec-WebSocket-Version", std::string(version)}});
  if (*asked != version) return upgrade_required("Sec-WebSocket-Version is not 13.");  // RFC 6455 §4.4
  const std::string* key = fields.find("Sec-WebSocket-Key");
  if (!key || !is_key(*key)) return refusal(400, "Sec-WebSocket-Key is missing, or not 16 bytes in base64.");
  const auto framing = http1::framing_of(request);
  if (!framing || framing->kind != http1::Framing::Kind::none) return refusal(400, "A handshake has no content.");
  if (!is_welcome(request, policy)) return refusal(403, "Pages of this origin may not connect.");
  const auto offers = parse_extensions(fields);
  if (!offers) return refusal(400, offers.error().detail);

  Answer answer{{101, {}, 1, {}}, {}, Agreement{}};
  Fields& response = answer.response.fields;
  response = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", accept_key(*key)}};
  for (const std::string& each : fields.list("Sec-WebSocket-Protocol")) {
    if (std::ranges::find(policy.subprotocols, each) == policy.subprotocols.end()) continue;
    response.add("Sec-WebSocket-Protocol", answer.agreement->subprotocol = each);
    break;
  }
  if (policy.deflate) answer.agreement->deflate = accept_deflate(*offers, *policy.deflate);
  if (answer.agreement->deflate) response.add("Sec-WebSocket-Extensions", deflate_answer(*answer.agreement->deflate));
  return answer;
}
// endregion

}  // namespace websocket
