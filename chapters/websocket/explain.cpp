#include "websocket/explain.hpp"

#include "http1/explain.hpp"
#include "websocket/connection.hpp"
#include "websocket/extensions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace websocket {

using wire::Buffer;
using wire::Bytes;
using wire::Form;
using wire::Said;
using wire::Side;

namespace {

// Compressed messages are shown as they are. What they would unfold to is nothing to check.
class Folded : public Compression {
 public:
  Buffer compress(Bytes, bool) override { return {}; }
  wire::Result<Buffer> decompress(Bytes, bool, std::uint64_t) override { return Buffer(); }
};

MaskingKey any_key() { return {}; }

Settings settings(Side side, bool compressed) {
  Settings settings;
  settings.limits.message = std::numeric_limits<std::uint64_t>::max();
  settings.limits.in_pieces = true;  // nobody reads them
  if (compressed) settings.compression = std::make_unique<Folded>();
  if (side == Side::client) settings.new_masking_key = any_key;
  return settings;
}

class Listener : public wire::Listener {
 public:
  using wire::Listener::Listener;

  void frame(wire::Direction direction, std::string_view title, Bytes bytes, const wire::Trace& trace) override {
    if (direction == wire::Direction::received) {
      if (title.contains("frame")) begin_frame(bytes);
      else missing_ -= std::min<std::uint64_t>(missing_, bytes.size());
    }
    wire::Listener::frame(direction, title, bytes, trace);
  }

  void end(Bytes waiting) {
    if (!waiting.empty()) show("not complete", waiting);
    else if (missing_ > 0)
      refuse({wire::Errc::truncated, fmt::format("Payload Data needs {} more bytes", missing_), 0});
  }

 private:
  void begin_frame(Bytes bytes) {
    begin_message();
    wire::Reader in(bytes);
    const wire::Result<FrameHeader> header = decode_header(in);
    missing_ = header ? header->payload_length - in.left() : 0;
  }

  std::uint64_t missing_ = 0;  // of the present frame's payload
};

// One side of the conversation: the machine that hears it, as the other side.
class Ear {
 public:
  Ear(std::string& out, Side speaker, Form form, bool compressed)
      : listener_(out, speaker, form), machine_(other(speaker), settings(other(speaker), compressed)) {}

  void hear(Bytes bytes) {
    if (machine_.closed()) return listener_.show("after the end", bytes);
    machine_.observe(&listener_);
    machine_.receive(bytes, {});
    while (auto event = machine_.poll({}))
      if (const auto* failed = std::get_if<Failed>(&*event)) listener_.refuse(failed->error);
    (void)machine_.take_output();  // its answers are no part of the conversation
    if (machine_.closed() && !machine_.unread().empty()) listener_.show("after the end", machine_.unread());
  }
  void end() {
    if (!machine_.closed()) listener_.end(machine_.unread());
  }

 private:
  static Side other(Side side) { return side == Side::client ? Side::server : Side::client; }

  Listener listener_;
  Connection machine_;
};

std::string explain_frames(std::string text, std::span<const Said> conversation, Form form, bool compressed) {
  Ear client(text, Side::client, form, compressed), server(text, Side::server, form, compressed);
  for (const Said& said : conversation) (said.by_client ? client : server).hear(said.bytes);
  client.end();
  server.end();
  return text;
}

std::string show_unknown(std::string text, std::span<const Said> conversation, Form form) {
  for (const Said& said : conversation)
    wire::Listener(text, said.by_client ? Side::client : Side::server, form).show("the next protocol", said.bytes);
  return text;
}

// A method or "HTTP/": no frame begins with three capital letters, except by a rare chance.
bool begins_http(Bytes bytes) {
  const auto is_capital = [](std::uint8_t byte) { return byte >= 'A' && byte <= 'Z'; };
  return bytes.size() >= 3 && std::ranges::all_of(bytes.first(3), is_capital);
}

bool names_websocket(const http1::Switched& switched) {
  const http1::Fields* fields = switched.response  ? &switched.response->fields
                                : switched.request ? &switched.request->fields
                                                   : nullptr;
  return fields && fields->list_has("Upgrade", "websocket");
}

// Whether messages may be compressed. If nobody heard the answer, they may.
bool may_be_compressed(const http1::Switched& switched) {
  if (!switched.response) return true;
  const auto extensions = parse_extensions(switched.response->fields);
  const auto is_deflate = [](const Extension& extension) { return extension.name == "permessage-deflate"; };
  return extensions && std::ranges::any_of(*extensions, is_deflate);
}

}  // namespace

std::string explain(std::span<const Said> conversation, Form form) {
  if (!conversation.empty() && !begins_http(conversation.front().bytes))
    return explain_frames({}, conversation, form, true);
  std::optional<http1::Switched> switched;
  std::string text = http1::explain(conversation, form, switched);
  if (!switched) return text;
  if (!names_websocket(*switched)) return show_unknown(std::move(text), switched->rest, form);
  return explain_frames(std::move(text), switched->rest, form, may_be_compressed(*switched));
}

std::string explain(Bytes bytes, Form form) {
  const bool masked = bytes.size() >= min_header_size && (bytes[1] & 0x80);
  const bool by_client = begins_http(bytes) ? !wire::as_text(bytes).starts_with("HTTP/") : masked;
  const Said said{by_client, Buffer(bytes.begin(), bytes.end())};
  return explain(std::span(&said, 1), form);
}

}  // namespace websocket
