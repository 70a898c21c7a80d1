// The tools of the tests can themselves fail to notice: each is shown something wrong here.
#include "lines.hpp"
#include "support/bytes.hpp"
#include "support/chunks.hpp"
#include "support/pair.hpp"

using support::is_bytes;
using support::Pieces;

TEST_CASE("is_bytes: only the same bytes") {
  CHECK(is_bytes("hello").match(wire::Buffer{'h', 'e', 'l', 'l', 'o'}));
  CHECK_FALSE(is_bytes("hello").match(wire::Buffer{'h', 'e', 'l', 'l'}));
  CHECK_FALSE(is_bytes("hello").match(wire::Buffer{'h', 'e', 'l', 'l', 'o', 0}));
  CHECK_FALSE(is_bytes("hello").match(wire::Buffer{'h', 'e', 'l', 'l', 'a'}));
  CHECK(is_bytes("").match(wire::Buffer{}));
}

TEST_CASE("side_by_side: text by lines, with its control characters") {
  const auto expected = wire::as_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto got = wire::as_bytes("GET / HTTP/1.1\r\nHost:\ta\n");
  CHECK(support::side_by_side(expected, got) ==
        "the first difference is at byte 21\n"
        "    expected                              got\n"
        "    GET / HTTP/1.1\\r\\n                    GET / HTTP/1.1\\r\\n\n"
        "  ! Host: a\\r\\n                           Host:\\ta\\n\n"
        "  ! \\r\\n                                  \n");
}

TEST_CASE("side_by_side: anything else in hex") {
  const wire::Buffer expected{0x10, 0x0c, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, 0x04, 0x02};
  const wire::Buffer got{0x10, 0x0c, 0x00, 0x04, 0x4d, 0x51, 0x54, 0x54, 0x05};
  CHECK(support::side_by_side(expected, got) ==
        "the first difference is at byte 8\n"
        "    expected                              got\n"
        "    10 0c 00 04 4d 51 54 54               10 0c 00 04 4d 51 54 54\n"
        "  ! 04 02                                 05\n");
}

TEST_CASE("every cut and every size is tried, and nothing is lost") {
  const std::string text = "0123456789";
  std::vector<std::string> tried;
  const auto whole = support::same_however_cut(wire::as_bytes(text), [&](const Pieces& pieces) {
    std::string joined, cuts;
    for (const wire::Bytes piece : pieces) {
      joined += wire::as_text(piece);
      cuts += std::to_string(piece.size()) + " ";
    }
    tried.push_back(cuts);
    return joined;
  });
  CHECK(whole == text);
  CHECK(tried.size() == 1 + 9 + 9);
  CHECK(std::ranges::count(tried, "3 7 ") == 1);
  CHECK(std::ranges::count(tried, "3 3 3 1 ") == 1);
  CHECK(std::ranges::count(tried, "1 1 1 1 1 1 1 1 1 1 ") == 1);
}

TEST_CASE("pair: what one side says, the other hears, in pieces of any size") {
  using lines::Connection;
  support::Pair pair(Connection{}, Connection{}, GENERATE(as<std::size_t>(), 1, 3, 100));
  std::string client_heard, server_heard;
  pair.client.send("one");
  pair.client.send("two");
  pair.run([&](const lines::Event& event) { client_heard += std::get<lines::Line>(event).text + ";"; },
           [&](const lines::Event& event) {
    server_heard += std::get<lines::Line>(event).text + ";";
    pair.server.send("heard");
  });
  CHECK(server_heard == "one;two;");
  CHECK(client_heard == "heard;heard;");
  CHECK_THAT(pair.client_said, is_bytes("one\ntwo\n"));
  pair.client.close(pair.now);
  pair.run([](const lines::Event&) {}, [](const lines::Event&) {});
  CHECK(pair.client_hung_up);
  CHECK(pair.server_hung_up);
}

TEST_CASE("pair: time passes for both") {
  using lines::Connection;
  support::Pair pair(Connection{}, Connection{std::chrono::seconds(10)}, 100);
  std::string heard;
  const auto run = [&] {
    pair.run([&](const lines::Event& event) { heard += std::get<lines::Line>(event).text + ";"; },
             [](const lines::Event&) {});
  };
  pair.client.send("hello");
  run();
  pair.wait(std::chrono::seconds(9));
  run();
  CHECK(heard.empty());
  pair.wait(std::chrono::seconds(1));
  run();
  CHECK(heard == "ping;");
}
