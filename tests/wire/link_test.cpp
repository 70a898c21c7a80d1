// The drivers under everything that peers do to them.
#include "echo.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <set>

using namespace std::chrono_literals;
using lines::Connection;
using wire::awaitable;
using wire::LinkOptions;
using wire::Stream;
using wire::Tcp;

namespace {

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/dev/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// ---- conversations -----------------------------------------------------------------------------------------------

awaitable<void> converse(EchoServer& s) {
  LineLink link = co_await connect(s);
  for (int i = 0; i < 100; ++i) {
    link->send(std::to_string(i));
    auto answer = co_await link.next();
    CHECK(text_of(answer) == "echo " + std::to_string(i));
  }
  co_await link.finish();
  CHECK_FALSE(link.why());
  co_await until_live(s, 0);
}

awaitable<void> expect_kinds(EchoServer& s) {
  LineLink link = co_await connect(s);
  link->send("hello");
  auto line = co_await link.expect<lines::Line>();
  REQUIRE(line);
  CHECK(line->text == "echo hello");
  link->send("again");
  auto failed = co_await link.expect<lines::Failed>();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == wire::Errc::unexpected);
  link.abort();
  auto over = co_await link.expect<lines::Line>();
  REQUIRE_FALSE(over);
  CHECK(over.error().code == wire::Errc::truncated);
}

// ---- peers that misbehave ----------------------------------------------------------------------------------------

awaitable<void> silent_peer(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  const std::string nothing = co_await read_to_end(peer);
  CHECK(nothing.empty());
  co_await until_live(s, 0);
}

// Asks for far more than the socket buffers hold, and does not read.
awaitable<void> slow_reader(EchoServer& s, std::size_t* live_while_slow) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  for (int i = 0; i < 100; ++i) co_await write_all(peer, "big\n");
  co_await until_live(s, 1);
  *live_while_slow = s.server.live();
  const std::string all = co_await read_to_end(peer);  // the silence deadline ends it, unless it catches up
  CHECK(all.size() <= 100 << 20);
}

awaitable<void> reader_catches_up(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  for (int i = 0; i < 64; ++i) co_await write_all(peer, "big\n");
  co_await write_all(peer, "bye\n");
  const std::string all = co_await read_to_end(peer);
  CHECK(all.size() == 64 << 20);  // back-pressure lost nothing
}

// All questions arrive at once, and each answer is more than may be unsent.
awaitable<void> small_high_water(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  std::string questions, answers;
  for (int i = 0; i < 50; ++i) {
    const std::string line = std::to_string(i) + std::string(50, '.') + "\n";
    questions += line;
    answers += "echo " + line;
  }
  co_await write_all(peer, questions + "bye\n");
  const std::string all = co_await read_to_end(peer);
  CHECK(all == answers);
}

