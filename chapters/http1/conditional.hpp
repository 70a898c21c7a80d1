// Questions that a client asks together with its request: only if it changed, only a part, only compressed
// (RFC 9110 §8.8, §12.5.3, §13, §14).
#pragma once
#include "http1/message.hpp"

#include <cstdint>
#include <ctime>
#include <optional>

namespace http1 {

// What identifies the present version of a resource.
struct Validators {
  std::string etag;  // with its quotes: "\"a1b2\"", weak: "W/\"a1b2\""; empty: none
  std::optional<std::time_t> last_modified;
};

enum class Precondition { proceed, not_modified, failed };  // answer 200 or 206, 304, 412

// In the order that RFC 9110 §13.2.2 demands. For GET and HEAD of something that exists.
Precondition check_preconditions(const Fields& request, const Validators& current);

struct Range {
  std::uint64_t first = 0, length = 0;
};
struct RangeAnswer {
  bool satisfiable = true;     // false: 416
  std::optional<Range> range;  // none: send the whole
};

// A single byte range; several, other units, nonsense, or an If-Range that does not match mean the whole, which is
// always a right answer (RFC 9110 §14.2).
RangeAnswer check_range(const Fields& request, const Validators& current, std::uint64_t size);

// Whether the client accepts a content coding, and likes it no less than none, by its Accept-Encoding and the weights
// in it.
bool accepts_coding(const Fields& request, std::string_view coding);

}  // namespace http1
