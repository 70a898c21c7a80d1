#include "websocket/client.hpp"

#include "websocket/deflate.hpp"

#include <openssl/rand.h>

namespace websocket {

namespace {

// RFC 6455 §10.3: nobody may be able to guess the next key. Random numbers are had by the hundred, since each call to
// their generator costs as much as a short message.
MaskingKey random_masking_key() {
  static thread_local std::array<MaskingKey, 256> keys;
  static thread_local std::size_t used = keys.size();
  if (used == keys.size()) {
    if (RAND_bytes(keys.data()->data(), sizeof keys) != 1) throw std::runtime_error("no random numbers");
    used = 0;
  }
  return keys[used++];
}

std::string example_handshake_key() { return "dGhlIHNhbXBsZSBub25jZQ=="; }
MaskingKey example_masking_key() { return {0x37, 0xfa, 0x21, 0x3d}; }

}  // namespace

const Keys random_keys = {new_key, random_masking_key};
const Keys example_keys = {example_handshake_key, example_masking_key};

// region open
wire::awaitable<wire::Result<Opened>> open(std::string url, ClientOptions options) {
  const wire::Result<http1::Url> where = parse_url(url);
  if (!where) co_return std::unexpected(where.error());
  const bool secure = where->scheme == "https";
  if (secure && !options.tls) throw wire::UsageError("wss needs a TLS context");
  asio::ssl::context* tls = secure ? options.tls : nullptr;
  auto stream = co_await wire::connect(where->host, where->port, tls);
  if (!stream) co_return wire::failure(wire::Errc::truncated, where->authority() + ": " + to_string(stream.error()));

  http1::Client http(std::move(*stream), options.link);
  const std::string key = options.keys.handshake();
  const http1::Request request = handshake_request(*where, options.offer, key);
  const wire::Result<http1::Response> response = co_await http.send(request);
  if (!response) co_return std::unexpected(response.error());
  const wire::Result<Agreement> agreement = check_response(*response, options.offer, key);
  if (!agreement) co_return std::unexpected(agreement.error());

  Settings settings{.limits = options.limits, .new_masking_key = options.keys.masking};
  if (agreement->deflate) settings.compression = std::make_unique<Deflate>(wire::Side::client, *agreement->deflate);
  wire::Stream taken = co_await http.upgrade();
  Connection connection(wire::Side::client, std::move(settings));
  Opened opened{Link(std::move(taken), std::move(connection), options.link), *agreement};
  co_return opened;
}
// endregion

}  // namespace websocket