// From outside, as a broker would, without ever reading: the peer falls behind and is cut.
awaitable<void> hopeless_reader(Stream stream, LinkOptions options) {
  LineLink link(std::move(stream), Connection(), options);
  for (int i = 0; i < 100'000 && !link.over(); ++i) link.deliver([](Connection& c) { c.send(std::string(4000, '!')); });
  CHECK(link.why() == asio::error::no_buffer_space);
  co_return;
}

awaitable<void> never_reads(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await until_live(s, 0);
}

awaitable<void> flood(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  const std::string endless(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) {
    auto [ec, n] = co_await asio::async_write(peer, asio::buffer(endless), wire::nothrow);
    if (ec) break;
  }
  co_await until_live(s, 0);
}

awaitable<void> vanish(EchoServer& s) {
  for (int i = 0; i < 20; ++i) {
    wire::TcpSocket peer = co_await raw_connection(s.server.port());
    co_await write_all(peer, "big\nbig\nhal");
    peer.set_option(asio::socket_base::linger(true, 0));  // a reset instead of a goodbye
    peer.close();
  }
  co_await until_live(s, 0);
}

awaitable<void> error_reaches_a_busy_sender(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, std::string(Connection::max_line + 1, 'x'));
  co_await write_all(peer, std::string(100'000, 'x'));  // still sending when the server has hung up
  peer.shutdown(asio::socket_base::shutdown_send);
  const std::string answer = co_await read_to_end(peer);
  CHECK(answer == "error: line\n");
}

awaitable<void> one_throws(EchoServer& s) {
  LineLink good = co_await connect(s);
  LineLink bad = co_await connect(s);
  bad->send("throw");
  auto gone = co_await bad.next();
  CHECK_FALSE(gone);
  good->send("still here");
  auto answer = co_await good.next();
  CHECK(text_of(answer) == "echo still here");
}

// ---- limits and endings ------------------------------------------------------------------------------------------

awaitable<void> limit_of_two(EchoServer& s) {
  LineLink first = co_await connect(s);
  LineLink second = co_await connect(s);
  first->send("a");
  auto a = co_await first.next();
  second->send("b");
  auto b = co_await second.next();
  CHECK(s.server.live() == 2);
  LineLink third = co_await connect(s);  // the kernel's backlog takes it; nobody serves it yet
  third->send("c");
  co_await third.flush();
  first->send("d");
  auto d = co_await first.next();
  CHECK(text_of(d) == "echo d");
  CHECK(s.server.live() == 2);
  co_await first.finish();
  auto c = co_await third.next();
  CHECK(text_of(c) == "echo c");
}

// Takes all the file descriptors there are, and gives them back.
class Hoard {
 public:
  Hoard() {
    getrlimit(RLIMIT_NOFILE, &old_);
    rlimit few = old_;
    few.rlim_cur = open_descriptors() + 16;
    setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = dup(0); fd >= 0; fd = dup(0)) taken_.push_back(fd);
  }
  ~Hoard() {
    for (const int fd : taken_) close(fd);
    setrlimit(RLIMIT_NOFILE, &old_);
  }
  Hoard(const Hoard&) = delete;
  Hoard& operator=(const Hoard&) = delete;

 private:
  rlimit old_{};
  std::vector<int> taken_;
};

awaitable<void> no_descriptors_left(EchoServer& s) {
  LineLink first = co_await connect(s);
  first->send("before");
  auto before = co_await first.next();
  const auto executor = co_await asio::this_coro::executor;
  wire::TcpSocket second(executor, Tcp::v4());  // its own descriptor is there before the others go
  const Tcp::endpoint where(asio::ip::address_v4::loopback(), s.server.port());
  std::optional<lines::Event> during;
  std::size_t live = 0;
  {
    const Hoard hoard;  // while it lives, nothing is checked: the sanitizers need descriptors, too
    co_await second.async_connect(where, wire::use_awaitable);  // the kernel accepts it, the server cannot
    first->send("during");
    during = co_await first.next();
    live = s.server.live();
  }
  CHECK(text_of(during) == "echo during");
  CHECK(live == 1);
  co_await write_all(second, "after\nbye\n");
  const std::string after = co_await read_to_end(second);
  CHECK(after == "echo after\n");
}

awaitable<void> stop_says_goodbye(EchoServer& s) {
  LineLink idle = co_await connect(s);
  idle->send("hello");
  auto answer = co_await idle.next();
  wire::TcpSocket busy = co_await raw_connection(s.server.port());
  co_await write_all(busy, "big\n");
  co_await until_live(s, 2);
  s.server.stop();
  const std::string all = co_await read_to_end(busy);
  CHECK(all.ends_with("bye\n"));
  auto over = co_await idle.next();
  CHECK_FALSE(over);
  co_await until_stopped(s);
  CHECK(s.server.live() == 0);
}

awaitable<void> stop_does_not_wait_for_ever(EchoServer& s) {
  wire::TcpSocket busy = co_await raw_connection(s.server.port());
  for (int i = 0; i < 100; ++i) co_await write_all(busy, "big\n");
  co_await until_live(s, 1);
  s.server.stop();
  co_await until_stopped(s);  // though the peer never reads
  CHECK(s.server.live() == 0);
}

awaitable<void> many_idle(EchoServer& s) {
  std::vector<LineLink> links;
  for (int i = 0; i < 500; ++i) {
    LineLink link = co_await connect(s);
    links.push_back(std::move(link));
  }
  for (LineLink& link : links) link->send("hello");
  for (LineLink& link : links) {
    auto answer = co_await link.next();
    CHECK(text_of(answer) == "echo hello");
  }
  links.clear();
  co_await until_live(s, 0);
}

// ---- one that writes and writes, and takes turns all the same
// --------------------------------------------------------

struct Busy {
  static constexpr std::size_t all = 100'000;  // pieces of two bytes: the kernel takes them all at once
  std::size_t pieces = 0;
  awaitable<void> serve(Stream stream, LinkOptions options) {
    LineLink link(std::move(stream), Connection(), options);
    for (;;) {
      auto event = co_await link.next();
      if (!event) break;
      link->send("echo");
      if (text_of(event) != "stream") continue;
      for (; pieces < all && !link.over(); ++pieces) {
        link->send("x");
        co_await link.flush();
      }
    }
  }
};

awaitable<void> others_have_their_turn(EchoServer& s, Busy& busy) {
  LineLink patient = co_await connect(s);
  wire::TcpSocket greedy = co_await raw_connection(s.server.port());
  co_await write_all(greedy, "stream\n");
  const auto begun = [&] { return busy.pieces > 0; };
  co_await until(begun);
  patient->send("hello");
  auto answer = co_await patient.next();
  CHECK(text_of(answer) == "echo");
  CHECK(busy.pieces < Busy::all);
}

// ---- a broker: what one link sends, all others receive -------------------------------------------------------------

struct Broker {
  std::set<LineLink*> links;
  awaitable<void> serve(Stream stream, LinkOptions options) {
    LineLink link(std::move(stream), Connection(), options);
    links.insert(&link);
    for (;;) {
      auto event = co_await link.next();
      if (!event) break;
      const auto* line = std::get_if<lines::Line>(&*event);
      if (!line) continue;
      for (LineLink* other : links)
        if (other != &link) other->deliver([&](Connection& c) { c.send(line->text); });
    }
    links.erase(&link);
  }
};

awaitable<void> fan_out(EchoServer& s, Broker& broker) {
  std::vector<LineLink> subscribers;
  for (int i = 0; i < 5; ++i) {
    LineLink link = co_await connect(s);
    subscribers.push_back(std::move(link));
  }
  LineLink publisher = co_await connect(s);
  const auto all_there = [&] { return broker.links.size() == 6; };
  co_await until(all_there);
  publisher->send("news");
  co_await publisher.flush();
  for (LineLink& subscriber : subscribers) {
    auto news = co_await subscriber.next();
    CHECK(text_of(news) == "news");
  }
}

// ---- protocols that are switched in mid-stream -------------------------------------------------------------------

// Speaks lines until "bye", then hands the socket over and sends back raw bytes, the unread ones first.
awaitable<void> upgrade(Stream stream, LinkOptions options) {
  LineLink link(std::move(stream), Connection(), options);
  for (;;) {
    auto event = co_await link.next();
    const auto* line = event ? std::get_if<lines::Line>(&*event) : nullptr;
    if (!line || line->text == "upgrade") break;
  }
  link->send("upgraded");
  Stream taken = co_await link.release();
  const std::string unread = wire::as_string(taken.take_back());
  co_await asio::async_write(taken.socket(), asio::buffer(unread), wire::nothrow);
  std::array<char, 100> chunk;
  auto [ec, n] = co_await taken.socket().async_read_some(asio::buffer(chunk), wire::nothrow);
  co_await asio::async_write(taken.socket(), asio::buffer(chunk, n), wire::nothrow);
}

awaitable<void> switch_protocols(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, "hello\nupgrade\n[early]");
  std::string got;
  std::array<char, 100> chunk;
  while (!got.ends_with("[early]")) {
    auto [ec, n] = co_await peer.async_read_some(asio::buffer(chunk), wire::nothrow);
    REQUIRE_FALSE(ec);
    got.append(chunk.data(), n);
  }
  CHECK(got == "upgraded\n[early]");
  co_await write_all(peer, "[late]");
  const std::string late = co_await read_to_end(peer);
  CHECK(late == "[late]");
}

