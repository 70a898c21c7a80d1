// Conditional requests, ranges and codings: RFC 9110 §13, §14, §12.5.3.
#include "support/catch.hpp"

#include "http1/conditional.hpp"
#include "http1/date.hpp"

#include <fmt/format.h>

using http1::Fields;
using http1::Precondition;
using http1::Validators;

namespace {

const char* before = "Sun, 06 Nov 1994 08:49:36 GMT";
const char* at = "Sun, 06 Nov 1994 08:49:37 GMT";
const char* after = "Sun, 06 Nov 1994 08:49:38 GMT";
const Validators current{"\"v2\"", http1::parse_date(at)};
const Validators weak{"W/\"v2\"", http1::parse_date(at)};
const Validators nothing{};

int status(const Fields& request, const Validators& validators = current) {
  switch (check_preconditions(request, validators)) {
    case Precondition::proceed: return 200;
    case Precondition::not_modified: return 304;
    case Precondition::failed: return 412;
  }
  return 0;
}

}  // namespace

TEST_CASE("If-None-Match: weak comparison") {  // RFC 9110 §13.1.2, §8.8.3.2
  CHECK(status({{"If-None-Match", "\"v2\""}}) == 304);
  CHECK(status({{"If-None-Match", "\"v1\""}}) == 200);
  CHECK(status({{"If-None-Match", "\"v1\", W/\"v2\""}}) == 304);
  CHECK(status({{"If-None-Match", "\"v1\""}, {"If-None-Match", "\"v2\""}}) == 304);
  CHECK(status({{"If-None-Match", "\"v2\""}}, weak) == 304);
  CHECK(status({{"If-None-Match", "*"}}) == 304);
  CHECK(status({{"If-None-Match", "v2"}}) == 200);      // no quotes: no entity-tag
  CHECK(status({{"If-None-Match", "\"V2\""}}) == 200);  // case matters
  CHECK(status({{"If-None-Match", "w/\"v2\""}}) == 200);
  CHECK(status({{"If-None-Match", "\"a,\\\"v2\""}}) == 200);
  CHECK(status({{"If-None-Match", "\"\""}}, nothing) == 200);
}

TEST_CASE("If-Match: strong comparison") {  // RFC 9110 §13.1.1
  CHECK(status({{"If-Match", "\"v2\""}}) == 200);
  CHECK(status({{"If-Match", "\"v1\""}}) == 412);
  CHECK(status({{"If-Match", "\"v1\", \"v2\""}}) == 200);
  CHECK(status({{"If-Match", "W/\"v2\""}}) == 412);
  CHECK(status({{"If-Match", "\"v2\""}}, weak) == 412);
  CHECK(status({{"If-Match", "W/\"v2\""}}, weak) == 412);  // not even with itself
  CHECK(status({{"If-Match", "*"}}) == 200);
  CHECK(status({{"If-Match", ""}}) == 412);
}

