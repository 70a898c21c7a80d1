// Targets, URLs, references and percent-encoding. What is accepted is harmless in a request-line and in Host, and
// stands for the same when it is parsed again.
#include "http1/head.hpp"
#include "http1/target.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

void check(bool invariant) {
  if (!invariant) std::abort();
}

void check_url(const wire::Result<http1::Url>& url) {
  if (!url) return;
  check(!url->host.empty() && url->port != 0 && url->target.starts_with('/'));
  const std::string text = url->scheme + "://" + url->authority() + url->target;
  check(std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; }));
  const auto again = http1::parse_url(text);
  check(again && again->scheme + "://" + again->authority() + again->target == text);
  // Our own server takes what our own client makes of it; a stray "%" is sent as it was given, and refused.
  const auto target = http1::parse_target({"GET", url->target, 1, {{"Host", url->authority()}}});
  check(target || !http1::percent_decode(url->target));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* method : {"GET", "CONNECT", "OPTIONS"}) {
    const auto target = http1::parse_target({method, text, 1, {{"Host", "a"}}});
    if (target) check(!target->authority.empty());
  }
  (void)http1::parse_target({"GET", "/", 1, {{"Host", text}}});

  check_url(http1::parse_url(text));
  const http1::Url base{"https", "example.org", 8443, "/a/b/c?d"};
  const auto resolved = http1::resolve(base, text);
  check_url(resolved);
  if (resolved) {  // no way out of the root
    const std::string path = resolved->target.substr(0, resolved->target.find('?')) + "/";
    if (text.find("://") == std::string::npos && !text.starts_with("//")) check(path.find("/../") == std::string::npos);
  }

  if (const auto decoded = http1::percent_decode(text)) {
    check(decoded->size() <= text.size());
    if (text.find('\0') == std::string::npos) check(decoded->find('\0') == std::string::npos);
  }
  return 0;
}