// One coroutine waits for the next event, another one takes the connection away.
awaitable<void> read_on(LineLink& link, std::string& got, bool& ended) {
  auto one = co_await link.next();
  got = text_of(one);
  auto nothing = co_await link.next();
  ended = !nothing;
}

awaitable<void> release_while_reading(EchoServer& s) {
  LineLink link = co_await connect(s);
  std::string got;
  bool ended = false;
  link->send("one");
  asio::co_spawn(s.io, read_on(link, got, ended), wire::report_failure);
  const auto reads_on = [&] { return got == "echo one"; };
  co_await until(reads_on);
  Stream stream = co_await link.release();
  const auto has_ended = [&] { return ended; };
  co_await until(has_ended);
  co_await write_all(stream.socket(), "two\nbye\n");
  const std::string rest = co_await read_to_end(stream.socket());
  CHECK(rest == "echo two\n");
}

// Counts what it is shown, and says when it is gone.
struct Watch : wire::Observer {
  Watch(int& count, bool& dead) : frames(count), gone(dead) {}
  ~Watch() override { gone = true; }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  void frame(wire::Direction, std::string_view, wire::Bytes, const wire::Trace&) override { ++frames; }
  void bytes(wire::Direction, wire::Bytes) override {}
  int& frames;
  bool& gone;
};

