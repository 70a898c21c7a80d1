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

std::optional<std::time_t> date_of(const Fields& request, std::string_view name) {
  const std::string* text = request.find(name);
  return text ? parse_date(*text) : std::nullopt;
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

// RFC 9110 §13.1.5: the part only if it belongs to the version that the client has.
bool if_range_holds(const Fields& request, const Validators& current) {
  const std::string* text = request.find("If-Range");
  if (!text) return true;
  if (text->starts_with('"')) return *text == current.etag;
  const auto date = parse_date(*text);
  return date && current.last_modified && *date == *current.last_modified;
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
  if (!text || !equal_ignoring_case(text->substr(0, 6), "bytes=") || !if_range_holds(request, current)) return whole;
  const std::string_view spec = std::string_view(*text).substr(6);
  const auto dash = spec.find('-');
  if (dash == spec.npos || spec.contains(',')) return whole;
  const auto first = number(spec.substr(0, dash));
  const auto last = number(spec.substr(dash + 1));
  if (dash == 0) {  // "-500": the last 500 bytes
    if (!last) return whole;
    if (*last == 0 || size == 0) return {false, {}};
    const std::uint64_t length = std::min(*last, size);
    return {true, Range{size - length, length}};
  }
  if (!first || (!last && dash + 1 != spec.size()) || (last && *last < *first)) return whole;
  if (*first >= size) return {false, {}};
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {true, Range{*first, end - *first + 1}};
}
// endregion

bool accepts_coding(const Fields& request, std::string_view coding) {
  bool any = false;
  for (const std::string& member : request.list("Accept-Encoding")) {
    const auto semicolon = member.find(';');
    const std::string name =
        member.substr(0, member.find_last_not_of(" \t", semicolon == member.npos ? member.npos : semicolon - 1) + 1);
    const auto q = std::min(member.find("q=", semicolon), member.find("Q=", semicolon));
    const bool refused = q != member.npos && member.find_first_of("123456789", q) == member.npos;  // q=0, q=0.000
    if (equal_ignoring_case(name, coding)) return !refused;
    if (name == "*") any = !refused;
  }
  return any;
}

}  // namespace http1