TEST_CASE("If-Modified-Since") {  // RFC 9110 §13.1.3
  CHECK(status({{"If-Modified-Since", before}}) == 200);
  CHECK(status({{"If-Modified-Since", at}}) == 304);
  CHECK(status({{"If-Modified-Since", after}}) == 304);
  CHECK(status({{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}) == 304);
  CHECK(status({{"If-Modified-Since", "yesterday"}}) == 200);  // must be ignored
  CHECK(status({{"If-Modified-Since", at}}, nothing) == 200);
}

TEST_CASE("If-Unmodified-Since") {  // RFC 9110 §13.1.4
  CHECK(status({{"If-Unmodified-Since", before}}) == 412);
  CHECK(status({{"If-Unmodified-Since", at}}) == 200);
  CHECK(status({{"If-Unmodified-Since", after}}) == 200);
  CHECK(status({{"If-Unmodified-Since", "tomorrow"}}) == 200);
  CHECK(status({{"If-Unmodified-Since", before}}, nothing) == 200);
}

TEST_CASE("the order of preconditions") {  // RFC 9110 §13.2.2
  // Step 1, If-Match, decides before and instead of step 2, If-Unmodified-Since.
  CHECK(status({{"If-Unmodified-Since", before}, {"If-Match", "\"v2\""}}) == 200);
  CHECK(status({{"If-Unmodified-Since", after}, {"If-Match", "\"v1\""}}) == 412);
  // Step 3, If-None-Match, decides before and instead of step 4, If-Modified-Since.
  CHECK(status({{"If-Modified-Since", after}, {"If-None-Match", "\"v1\""}}) == 200);
  CHECK(status({{"If-Modified-Since", before}, {"If-None-Match", "\"v2\""}}) == 304);
  // A failure of the first two comes before anything that the last two may say, and their success does not.
  CHECK(status({{"If-None-Match", "\"v2\""}, {"If-Match", "\"v1\""}}) == 412);
  CHECK(status({{"If-None-Match", "\"v2\""}, {"If-Match", "\"v2\""}}) == 304);
  CHECK(status({{"If-None-Match", "\"v2\""}, {"If-Unmodified-Since", before}}) == 412);
  CHECK(status({{"If-Modified-Since", at}, {"If-Unmodified-Since", at}}) == 304);
  CHECK(status({}) == 200);
}

// ---- ranges ----------------------------------------------------------------------------------------------------

namespace {

// Of 10,000 bytes, as in the RFC's examples: "first-last", "whole" or "416".
std::string part(const Fields& request, std::uint64_t size = 10'000, const Validators& validators = current) {
  const http1::RangeAnswer answer = check_range(request, validators, size);
  if (!answer.satisfiable) return "416";
  if (!answer.range) return "whole";
  return fmt::format("{}-{}", answer.range->first, answer.range->first + answer.range->length - 1);
}
std::string part(const char* range, std::uint64_t size = 10'000) { return part(Fields{{"Range", range}}, size); }

}  // namespace

TEST_CASE("ranges: the examples of RFC 9110 §14.1.2") {
  CHECK(part("bytes=0-499") == "0-499");
  CHECK(part("bytes=500-999") == "500-999");
  CHECK(part("bytes=-500") == "9500-9999");
  CHECK(part("bytes=9500-") == "9500-9999");
  CHECK(part("bytes=0-0,-1") == "whole");  // several: we may send all, and do
  CHECK(part("bytes= 0-999, 4500-5499, -1000") == "whole");
}

TEST_CASE("ranges: their edges") {
  CHECK(part("bytes=0-0") == "0-0");
  CHECK(part("bytes=9999-9999") == "9999-9999");
  CHECK(part("bytes=9999-") == "9999-9999");
  CHECK(part("bytes=0-9999") == "0-9999");
  CHECK(part("bytes=0-10000") == "0-9999");  // more than there is: to the end
  CHECK(part("bytes=0-18446744073709551615") == "0-9999");
  CHECK(part("bytes=10000-") == "416");
  CHECK(part("bytes=10000-10001") == "416");
  CHECK(part("bytes=18446744073709551615-") == "416");
  CHECK(part("bytes=-1") == "9999-9999");
  CHECK(part("bytes=-10000") == "0-9999");
  CHECK(part("bytes=-10001") == "0-9999");
  CHECK(part("bytes=-0") == "416");
  CHECK(part("BYTES=0-0") == "0-0");  // RFC 9110 §14.1: range units ignore case
  CHECK(part("bytes=0-", 0) == "416");
  CHECK(part("bytes=0-0", 1) == "0-0");
}

TEST_CASE("ranges that make no sense are ignored") {  // RFC 9110 §14.2
  CHECK(part(Fields{}) == "whole");
  for (const char* range :
       {"",           "bytes",       "bytes=",    "bytes=-",    "bytes=5",     "bytes=5-4",     "bytes=a-b",
        "bytes=1-b",  "bytes=a-1",   "bytes=--5", "bytes=-5-",  "bytes=1-2-3", "bytes=0x1-0x2", "bytes 0-1",
        "bytes=+1-2", "bytes=1 - 2", "lines=0-1", "bytes=0-1;", "byte=0-1",    "bytes==0-1"}) {
    INFO(range);
    CHECK(part(range) == "whole");
  }
}

TEST_CASE("If-Range: the part only of the version that the client has") {  // RFC 9110 §13.1.5
  const auto with = [](const char* if_range, const Validators& validators = current) {
    return part(Fields{{"Range", "bytes=0-499"}, {"If-Range", if_range}}, 10'000, validators);
  };
  CHECK(with("\"v2\"") == "0-499");
  CHECK(with("\"v1\"") == "whole");
  CHECK(with("W/\"v2\"") == "whole");  // weak is not enough
  CHECK(with("W/\"v2\"", weak) == "whole");
  CHECK(with("\"v2\"", weak) == "whole");
  CHECK(with(at) == "whole");  // within its second the file may have changed twice: §8.8.2.2
  CHECK(with(before) == "whole");
  CHECK(with(after) == "whole");  // exactly that one: not "since"
  CHECK(with("nonsense") == "whole");
  CHECK(with(at, nothing) == "whole");
  CHECK(with("\"\"", nothing) == "whole");
  // A range that could not be satisfied is no error either, if it is of another version.
  CHECK(part(Fields{{"Range", "bytes=99999-"}, {"If-Range", "\"v1\""}}) == "whole");
}

// ---- codings ---------------------------------------------------------------------------------------------------

TEST_CASE("Accept-Encoding, with its weights") {  // RFC 9110 §12.5.3, §12.4.2
  struct {
    const char* accept;
    bool gzip;
  } const cases[] = {
      {"gzip", true},
      {"deflate, gzip", true},
      {"GZip", true},
      {"gzip;q=1", true},
      {"gzip;q=0.5, br;q=1.0", true},  // may be sent, whatever is liked better
      {"gzip;q=0.001", true},
      {"gzip;q=0", false},
      {"gzip;q=0.", false},
      {"gzip;q=0.000", false},
      {"gzip ; q=0", false},
      {"gzip;Q=0", false},
      {"gzip; q=0.0, br", false},
      {"*", true},
      {"*;q=0", false},
      {"br, *;q=0.1", true},
      {"gzip;q=0, *", false},  // named is named
      {"*, gzip;q=0", false},
      {"*;q=0, gzip", true},
      {"br", false},
      {"identity", false},
      {"xgzip", false},
      {"gzipx", false},
      {"", false},
      {",", false},
  };
  for (const auto& [accept, gzip] : cases) {
    INFO("[" << accept << "]");
    CHECK(http1::accepts_coding({{"Accept-Encoding", accept}}, "gzip") == gzip);
  }
  CHECK_FALSE(http1::accepts_coding({}, "gzip"));  // nothing said: anything goes, but nothing was asked for either
  CHECK(http1::accepts_coding({{"Accept-Encoding", "br"}, {"Accept-Encoding", "gzip"}}, "gzip"));
}