awaitable<void> watched_throughout(EchoServer& s) {
  int frames = 0;
  bool gone = false;
  auto stream = co_await wire::connect("127.0.0.1", s.server.port());
  REQUIRE(stream);
  stream->watch(std::make_unique<Watch>(frames, gone));
  {
    LineLink first(std::move(*stream), Connection());
    first->send("one");
    auto one = co_await first.next();
    CHECK(frames == 2);
    Stream taken = co_await first.release();
    first->send("nobody sees this");
    CHECK(frames == 2);
    LineLink second(std::move(taken), Connection());
    second->send("two");
    auto two = co_await second.next();
    CHECK(text_of(two) == "echo two");
    CHECK(frames == 4);
    CHECK_FALSE(gone);
  }
  const auto is_gone = [&] { return gone; };
  co_await until(is_gone);
}

}  // namespace

TEST_CASE("a client and a server converse over TCP") {
  EchoServer s;
  s.run(converse(s));
}

TEST_CASE("an event of the wrong kind, or none, is an error to who expects one") {
  EchoServer s;
  s.run(expect_kinds(s));
}

TEST_CASE("a silent peer is hung up on") {
  EchoServer s({.link = {.silence = 50ms}});
  s.run(silent_peer(s));
}

TEST_CASE("a reader that is too slow is cut, by the silence deadline") {
  EchoServer s({.link = {.silence = 100ms}});
  std::size_t live = 0;
  s.run(slow_reader(s, &live));
  CHECK(live == 1);
}

TEST_CASE("a reader that catches up loses nothing: reading stops while too much is unsent") {
  EchoServer s;
  s.run(reader_catches_up(s));
}

TEST_CASE("what was written at once makes room at once") {
  EchoServer s({.link = {.output_high_water = 10}});
  s.run(small_high_water(s));
}

TEST_CASE("a peer that falls too far behind a broker is cut") {
  EchoServer s({}, hopeless_reader);
  s.run(never_reads(s));
}

TEST_CASE("a flood without a line end is refused") {
  EchoServer s;
  s.run(flood(s));
}

TEST_CASE("peers that vanish leave nothing behind") {
  EchoServer s;
  s.run(converse(s));
  const std::size_t before = open_descriptors();
  s.run(vanish(s));
  CHECK(open_descriptors() == before);
}

TEST_CASE("an error message reaches a peer that is still sending") {
  EchoServer s;
  s.run(error_reaches_a_busy_sender(s));
}

TEST_CASE("an exception in one connection ends that one only") {
  EchoServer s;
  s.run(one_throws(s));
}

TEST_CASE("the connection limit holds, and is released") {
  EchoServer s({.max_connections = 2});
  s.run(limit_of_two(s));
}

TEST_CASE("without file descriptors the server waits until there are some") {
  EchoServer s;
  s.run(no_descriptors_left(s));
}

TEST_CASE("stopping says goodbye to everyone, and finishes what is in flight") {
  EchoServer s;
  s.run(stop_says_goodbye(s));
}

TEST_CASE("stopping does not wait for ever") {
  EchoServer s({.grace = 100ms});
  s.run(stop_does_not_wait_for_ever(s));
}

TEST_CASE("hundreds of connections at once") {
  EchoServer s;
  s.run(many_idle(s));
}

TEST_CASE("who writes without end lets the others have their turn") {
  Busy busy;
  EchoServer s({}, std::bind_front(&Busy::serve, &busy));
  s.run(others_have_their_turn(s, busy));
}

TEST_CASE("a broker delivers from one link to the others") {
  Broker broker;
  EchoServer s({}, std::bind_front(&Broker::serve, &broker));
  s.run(fan_out(s, broker));
}

TEST_CASE("another protocol takes the connection over, unread bytes included") {
  EchoServer s({}, upgrade);
  s.run(switch_protocols(s));
}

TEST_CASE("a connection is taken over while somebody waits for it") {
  EchoServer s;
  s.run(release_while_reading(s));
}

TEST_CASE("who watches a connection does so whoever has taken it over") {
  EchoServer s;
  s.run(watched_throughout(s));
}
