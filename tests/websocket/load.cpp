// Loads a WebSocket server that echoes, and counts. An independent yardstick: it shares no code with our chapters, and
// does little enough (one thread, one epoll, frames written beforehand) that the server is what is measured.
#include "echoes.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <list>
#include <span>
#include <string>
#include <vector>

namespace {

using load::fail;
using Buffer = std::vector<std::uint8_t>;

constexpr std::chrono::milliseconds patience{10'000};  // a server that is silent for longer has failed

struct Options {
  std::string host, path;
  std::uint16_t port = 0;
  std::size_t connections = 16;
  std::size_t size = 16;     // payload bytes of a message
  std::size_t pipeline = 1;  // messages that each connection has under way
  double seconds = 4;
  std::size_t idle = 0;  // connections to hold, instead of measuring
};

// The result of a system call that must not fail.
template <class Number>
Number checked(Number result, const char* call) {
  if (result < 0) fail(fmt::format("{}: {}", call, std::strerror(errno)));
  return result;
}

// The message that is sent over and over, as the client writes it (in one frame, masked) and as the echo has it.
struct Message {
  Message(std::size_t size, std::size_t copies) {
    for (std::size_t i = 0; i < size; ++i) payload.push_back(static_cast<std::uint8_t>(i % 251));
    // RFC 6455 §5.2: FIN and binary; a mask, as from every client, and the length; more of the length; the mask.
    const std::size_t length = size < 126 ? size : size <= 0xffff ? 126 : 127;
    Buffer frame{0x82, static_cast<std::uint8_t>(0x80 | length)};
    for (int i = length < 126 ? 0 : length == 126 ? 2 : 8; i-- > 0;)
      frame.push_back(static_cast<std::uint8_t>(size >> 8 * i));
    constexpr std::array<std::uint8_t, 4> mask{0x37, 0xfa, 0x21, 0x3d};
    frame.insert(frame.end(), mask.begin(), mask.end());
    for (std::size_t i = 0; i < size; ++i) frame.push_back(payload[i] ^ mask[i % 4]);
    frame_size = frame.size();
    for (std::size_t i = 0; i < copies; ++i) frames.insert(frames.end(), frame.begin(), frame.end());
  }

  Buffer payload;
  Buffer frames;  // as many copies as are under way at once, so that one call can send them all
  std::size_t frame_size = 0;
};

// RFC 6455 §4.1, with the key of §1.3 and the answer that belongs to it.
void shake_hands(int socket, const Options& options) {
  const auto request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      options.path, options.host, options.port);
  checked(send(socket, request.data(), request.size(), MSG_NOSIGNAL), "send");
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    std::array<char, 2048> part;
    const auto size = checked(recv(socket, part.data(), part.size(), 0), "opening handshake");
    if (size == 0) fail("closed during the opening handshake");
    head.append(part.data(), static_cast<std::size_t>(size));
  }
  if (!head.starts_with("HTTP/1.1 101 ")) fail("refused: " + head.substr(0, head.find('\r')));
  if (!head.contains(" s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) fail("no Sec-WebSocket-Accept, or a wrong one");
}

// A connection that sends the next message for each echo.
class Connection {
 public:
  Connection(const Options& options, const Message& message)
      : message_(message), echoes_(message.payload), socket_(checked(::socket(AF_INET, SOCK_STREAM, 0), "socket")) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr = {}, .sin_zero = {}};
    if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) fail("HOST must be an IPv4 address");
    checked(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
    const timeval wait{.tv_sec = patience.count() / 1000, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    shake_hands(socket_, options);
  }

  int socket() const { return socket_; }
  std::uint64_t echoes() const { return echoes_.count(); }

  // Sends what the socket takes; the rest follows when it takes more.
  void send_messages(std::size_t count) {
    unsent_ += count * message_.frame_size;
    while (unsent_ > 0) {
      const auto* next = message_.frames.data() + position_;
      const auto size =
          send(socket_, next, std::min(unsent_, message_.frames.size() - position_), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) return;
      unsent_ -= static_cast<std::size_t>(checked(size, "send"));
      position_ = (position_ + static_cast<std::size_t>(size)) % message_.frame_size;
    }
  }

  // Reads what came. How many echoes that completed.
  std::uint64_t receive(Buffer& buffer) {
    const auto before = echoes();
    auto size = static_cast<ssize_t>(buffer.size());
    while (size == static_cast<ssize_t>(buffer.size())) {  // else nothing is left, says epoll(7)
      size = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) break;
      if (checked(size, "recv") == 0) fail("the server closed a connection");
      echoes_.receive(std::span(buffer).first(static_cast<std::size_t>(size)));
    }
    return echoes() - before;
  }

