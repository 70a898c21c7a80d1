// Heads, of requests and of responses. What is accepted can be written, and is then read as the same; and a head reads
// the same with a trace and without, every byte explained once.
#include "heard.hpp"

#include "http1/head.hpp"

#include <cstdlib>

namespace {

void check(bool invariant) {
  if (!invariant) std::abort();
}

template <class Head>
void check_head(wire::Bytes bytes, wire::Result<Head> (*decode)(wire::Reader&)) {
  wire::Trace trace;
  wire::Reader plain(bytes), traced(bytes, &trace);
  const auto head = decode(plain);
  const auto same = decode(traced);
  check(head.has_value() == same.has_value());
  if (!head) return check(to_string(head.error()) == to_string(same.error()));
  check(heard::show(*head) == heard::show(*same));
  std::size_t covered = 0;
  for (const auto& field : trace.fields) {
    check(field.offset == covered);
    std::size_t parts = 0;  // a line is taken apart without a rest
    for (const auto& part : field.parts) {
      check(part.offset == covered + parts);
      parts += part.size;
    }
    check(field.parts.empty() || parts == field.size);
    covered += field.size;
  }
  check(covered == plain.offset());

  wire::Buffer out;
  wire::Writer writer(out);
  encode(writer, *head);
  wire::Reader again(out);
  auto decoded = decode(again);
  check(decoded && again.left() == 0);
  decoded->minor_version = head->minor_version;  // a later one is written as 1.1, the highest that we speak
  if constexpr (std::is_same_v<Head, http1::Response>)
    if (head->reason.empty()) decoded->reason.clear();  // an empty one is written as the standard phrase
  check(heard::show(*decoded) == heard::show(*head));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_head<http1::Request>({data, size}, http1::decode_request);
  check_head<http1::Response>({data, size}, http1::decode_response);
  return 0;
}
