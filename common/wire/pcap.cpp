#include "wire/pcap.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

namespace wire {

namespace {

// Not the link's maximum (loopback's is 65,536), but a size that leaves room for every header.
constexpr std::size_t max_segment = 16'000;

bool is_ipv4(const Peer& peer) {
  constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(mapped), std::end(mapped), peer.address.begin());
}

// RFC 791 §3.1. Its checksum is left zero: Wireshark does not check it unless told to.
void write_ipv4_header(Writer& out, std::uint8_t protocol, const Peer& from, const Peer& to, std::size_t payload) {
  out.u8(0x45);  // version 4, header of 5 words
  out.u8(0);     // type of service
  out.u16(20 + payload);
  out.u32(0);  // identification, flags, fragment offset
  out.u8(64);  // time to live
  out.u8(protocol);
  out.u16(0);  // checksum
  out.bytes(Bytes(from.address).last(4));
  out.bytes(Bytes(to.address).last(4));
}

// RFC 8200 §3
void write_ipv6_header(Writer& out, std::uint8_t protocol, const Peer& from, const Peer& to, std::size_t payload) {
  out.u32(0x6000'0000);  // version 6, traffic class, flow label
  out.u16(payload);
  out.u8(protocol);
  out.u8(64);  // hop limit
  out.bytes(from.address);
  out.bytes(to.address);
}

}  // namespace

Pcap::Pcap(const std::string& path) : file_(std::fopen(path.c_str(), "wb"), &std::fclose) {
  if (!file_) throw std::system_error(errno, std::generic_category(), path);
  Buffer header;
  Writer out(header);
  out.u32le(0xa1b2c3d4);  // magic: times in microseconds, little-endian
  out.u16le(2), out.u16le(4);
  out.u32le(0), out.u32le(0);  // time zone, accuracy: always zero
  out.u32le(262'144);          // snapshot length
  out.u32le(101);              // LINKTYPE_RAW: packets begin with an IP header
  std::fwrite(header.data(), 1, header.size(), file_.get());
}

void Pcap::packet(std::uint8_t protocol, const Peer& from, const Peer& to, const Buffer& payload) {
  const bool v4 = is_ipv4(from) && is_ipv4(to);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto microseconds = static_cast<std::uint64_t>(
      std::chrono::microseconds(std::chrono::duration_cast<std::chrono::microseconds>(now)).count());
  const std::size_t size = payload.size() + (v4 ? 20 : 40);
  Buffer record;
  Writer out(record);
  out.u32le(microseconds / 1'000'000), out.u32le(microseconds % 1'000'000);
  out.u32le(size), out.u32le(size);  // captured, and on the wire
  (v4 ? write_ipv4_header : write_ipv6_header)(out, protocol, from, to, payload.size());
  out.bytes(payload);
  std::fwrite(record.data(), 1, record.size(), file_.get());
  std::fflush(file_.get());  // a program that is killed still leaves a whole capture
}

void Pcap::udp(const Peer& from, const Peer& to, Bytes datagram) {
  Buffer payload;
  Writer out(payload);
  out.u16(from.port), out.u16(to.port), out.u16(8 + datagram.size()), out.u16(0);  // RFC 768
  out.bytes(datagram);
  packet(17, from, to, payload);
}

namespace {
constexpr std::uint8_t fin = 0x01, syn = 0x02, push = 0x08, ack = 0x10;  // RFC 9293 §3.1
}

Pcap::Tcp::Tcp(Pcap& pcap, const Peer& client, const Peer& server) : pcap_(pcap), client_(client), server_(server) {
  segment(true, syn, {});
  segment(false, syn | ack, {});
  segment(true, ack, {});
}

Pcap::Tcp::~Tcp() {
  const bool client_was_last = server_ended_ && !client_ended_;
  end(true);
  end(false);
  segment(!client_was_last, ack, {});
}

void Pcap::Tcp::end(bool from_client) {
  bool& ended = from_client ? client_ended_ : server_ended_;
  if (!std::exchange(ended, true)) segment(from_client, fin | ack, {});
}

void Pcap::Tcp::data(bool from_client, Bytes bytes) {
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), max_segment)))
    segment(from_client, push | ack, bytes.first(std::min(bytes.size(), max_segment)));
}

void Pcap::Tcp::segment(bool from_client, std::uint8_t flags, Bytes bytes) {
  const Peer& from = from_client ? client_ : server_;
  const Peer& to = from_client ? server_ : client_;
  std::uint32_t& seq = from_client ? client_seq_ : server_seq_;
  const std::uint32_t acknowledged = from_client ? server_seq_ : client_seq_;
  Buffer payload;
  Writer out(payload);
  out.u16(from.port), out.u16(to.port);
  out.u32(seq), out.u32(flags & ack ? acknowledged : 0);
  out.u8(0x50), out.u8(flags);  // header of 5 words
  out.u16(65'535);              // window
  out.u16(0), out.u16(0);       // checksum, urgent pointer
  out.bytes(bytes);
  pcap_.packet(6, from, to, payload);
  seq += static_cast<std::uint32_t>(bytes.size()) + (flags & (syn | fin) ? 1 : 0);  // SYN and FIN count as a byte
}

}  // namespace wire
