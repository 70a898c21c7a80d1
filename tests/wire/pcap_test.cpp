// The capture file, byte by byte. That tshark reads it is a matter of the chapters' conformance tests.
#include "wire/pcap.hpp"

#include "support/catch.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

using wire::Buffer;
using wire::Peer;

namespace {

Peer loopback(std::uint16_t port) { return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, port}; }

// The capture that `use` writes, as bytes.
template <class Use>
Buffer capture(Use use) {
  const auto path = std::filesystem::temp_directory_path() / ("wire-pcap-" + std::to_string(getpid()));
  {
    wire::Pcap pcap(path.string());
    use(pcap);
  }
  std::ifstream in(path, std::ios::binary);
  Buffer bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return bytes;
}

// The packets in it, without the file's header and the records' headers.
std::vector<Buffer> packets(const Buffer& file) {
  wire::Reader in(file);
  in.bytes("file header", 24);
  std::vector<Buffer> all;
  while (in.left() > 0) {
    in.bytes("time", 8);
    const auto captured = in.u32le("captured length");
    CHECK(in.u32le("original length") == captured);
    const auto packet = in.bytes("packet", captured);
    all.emplace_back(packet.begin(), packet.end());
  }
  CHECK(in.ok());
  return all;
}

}  // namespace

TEST_CASE("the file's header") {
  const Buffer file = capture([](wire::Pcap&) {});
  CHECK(file == Buffer{
                    0xd4, 0xc3, 0xb2, 0xa1,              // magic number, little-endian
                    2,    0,    4,    0,                 // version 2.4
                    0,    0,    0,    0,    0, 0, 0, 0,  // time zone, accuracy
                    0,    0,    4,    0,                 // snapshot length 262,144
                    101,  0,    0,    0,                 // LINKTYPE_RAW
                });
}

TEST_CASE("a datagram") {
  const auto all = packets(capture([](wire::Pcap& pcap) { pcap.udp(loopback(1000), loopback(53), Buffer{'h', 'i'}); }));
  REQUIRE(all.size() == 1);
  CHECK(all[0] == Buffer{
                      0x45, 0,    0, 30,            // IPv4, 20 bytes of header, 30 in all
                      0,    0,    0, 0,             // identification, flags
                      64,   17,   0, 0,             // time to live, UDP, checksum
                      127,  0,    0, 1,             // source
                      127,  0,    0, 1,             // destination
                      0x03, 0xe8, 0, 53,            // ports
                      0,    10,   0, 0,  'h', 'i',  // length, checksum, data
                  });
}

namespace {

struct Segment {
  std::uint16_t source;
  std::uint32_t seq, ack;
  unsigned flags;
  std::size_t data;
  bool operator==(const Segment&) const = default;
};
constexpr unsigned fin = 0x01, syn = 0x02, push = 0x08, ack = 0x10;

// What is captured of a conversation between ports 40000 and 80.
template <class Talk>
std::vector<Segment> segments(Talk talk) {
  const auto all = packets(capture([&](wire::Pcap& pcap) {
    wire::Pcap::Tcp tcp(pcap, loopback(40000), loopback(80));
    talk(tcp);
  }));
  std::vector<Segment> seen;
  for (const Buffer& packet : all) {
    wire::Reader in(packet);
    in.bytes("IP header", 20);
    Segment segment{};
    segment.source = in.u16("source port");
    in.u16("destination port");
    segment.seq = in.u32("sequence number");
    segment.ack = in.u32("acknowledgment number");
    segment.flags = in.u16("offset and flags") & 0xff;
    in.bytes("window, checksum, urgent pointer", 6);
    segment.data = in.left();
    seen.push_back(segment);
  }
  return seen;
}

}  // namespace

TEST_CASE("a conversation: handshake, data with the right sequence numbers, goodbye") {
  const auto seen = segments([](wire::Pcap::Tcp& tcp) {
    tcp.data(true, Buffer(3, 'q'));
    tcp.data(false, Buffer(20'000, 'a'));  // more than one segment
    tcp.data(true, Buffer(1, 'r'));
  });
  const std::vector<Segment> expected = {
      {40000, 1000, 0, syn, 0},
      {80, 5000, 1001, syn | ack, 0},
      {40000, 1001, 5001, ack, 0},
      {40000, 1001, 5001, push | ack, 3},
      {80, 5001, 1004, push | ack, 16'000},
      {80, 21'001, 1004, push | ack, 4'000},
      {40000, 1004, 25'001, push | ack, 1},
      {40000, 1005, 25'001, fin | ack, 0},
      {80, 25'001, 1006, fin | ack, 0},
      {40000, 1006, 25'002, ack, 0},
  };
  CHECK((seen == expected));
}

TEST_CASE("a conversation that the server ends, while the client still speaks") {
  const auto seen = segments([](wire::Pcap::Tcp& tcp) {
    tcp.end(false);
    tcp.end(false);
    tcp.data(true, Buffer(3, 'q'));
  });
  const std::vector<Segment> expected = {
      {40000, 1000, 0, syn, 0},       {80, 5000, 1001, syn | ack, 0},     {40000, 1001, 5001, ack, 0},
      {80, 5001, 1001, fin | ack, 0}, {40000, 1001, 5002, push | ack, 3}, {40000, 1004, 5002, fin | ack, 0},
      {80, 5002, 1005, ack, 0},
  };
  CHECK((seen == expected));
}

TEST_CASE("a file that cannot be written is an error at once") {
  CHECK_THROWS_AS(wire::Pcap("/nonexistent/folder/x.pcap"), std::system_error);
}