 private:
  const Message& message_;
  load::Echoes echoes_;
  int socket_;                             // open until the program ends
  std::size_t unsent_ = 0, position_ = 0;  // bytes that have to go; where the next of them is in a frame
};

// All connections, and the loop that serves them.
class Load {
 public:
  Load(const Options& options, std::size_t connections) : message_(options.size, options.pipeline) {
    for (std::size_t i = 0; i < connections; ++i) {
      auto& connection = connections_.emplace_back(options, message_);
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &connection}};
      checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket(), &event), "epoll_ctl");
    }
    for (auto& connection : connections_) connection.send_messages(options.pipeline);
  }

  // Waits for echoes once; where it shall go on, the next message follows on each.
  void serve(bool go_on) {
    std::array<epoll_event, 64> events;
    const int ready = checked(epoll_wait(epoll_, events.data(), events.size(), patience.count()), "epoll_wait");
    if (ready == 0) fail("the server fell silent");
    for (const auto& event : std::span(events).first(static_cast<std::size_t>(ready))) {
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      const auto echoed = connection.receive(buffer_);
      connection.send_messages(go_on ? echoed : 0);
    }
  }

  std::uint64_t echoes() const {
    std::uint64_t sum = 0;
    for (const auto& connection : connections_) sum += connection.echoes();
    return sum;
  }

 private:
  Message message_;
  int epoll_ = checked(epoll_create1(0), "epoll_create1");
  Buffer buffer_ = Buffer(1 << 18);
  std::list<Connection> connections_;
};

void measure(const Options& options) {
  using Clock = std::chrono::steady_clock;
  Load load(options, options.connections);
  const auto begun = Clock::now();
  const auto cpu_before = std::clock();
  std::chrono::duration<double> elapsed{};
  while (elapsed.count() < options.seconds) {
    load.serve(true);
    elapsed = Clock::now() - begun;
  }
  const double cpu = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  fmt::print("{} messages in {:.2f} s\n", load.echoes(), elapsed.count());
  fmt::print("{:.0f} messages/s\n", static_cast<double>(load.echoes()) / elapsed.count());
  fmt::print("{:.0f} % of a processor, by this client itself\n", cpu / elapsed.count() * 100);
}

// Connections that have had one echo each, and are quiet until the end of standard input.
void hold(const Options& options) {
  Load load(options, options.idle);
  while (load.echoes() < options.idle * options.pipeline) load.serve(false);
  fmt::print("ready\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Loads a WebSocket server with messages that it has to echo, each connection waiting for its echoes."};
  app.add_option("HOST", options.host, "IPv4 address")->required();
  app.add_option("PORT", options.port)->required();
  app.add_option("PATH", options.path)->required();
  app.add_option("--connections", options.connections)->capture_default_str();
  app.add_option("--size", options.size, "Payload bytes of a message")->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--pipeline", options.pipeline, "Messages under way on a connection")->capture_default_str();
  app.add_option("--idle", options.idle, "Only hold so many connections, until the end of standard input");
  CLI11_PARSE(app, argc, argv);
  try {
    options.idle > 0 ? hold(options) : measure(options);
  } catch (const std::runtime_error& error) {
    fmt::print(stderr, "load-websocket: {}\n", error.what());
    return 1;
  }
}
