// The fields of a message, before they are bytes and after.
#include "support/catch.hpp"

#include "http1/message.hpp"

using http1::Fields;
using Members = std::vector<std::string>;

TEST_CASE("field names: case does not matter") {  // RFC 9110 §5.1
  const Fields fields{{"Content-Type", "text/plain"}, {"X", "1"}};
  REQUIRE(fields.find("content-TYPE"));
  CHECK(*fields.find("content-TYPE") == "text/plain");
  CHECK_FALSE(fields.has("Content-Typ"));
  CHECK_FALSE(fields.has("Content-Type2"));
  CHECK_FALSE(fields.has(""));
}

TEST_CASE("only ASCII letters have a case") {
  CHECK(http1::equal_ignoring_case("aZ", "Az"));
  CHECK_FALSE(http1::equal_ignoring_case("[", "{"));  // 0x20 apart, as letters are
  CHECK_FALSE(http1::equal_ignoring_case("@", "`"));
  CHECK_FALSE(http1::equal_ignoring_case("\xc4", "\xe4"));
  CHECK_FALSE(http1::equal_ignoring_case("a", "ab"));
}

TEST_CASE("set() replaces all of a name, remove() takes them away") {
  Fields fields{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  CHECK(fields.count("a") == 2);
  fields.set("A", "4");
  CHECK(fields.count("a") == 1);
  CHECK(*fields.find("a") == "4");
  fields.remove("a");
  CHECK_FALSE(fields.has("A"));
  CHECK(fields.size() == 1);
}

TEST_CASE("lists") {  // RFC 9110 §5.6.1
  struct {
    const char* value;
    Members members;
  } const lists[] = {
      {"a", {"a"}},
      {"a,b", {"a", "b"}},
      {"a , b\t,\tc", {"a", "b", "c"}},
      {"", {}},
      {",", {}},
      {", ,a,, b ,", {"a", "b"}},  // the RFC's own example of what must be accepted
      {"\"a,b\", c", {"\"a,b\"", "c"}},
      {"\"a\\\",b\", c", {"\"a\\\",b\"", "c"}},  // an escaped quote does not end the string
      {"a;q=\"1,2\"", {"a;q=\"1,2\""}},
      {"\"open, a", {"\"open, a"}},
  };
  for (const auto& [value, members] : lists) {
    INFO("[" << value << "]");
    CHECK(Fields{{"X", value}}.list("x") == members);
  }
}

TEST_CASE("a list goes on over several lines of its name") {  // RFC 9110 §5.3
  const Fields fields{{"Accept", "a, b"}, {"Other", "x"}, {"accept", ""}, {"ACCEPT", "c"}};
  CHECK(fields.list("Accept") == Members{"a", "b", "c"});
  CHECK(fields.list_has("Accept", "C"));
  CHECK_FALSE(fields.list_has("Accept", "x"));
  CHECK_FALSE(fields.list_has("Nothing", "x"));
}

TEST_CASE("which responses have content") {  // RFC 9112 §6.3, rules 1 and 2; RFC 9110 §6.4.1
  CHECK(http1::may_have_content(200, "GET"));
  CHECK(http1::may_have_content(205, "GET"));
  CHECK(http1::may_have_content(404, "POST"));
  for (const int status : {100, 101, 103, 199, 204, 304}) CHECK_FALSE(http1::may_have_content(status, "GET"));
  for (const int status : {200, 206, 404, 500}) CHECK_FALSE(http1::may_have_content(status, "HEAD"));
  CHECK(http1::may_have_content(200, "head"));  // methods are case-sensitive: that is another one
}

TEST_CASE("phrases") {  // RFC 9110 §15
  CHECK(http1::reason_phrase(200) == "OK");
  CHECK(http1::reason_phrase(413) == "Content Too Large");
  CHECK(http1::reason_phrase(431) == "Request Header Fields Too Large");
  CHECK(http1::reason_phrase(299).empty());
}
