// Where a message ends: the most attacked page of the specification (RFC 9112 §6, §7). Two programs that disagree
// about it read different requests from the same bytes; that is called request smuggling.
#pragma once
#include "http1/message.hpp"
#include "wire/bytes.hpp"

#include <cstdint>
#include <optional>

namespace http1 {

struct Framing {
  enum class Kind {
    none,         // no content follows
    length,       // Content-Length bytes
    chunked,      // chunks, each with its own length; the empty one is the last
    until_close,  // responses only: whatever comes until the connection ends
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // of Kind::length
};

// RFC 9112 §6.3. A request whose length is in doubt is an Error, 400 or 501.
wire::Result<Framing> framing_of(const Request& request);
wire::Result<Framing> framing_of(const Response& response, std::string_view request_method);

// The number in Content-Length, if there is one. Two of them, a list, a sign or anything else but digits: an Error.
wire::Result<std::optional<std::uint64_t>> content_length(const Fields& fields);

// chunk-size [ chunk-ext ] CRLF (RFC 9112 §7.1). Extensions are checked and ignored.
constexpr std::size_t max_chunk_line = 1024;  // and see Limits::chunk_extensions
wire::Result<std::uint64_t> decode_chunk_size(wire::Reader& in);

void encode_chunk(wire::Writer& out, wire::Bytes data);  // never empty: that would be the last chunk
void encode_last_chunk(wire::Writer& out, const Fields& trailers);

}  // namespace http1
