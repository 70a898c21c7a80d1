// Writes what was said as a capture file that Wireshark and tshark open: classic pcap, link type "raw IP", with IP,
// TCP and UDP headers made up around the bytes. It needs no privilege, for nothing is captured. What TLS protects is
// written in the clear: these are the bytes that the protocol saw.
#pragma once
#include "wire/connection.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace wire {

class Pcap {
 public:
  // Throws std::system_error when the file cannot be written.
  explicit Pcap(const std::string& path);

  void udp(const Peer& from, const Peer& to, Bytes datagram);

  // One TCP conversation, from its handshake to its FINs. The capture outlives it.
  class Tcp {
   public:
    Tcp(Pcap& pcap, const Peer& client, const Peer& server);
    ~Tcp();
    Tcp(const Tcp&) = delete;
    Tcp& operator=(const Tcp&) = delete;
    void data(bool from_client, Bytes bytes);
    void end(bool from_client);  // FIN; again, it does nothing. Who has not ended when this object does, ends then

   private:
    void segment(bool from_client, std::uint8_t flags, Bytes bytes);
    Pcap& pcap_;
    Peer client_, server_;
    bool client_ended_ = false, server_ended_ = false;
    std::uint32_t client_seq_ = 1000, server_seq_ = 5000;  // any start would do; round ones are easy to read
  };

 private:
  void packet(std::uint8_t protocol, const Peer& from, const Peer& to, const Buffer& payload);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace wire
