#include "wire/tls.hpp"

#include "echo.hpp"

#include <cstdlib>
#include <filesystem>

using namespace std::chrono_literals;
using lines::Connection;
using wire::awaitable;
using wire::LinkOptions;
using wire::Stream;
using wire::Tcp;

namespace {

// A folder that is gone after the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "wire-tls-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string certificate() const { return path / "cert.pem"; }
  std::string key() const { return path / "key.pem"; }
  std::filesystem::path path;
};

// A TLS echo server, and a client's context that trusts it.
struct Secure {
  Folder folder;
  asio::ssl::context server_context = wire::server_tls(folder.certificate(), folder.key());
  asio::ssl::context client_context = wire::client_tls(folder.certificate());
  EchoServer s;
  explicit Secure(wire::ServerOptions options = {}, wire::Server::Handler handler = echo)
      : s(with_tls(std::move(options)), std::move(handler)) {}
  wire::ServerOptions with_tls(wire::ServerOptions options) {
    options.tls = &server_context;
    return options;
  }
};

awaitable<void> converse(Secure& secure) {
  LineLink link = co_await connect(secure.s, &secure.client_context);
  link->send("hello");
  auto answer = co_await link.next();
  CHECK(text_of(answer) == "echo hello");
  link->send("big");
  for (int i = 0; i < 1024; ++i) {
    auto line = co_await link.next();
    REQUIRE(text_of(line).size() == 1023);
  }
  co_await link.finish();
  CHECK_FALSE(link.why());  // close_notify was sent and answered
  co_await until_live(secure.s, 0);
}

awaitable<void> not_trusted(Secure& secure, asio::ssl::context& client_context) {
  auto stream = co_await wire::connect("127.0.0.1", secure.s.server.port(), &client_context);
  REQUIRE_FALSE(stream);
  CHECK(stream.error().step == wire::ConnectError::Step::tls);
  CHECK(to_string(stream.error()).find("certificate verify failed") != std::string::npos);
}

awaitable<void> other_name(Secure& secure) {
  auto stream = co_await wire::connect("127.0.0.1", secure.s.server.port());
  REQUIRE(stream);
  const auto failed = co_await stream->start_tls(secure.client_context, "example.org", 5s);
  CHECK(failed.message().find("certificate verify failed") != std::string::npos);
}

awaitable<void> no_handshake(Secure& secure) {
  wire::TcpSocket peer = co_await raw_connection(secure.s.server.port());
  co_await write_all(peer, "hello?\n");
  const std::string answer = co_await read_to_end(peer);  // an alert, then the end
  wire::TcpSocket silent = co_await raw_connection(secure.s.server.port());
  const std::string nothing = co_await read_to_end(silent);
  CHECK(nothing.empty());
  co_await until_live(secure.s, 0);
}

awaitable<void> server_never_answers(Secure& secure) {
  const auto executor = co_await asio::this_coro::executor;
  wire::TcpAcceptor deaf(executor, {asio::ip::address_v4::loopback(), 0});  // the kernel accepts, nobody speaks
  const auto port = deaf.local_endpoint().port();
  auto stream = co_await wire::connect("127.0.0.1", port, &secure.client_context, 50ms);
  REQUIRE_FALSE(stream);
  CHECK(stream.error().code == asio::error::timed_out);
}

// Hangs up without TLS's goodbye.
awaitable<void> cut(Stream stream, LinkOptions options) {
  LineLink link(std::move(stream), Connection(), options);
  link->send("the last line");
  co_await link.flush();
  link.stream().shutdown_send();
}

awaitable<void> truncation_is_no_end(Secure& secure) {
  LineLink link = co_await connect(secure.s, &secure.client_context);
  auto line = co_await link.next();
  CHECK(text_of(line) == "the last line");
  auto over = co_await link.next();
  CHECK_FALSE(over);
  CHECK(link.why() == asio::ssl::error::stream_truncated);
}

// ---- STARTTLS: in the clear until both sides agree, in TLS from there -------------------------------------------

struct StartTls {
  Folder folder;
  asio::ssl::context server_context = wire::server_tls(folder.certificate(), folder.key());
  asio::ssl::context client_context = wire::client_tls(folder.certificate());
  asio::error_code server_result;

  awaitable<void> serve(Stream stream, LinkOptions options) {
    LineLink link(std::move(stream), Connection(), options);
    auto event = co_await link.next();
    CHECK(text_of(event) == "starttls");
    link->send("go ahead");
    server_result = co_await link.start_tls(server_context, "", 5s);
    if (server_result) co_return;
    for (;;) {
      auto secret = co_await link.next();
      if (!secret) break;
      link->send("echo " + text_of(secret));
    }
  }
};

awaitable<void> start_tls(EchoServer& s, StartTls& starttls) {
  LineLink link = co_await connect(s);
  link->send("starttls");
  auto go_ahead = co_await link.next();
  CHECK(text_of(go_ahead) == "go ahead");
  const auto failed = co_await link.start_tls(starttls.client_context, "localhost", 5s);
  REQUIRE_FALSE(failed);
  link->send("secret");
  auto answer = co_await link.next();
  CHECK(text_of(answer) == "echo secret");
  CHECK(link.stream().secure());
}

awaitable<void> injected_plaintext(EchoServer& s) {
  wire::TcpSocket peer = co_await raw_connection(s.server.port());
  co_await write_all(peer, "starttls\nsent by somebody in the middle\n");
  const std::string answer = co_await read_to_end(peer);
  CHECK(answer == "go ahead\n");
}

}  // namespace

TEST_CASE("the same conversation over TLS") {
  Secure secure;
  secure.s.run(converse(secure));
}

TEST_CASE("a client verifies by default: who is not trusted is refused") {
  Secure secure;
  asio::ssl::context trusts_others = wire::client_tls();
  secure.s.run(not_trusted(secure, trusts_others));
}

TEST_CASE("a client verifies the host name, too") {
  Secure secure;
  secure.s.run(other_name(secure));
}

TEST_CASE("a TLS handshake that never comes is given up, on either side") {
  Secure secure({.handshake = 50ms});
  secure.s.run(no_handshake(secure));
  secure.s.run(server_never_answers(secure));
}

TEST_CASE("an end without close_notify is a truncation") {
  Secure secure({}, cut);
  secure.s.run(truncation_is_no_end(secure));
}

TEST_CASE("STARTTLS: TLS begins in mid-stream") {
  StartTls starttls;
  EchoServer s({}, std::bind_front(&StartTls::serve, &starttls));
  s.run(start_tls(s, starttls));
  CHECK_FALSE(starttls.server_result);
}

TEST_CASE("STARTTLS: plaintext that came too early is refused") {
  StartTls starttls;
  EchoServer s({}, std::bind_front(&StartTls::serve, &starttls));
  s.run(injected_plaintext(s));
  CHECK(starttls.server_result == asio::error::invalid_argument);
}

TEST_CASE("a certificate is made once, then used again; half a pair is an error") {
  const Folder folder;
  wire::server_tls(folder.certificate(), folder.key());
  const auto made = std::filesystem::last_write_time(folder.certificate());
  wire::server_tls(folder.certificate(), folder.key());
  CHECK(std::filesystem::last_write_time(folder.certificate()) == made);
  const auto permissions = std::filesystem::status(folder.key()).permissions();
  CHECK((permissions & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
        std::filesystem::perms::none);
  std::filesystem::remove(folder.key());
  CHECK_THROWS_AS(wire::server_tls(folder.certificate(), folder.key()), std::system_error);
}
