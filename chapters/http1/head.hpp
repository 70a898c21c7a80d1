// The head of a message as bytes. That is our one word for what RFC 9112 §2.1 calls the start-line, the header section
// and the empty line behind them.
//
//     GET /hello HTTP/1.1\r\n        request-line: method, target, version; one space between them
//     Host: 127.0.0.1\r\n            field line: name, colon, value; white space around the value does not count
//     \r\n                           an empty line ends the head
//
// The decoders are strict where leniency has been used to smuggle requests: lines end in CRLF and in nothing else, no
// space before the colon, no folded lines in requests, no control characters. An Error's wire_code is the status code
// that a server answers with.
#pragma once
#include "http1/message.hpp"
#include "wire/bytes.hpp"

namespace http1 {

// A message with more is refused with 431. Apache stops at as many.
constexpr std::size_t max_fields = 100;

wire::Result<Request> decode_request(wire::Reader& in);
void encode(wire::Writer& out, const Request& request);

wire::Result<Response> decode_response(wire::Reader& in);
void encode(wire::Writer& out, const Response& response);

// The field lines after the last chunk (RFC 9112 §7.1.2), which look the same.
wire::Result<Fields> decode_trailers(wire::Reader& in, bool may_fold);
void encode_fields(wire::Writer& out, const Fields& fields);  // with the empty line

bool is_token(std::string_view text);  // RFC 9110 §5.6.2: methods and field names are made of these characters

}  // namespace http1
