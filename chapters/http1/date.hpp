// HTTP-date (RFC 9110 §5.6.7): always GMT, always in English.
#pragma once
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace http1 {

// "Sun, 06 Nov 1994 08:49:37 GMT": the only form that may be sent.
std::string format_date(std::time_t time);

// All three forms that a recipient must understand: that one, "Sunday, 06-Nov-94 08:49:37 GMT" (RFC 850) and
// "Sun Nov  6 08:49:37 1994" (asctime). A two-digit year that seems more than 50 years ahead is in the past.
std::optional<std::time_t> parse_date(std::string_view text);

}  // namespace http1
