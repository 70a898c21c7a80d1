// The datagram driver, with the smallest protocol that needs one: "ask" until it is answered.
#include "wire/udp_link.hpp"

#include "loopback.hpp"

using namespace std::chrono_literals;
using wire::awaitable;
using wire::Time;
using wire::Udp;

namespace questions {

struct Asked {
  wire::Peer peer;
  std::string text;
};
struct Answered {
  std::string text;
  int tries;
};
struct GaveUp {};
using Event = std::variant<Asked, Answered, GaveUp>;

class Connection : public wire::DatagramBase<Event> {
 public:
  static constexpr auto first_wait = 20ms;
  static constexpr int max_tries = 3;

  void ask(const wire::Peer& peer, std::string text, Time now) {
    peer_ = peer;
    question_ = std::move(text);
    tries_ = 0;
    try_again(now);
  }
  void answer(const Asked& asked, std::string_view text) { send_text(asked.peer, "A " + std::string(text)); }

  void receive(wire::Bytes datagram, const wire::Peer& from, Time) {
    const std::string text = read_datagram("datagram", datagram, decode);
    if (text.starts_with("Q ")) emit(Asked{from, text.substr(2)});
    if (text.starts_with("A ") && due_ && from == peer_) {
      due_.reset();
      emit(Answered{text.substr(2), tries_});
    }
  }
  std::optional<Time> next_timeout() const { return due_; }
  void handle_timeout(Time now) {
    if (!due_ || now < *due_) return;
    if (tries_ < max_tries) return try_again(now);
    due_.reset();
    emit(GaveUp{});
  }

 private:
  static std::string decode(wire::Reader& in) { return std::string(in.text("text", in.left())); }
  void send_text(const wire::Peer& to, std::string_view text) {
    const auto bytes = wire::as_bytes(text);
    send("datagram", to, wire::Buffer(bytes.begin(), bytes.end()), decode);
  }
  void try_again(Time now) {
    due_ = now + first_wait * (1 << tries_++);
    send_text(peer_, "Q " + question_);
  }
  wire::Peer peer_;
  std::string question_;
  int tries_ = 0;
  std::optional<Time> due_;
};
static_assert(wire::DatagramConnection<Connection>);

}  // namespace questions

namespace {

using Link = wire::UdpLink<questions::Connection>;

wire::UdpSocket bound(asio::io_context& io) { return wire::UdpSocket(io, {asio::ip::address_v4::loopback(), 0}); }

// Answers every question, after ignoring the first `lost`.
awaitable<void> serve(Link& link, int lost) {
  for (;;) {
    auto event = co_await link.next();
    if (!event) break;
    const auto* asked = std::get_if<questions::Asked>(&*event);
    if (!asked || lost-- > 0) continue;
    link->answer(*asked, asked->text + "!");
  }
}

awaitable<void> ask(Link& link, Udp::endpoint server, std::string text, int expected_tries) {
  link->ask(wire::to_peer(server), text, wire::Clock::now());
  auto event = co_await link.next();
  REQUIRE(event);
  const auto* answered = std::get_if<questions::Answered>(&*event);
  REQUIRE(answered);
  CHECK(answered->text == text + "!");
  CHECK(answered->tries == expected_tries);
}

awaitable<void> ask_nobody(Link& link, Udp::endpoint nobody) {
  link->ask(wire::to_peer(nobody), "anybody there?", wire::Clock::now());
  auto event = co_await link.next();  // the ICMP errors in between are no reason to stop
  REQUIRE(event);
  CHECK(std::holds_alternative<questions::GaveUp>(*event));
}

awaitable<void> flood(Link& link, Udp::endpoint server) {
  const auto executor = co_await asio::this_coro::executor;
  wire::UdpSocket noise(executor, {asio::ip::address_v4::loopback(), 0});
  const std::string empty, garbage(1400, '\xff');
  for (int i = 0; i < 2000; ++i) {
    noise.send_to(asio::buffer(empty), server);
    noise.send_to(asio::buffer(garbage), server);
  }
  // The flood may have filled the server's socket buffer, so that our question is lost once or twice.
  link->ask(wire::to_peer(server), "still there?", wire::Clock::now());
  auto event = co_await link.next();
  REQUIRE(event);
  CHECK(std::holds_alternative<questions::Answered>(*event));
}

struct Conversation : Loopback {
  Link client{bound(io), questions::Connection(), wire::Side::client};
  Link server{bound(io), questions::Connection(), wire::Side::server};
  explicit Conversation(int lost) { asio::co_spawn(io, serve(server, lost), wire::report_failure); }
};

}  // namespace

TEST_CASE("a question is answered, many peers on one socket") {
  Conversation c(0);
  c.run(ask(c.client, c.server.local(), "one", 1));
  Link another(bound(c.io), questions::Connection(), wire::Side::client);
  c.run(ask(another, c.server.local(), "two", 1));
  c.run(ask(c.client, c.server.local(), "three", 1));
}

TEST_CASE("a lost question is asked again when its time has come") {
  Conversation c(2);
  c.run(ask(c.client, c.server.local(), "one", 3));
}

TEST_CASE("nobody there: it gives up") {
  Conversation c(0);
  const Udp::endpoint nobody = bound(c.io).local_endpoint();  // closed again at once
  c.run(ask_nobody(c.client, nobody));
}

TEST_CASE("noise is ignored") {
  Conversation c(0);
  c.run(flood(c.client, c.server.local()));
}

TEST_CASE("addresses survive the way to a Peer and back") {
  const Udp::endpoint v4(asio::ip::make_address("192.0.2.1"), 5683);
  const Udp::endpoint v6(asio::ip::make_address("2001:db8::1"), 5683);
  CHECK(wire::to_endpoint(wire::to_peer(v4), false) == v4);
  CHECK(wire::to_endpoint(wire::to_peer(v6), true) == v6);
  CHECK(wire::to_endpoint(wire::to_peer(v4), true).address().to_string() == "::ffff:192.0.2.1");
}
