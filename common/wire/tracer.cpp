#include "wire/tracer.hpp"

#include <fmt/format.h>

#include <optional>

namespace wire {

class Tracer::StreamObserver : public Observer {
 public:
  StreamObserver(Tracer& tracer, Side we_are) : tracer_(tracer), we_are_(we_are), number_(++tracer.connections_) {}
  void capture(const Peer& client, const Peer& server) {
    if (tracer_.pcap_) capture_.emplace(*tracer_.pcap_, client, server);
  }

  void frame(Direction direction, std::string_view title, Bytes bytes, const Trace& trace) override {
    if (!tracer_.out_) return;
    const std::chrono::duration<double> at = Clock::now() - tracer_.start_;
    const char* way = from_client(direction) ? "client → server" : "client ← server";
    fmt::print(tracer_.out_, "#{} {:.3f} s  {}  {}, {} bytes\n{}\n", number_, at.count(), way, title, bytes.size(),
               dump(trace, bytes));
    std::fflush(tracer_.out_);  // live, also into a pipe
  }
  void bytes(Direction direction, Bytes bytes) override {
    if (capture_) capture_->data(from_client(direction), bytes);
  }
  void ended(Direction direction) override {
    if (capture_) capture_->end(from_client(direction));
  }

 private:
  bool from_client(Direction direction) const { return (direction == Direction::sent) == (we_are_ == Side::client); }
  Tracer& tracer_;
  Side we_are_;
  int number_;
  std::optional<Pcap::Tcp> capture_;
};

std::unique_ptr<Observer> Tracer::watch_stream(Side we_are, const Peer& local, const Peer& remote) {
  auto observer = std::make_unique<StreamObserver>(*this, we_are);
  if (we_are == Side::client) observer->capture(local, remote);
  else observer->capture(remote, local);
  return observer;
}

std::unique_ptr<Observer> Tracer::watch_datagrams(Side we_are) {
  return std::make_unique<StreamObserver>(*this, we_are);
}

}  // namespace wire
