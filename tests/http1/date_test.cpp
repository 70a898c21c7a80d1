// HTTP-date, in the one form that is sent and the three that are understood (RFC 9110 §5.6.7).
#include "support/catch.hpp"

#include "http1/date.hpp"

namespace {

constexpr std::time_t example = 784'111'777;  // the RFC's own example: 1994-11-06 08:49:37

}  // namespace

TEST_CASE("dates: the examples of RFC 9110 §5.6.7") {
  CHECK(http1::format_date(example) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http1::parse_date("Sun, 06 Nov 1994 08:49:37 GMT") == example);
  CHECK(http1::parse_date("Sunday, 06-Nov-94 08:49:37 GMT") == example);  // RFC 850
  CHECK(http1::parse_date("Sun Nov  6 08:49:37 1994") == example);        // asctime
  CHECK(http1::parse_date("Wed Nov 16 08:49:37 1994") == example + 10 * 86'400);
}

TEST_CASE("dates: what is formatted is understood") {
  for (const std::time_t time :
       {0L, 1L, 951'782'400L, 951'868'800L, 1'735'689'599L, 4'102'444'800L, 253'402'300'799L}) {
    INFO(http1::format_date(time));
    CHECK(http1::parse_date(http1::format_date(time)) == time);
  }
  CHECK(http1::format_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(http1::format_date(951'782'400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(http1::format_date(253'402'300'799) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("dates: every month") {
  const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::time_t last = 0;
  for (const std::string month : months) {
    INFO(month);
    const auto time = http1::parse_date("Mon, 02 " + month + " 2023 00:00:00 GMT");
    REQUIRE(time);
    CHECK(*time > last);
    CHECK(http1::format_date(*time).find(" " + month + " ") != std::string::npos);
    last = *time;
  }
}

// "a timestamp that appears to be more than 50 years in the future" is "the most recent year in the past"
TEST_CASE("dates: two-digit years") {
  const std::time_t now = std::time(nullptr);
  const auto this_year = std::stoi(http1::format_date(now).substr(12, 4));
  for (const int ahead : {-49, -1, 0, 1, 49, 51, 60}) {
    const int year = this_year + ahead;
    const int meant = ahead > 50 ? year - 100 : year;
    const auto two_digits = [](int y) { return std::string(1, char('0' + y % 100 / 10)) + char('0' + y % 10); };
    INFO(year);
    CHECK(http1::parse_date("Monday, 02-Jan-" + two_digits(year) + " 00:00:00 GMT") ==
          http1::parse_date("Mon, 02 Jan " + std::to_string(meant) + " 00:00:00 GMT"));
  }
}

TEST_CASE("dates: a leap second") { CHECK(http1::parse_date("Sat, 31 Dec 2016 23:59:60 GMT") == 1'483'228'800); }

TEST_CASE("dates that are none") {
  for (const char* text : {"",
                           "now",
                           "784111777",
                           "1994-11-06T08:49:37Z",
                           "Sun, 06 Nov 1994 08:49:37",        // no zone
                           "Sun, 06 Nov 1994 08:49:37 UTC",    //
                           "Sun, 06 Nov 1994 08:49:37 +0000",  //
                           "Sun, 06 Nov 1994 08:49:37 GMT x",  //
                           "Sun, 06 Nov 1994 08:49:37 GMT GMT",
                           "06 Nov 1994 08:49:37 GMT",       // no weekday
                           "Sun, 06 Nov 1994 08:49 GMT",     // no seconds
                           "Sun, 06 nov 1994 08:49:37 GMT",  // RFC 9110 §5.6.7: case-sensitive
                           "Sun, 06 Foo 1994 08:49:37 GMT",
                           "Sun, 31 Feb 1994 08:49:37 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 32 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:00 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, -6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 -8:49:37 GMT",
                           "Sun, 06-Nov-94 08:49:37",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994 GMT",
                           "Sun Nov  6 08:49:37"}) {
    INFO("[" << text << "]");
    CHECK_FALSE(http1::parse_date(text));
  }
}
