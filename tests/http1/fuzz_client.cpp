// A client under any bytes, after a request that the first byte of the input chooses: the same is heard whether they
// come at once or byte by byte, and nothing is said in return.
#include "heard.hpp"

#include <cstdlib>

namespace {

void check(bool invariant) {
  if (!invariant) std::abort();
}

const http1::Limits limits{.request_line = 200, .head = 400, .content = 1000};
const http1::Request requests[] = {
    {"GET", "/", 1, {{"Host", "a"}}},
    {"HEAD", "/", 1, {{"Host", "a"}}},
    {"GET", "/", 0, {}},
    {"GET", "/", 1, {{"Host", "a"}, {"Connection", "upgrade"}, {"Upgrade", "x"}}},
    {"GET", "/", 1, {{"Host", "a"}, {"Connection", "close"}}},
    {"PUT", "/", 1, {{"Host", "a"}, {"Content-Length", "5"}}},  // whose content never comes
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const http1::Request& request = requests[data[0] % std::size(requests)];
  const wire::Bytes whole(data + 1, size - 1);
  std::vector<wire::Bytes> bytes;
  for (std::size_t i = 0; i < whole.size(); ++i) bytes.push_back(whole.subspan(i, 1));
  const wire::Bytes once[] = {whole};
  heard::Heard at_once = heard::by_client(once, heard::Then::eof, request, limits);
  heard::Heard by_byte = heard::by_client(bytes, heard::Then::eof, request, limits);

  // Bytes behind the answer end the connection; whether they are called a failure depends on when they came.
  const std::string_view surplus = "failed 0 unexpected: a response that nobody asked for\n";
  for (heard::Heard* heard : {&at_once, &by_byte}) {
    if (heard->events.ends_with(surplus)) heard->events.resize(heard->events.size() - surplus.size());
    heard->keep_alive = false;
  }
  // Of content that ends with the connection, and is too long, the one may have heard more than the other.
  if (at_once.events.find("too large: content") == std::string::npos) check(at_once == by_byte);
  check(at_once.output.empty());
  return 0;
}
