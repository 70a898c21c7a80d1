// Everything that reads the value of a field: conditions, ranges, weights, dates and lists. The first line of the input
// is the value of each in turn.
#include "http1/conditional.hpp"
#include "http1/date.hpp"
#include "http1/framing.hpp"

#include <cstdlib>

namespace {

void check(bool invariant) {
  if (!invariant) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string value(reinterpret_cast<const char*>(data), size);
  const http1::Validators current{"\"v2\"", 784'111'777};
  const http1::Validators nothing{};

  for (const char* name : {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}) {
    check_preconditions({{name, value}}, current);
    check_preconditions({{name, value}}, nothing);
  }
  for (const std::uint64_t length : {0ull, 1ull, 10'000ull, ~0ull}) {
    for (const http1::Fields& fields :
         {http1::Fields{{"Range", value}}, http1::Fields{{"Range", "bytes=0-0"}, {"If-Range", value}}}) {
      const http1::RangeAnswer answer = check_range(fields, current, length);
      check(answer.satisfiable || !answer.range);
      if (!answer.range) continue;
      check(answer.range->length > 0 && answer.range->first < length);
      check(answer.range->length <= length - answer.range->first);
    }
  }
  http1::accepts_coding({{"Accept-Encoding", value}}, "gzip");

  const http1::Fields list{{"X", value}};
  std::size_t total = 0;
  for (const std::string& member : list.list("X")) {
    check(!member.empty() && list.list_has("X", member));
    total += member.size();
  }
  check(total <= size);

  if (const auto date = http1::parse_date(value); date && *date >= 0 && *date < 253'402'300'800)  // up to the year 9999
    check(http1::parse_date(http1::format_date(*date)) == date);
  (void)http1::content_length({{"Content-Length", value}});
  (void)framing_of(http1::Request{"POST", "/", 1, {{"Transfer-Encoding", value}}});
  return 0;
}
