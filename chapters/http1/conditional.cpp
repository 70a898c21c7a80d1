#include "http1/conditional.hpp"

#include "http1/date.hpp"

#include <algorithm>
#include <charconv>

namespace http1 {

namespace {

std::string_view opaque(std::string_view etag) { return etag.starts_with("W/") ? etag.substr(2) : etag; }
bool is_weak(std::string_view etag) { return etag.starts_with("W/"); }

// RFC 9110 §8.8.3.2: weak comparison answers "would do", strong comparison "the same bytes".
bool matches(const Fields& request, std::string_view name, const std::string& etag, bool strong) {
  const auto candidates = request.list(name);
  return std::ranges::any_of(candidates, [&](const std::string& candidate) {
    if (candidate == "*") return true;
    if (etag.empty() || (strong && (is_weak(candidate) || is_weak(etag)))) return false;
    return opaque(candidate) == opaque(etag);
  });
}

// A date that comes twice counts for nothing (RFC 9110 §13.1.3, §13.1.4).
std::optional<std::time_t> date_of(const Fields& request, std::string_view name) {
  return request.count(name) == 1 ? parse_date(*request.find(name)) : std::nullopt;
}

}  // namespace

// region preconditions
Precondition check_preconditions(const Fields& request, const Validators& current) {
  if (request.has("If-Match")) {
    if (!matches(request, "If-Match", current.etag, true)) return Precondition::failed;
  } else if (const auto since = date_of(request, "If-Unmodified-Since"); since && current.last_modified) {
    if (*current.last_modified > *since) return Precondition::failed;
  }
  if (request.has("If-None-Match")) {
    if (matches(request, "If-None-Match", current.etag, false)) return Precondition::not_modified;
  } else if (const auto since = date_of(request, "If-Modified-Since"); since && current.last_modified) {
    if (*current.last_modified <= *since) return Precondition::not_modified;
  }
  return Precondition::proceed;
}
// endregion

namespace {

// RFC 9110 §13.1.5: the part only if it belongs to the version that the client has, byte for byte. A date cannot tell:
// within its second a file may have changed twice (§8.8.2.2), so a date never holds, and the client gets the whole.
bool if_range_holds(const Fields& request, const Validators& current) {
  const std::string* text = request.find("If-Range");
  return !text || (text->starts_with('"') && *text == current.etag);
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

// region range
RangeAnswer check_range(const Fields& request, const Validators& current, std::uint64_t size) {
  const RangeAnswer whole{};
  const std::string* text = request.find("Range");
  if (!text || request.count("Range") > 1 || !equal_ignoring_case(text->substr(0, 6), "bytes=")) return whole;
  if (!if_range_holds(request, current)) return whole;
  const std::string_view spec = std::string_view(*text).substr(6);
  // region byte-range
  const auto dash = spec.find('-');
  if (dash == spec.npos || spec.contains(',')) return whole;
  const auto first = number(spec.substr(0, dash));
  const auto last = number(spec.substr(dash + 1));
  if (dash == 0) {  // "-500": the last 500 bytes
    if (!last) return whole;
    if (*last == 0) return {false, {}};
    if (size == 0) return whole;  // RFC 9110 §14.1.2: satisfiable, and all there is
    const std::uint64_t length = std::min(*last, size);
    return {true, Range{size - length, length}};
  }
  if (!first || (!last && dash + 1 != spec.size()) || (last && *last < *first)) return whole;
  if (*first >= size) return {false, {}};
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {true, Range{*first, end - *first + 1}};
  // endregion
}
// endregion

namespace {

// The weight in "gzip;q=0.5", in thousandths (RFC 9110 §12.4.2). Without one, or with nonsense: 1000.
int weight_of(std::string_view member) {
  const auto q = std::min(member.find("q="), member.find("Q="));
  if (q == member.npos) return 1000;
  int weight = 0;
  const std::string_view value = member.substr(q + 2);
  for (const std::size_t digit : {0u, 2u, 3u, 4u})  // "0.125"
    weight =
        weight * 10 + (digit < value.size() && value[digit] >= '0' && value[digit] <= '9' ? value[digit] - '0' : 0);
  return std::min(weight, 1000);
}

}  // namespace

// region accepts-coding
bool accepts_coding(const Fields& request, std::string_view coding) {
  int named = -1, any = -1, identity = 0;
  for (const std::string& member : request.list("Accept-Encoding")) {
    const std::string_view name = std::string_view(member).substr(0, member.find_first_of("; \t"));
    if (equal_ignoring_case(name, coding)) named = weight_of(member);
    else if (equal_ignoring_case(name, "identity")) identity = weight_of(member);
    else if (name == "*") any = weight_of(member);
  }
  const int weight = named >= 0 ? named : any;
  return weight > 0 && weight >= identity;
}
// endregion

}  // namespace http1
