// What --trace and --pcap do: one Tracer a program, one observer a connection.
#pragma once
#include "wire/pcap.hpp"
#include "wire/trace.hpp"

#include <cstdio>
#include <memory>

namespace wire {

class Tracer {
 public:
  // `out`: where frames are explained as they pass, or nullptr. `pcap`: where they are captured, or nullptr.
  Tracer(std::FILE* out, std::unique_ptr<Pcap> pcap) : out_(out), pcap_(std::move(pcap)) {}

  std::unique_ptr<Observer> watch_stream(Side we_are, const Peer& local, const Peer& remote);

  // A datagram socket has no single peer, so the driver of a datagram protocol says who with every datagram.
  std::unique_ptr<Observer> watch_datagrams(Side we_are);
  void captured_datagram(const Peer& from, const Peer& to, Bytes datagram) {
    if (pcap_) pcap_->udp(from, to, datagram);
  }

 private:
  class StreamObserver;
  std::FILE* out_;
  std::unique_ptr<Pcap> pcap_;
  Time start_ = Clock::now();
  int connections_ = 0;
};

}  // namespace wire
