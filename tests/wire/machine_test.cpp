#include "lines.hpp"
#include "support/catch.hpp"

using namespace std::chrono_literals;

TEST_CASE("compile check") {
  lines::Connection c;
  CHECK_FALSE(c.closed());
}
