#include "http1/date.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>

namespace http1 {

namespace {

constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Not system_clock: its nanoseconds overflow in the year 2262, and dates come from strangers.
std::chrono::sys_seconds seconds_since_epoch(std::time_t time) {
  return std::chrono::sys_seconds(std::chrono::seconds(time));
}

int year_of(std::time_t time) {
  const auto day = std::chrono::floor<std::chrono::days>(seconds_since_epoch(time));
  return int(std::chrono::year_month_day(day).year());
}

}  // namespace

std::string format_date(std::time_t time) {
  using namespace std::chrono;
  const sys_seconds now = seconds_since_epoch(time);
  const auto day = floor<std::chrono::days>(now);
  const year_month_day date(day);
  const hh_mm_ss clock(now - day);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[weekday(day).c_encoding()], unsigned(date.day()),
                     months[unsigned(date.month()) - 1], int(date.year()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::optional<std::time_t> parse_date(std::string_view text) {
  using namespace std::chrono;
  const std::string copy(text);
  char month_name[4] = {}, end = 0;
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  const char* in = copy.c_str();
  const auto comma = text.find(',');
  const char* date = in + (comma == text.npos ? 0 : comma + 1);
  const bool rfc850 =
      std::sscanf(date, " %2d-%3s-%2d %2d:%2d:%2d GMT%c", &day, month_name, &year, &hour, &minute, &second, &end) == 6;
  const bool current = !rfc850 && std::sscanf(date, " %2d %3s %4d %2d:%2d:%2d GMT%c", &day, month_name, &year, &hour,
                                              &minute, &second, &end) == 6;
  const bool asctime = comma == text.npos && std::sscanf(in, "%*3s %3s %2d %2d:%2d:%2d %4d%c", month_name, &day, &hour,
                                                         &minute, &second, &year, &end) == 6;
  if (asctime == (rfc850 || current)) return std::nullopt;
  if (!asctime && (comma == text.npos || !text.ends_with(" GMT"))) return std::nullopt;
  if (rfc850) {
    const int this_year = year_of(std::time(nullptr));
    year += this_year - this_year % 100;
    if (year > this_year + 50) year -= 100;
  }
  unsigned month = 0;
  while (month < months.size() && std::string_view(months[month]) != month_name) ++month;
  const year_month_day when(std::chrono::year(year), std::chrono::month(month + 1), std::chrono::day(unsigned(day)));
  if (!when.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  return (sys_days(when) + hours(hour) + minutes(minute) + seconds(second)).time_since_epoch().count();
}

}  // namespace http1
