// HTTP/1.1 as a machine: one connection, either side of it, many exchanges one after the other (RFC 9112).
//
// The client speaks first. Each exchange is a request and its response, and each of the two is a head, maybe content,
// and an end. The two directions run side by side: a server may answer while the request's content still comes.
//
//     what the peer sends             what we send
//     ------------------------       -------------------------
//     head --> content --> end        head --> content --> end
//                            \                           /
//                             both ended: next exchange, or, if either side said so, the connection ends
//
// Pipelining: a client may send its next request before it has our response. Those bytes wait, unread, until both
// directions of the present exchange have ended: so answers cannot overtake each other, and a flood of requests costs
// its sender's memory, not ours. (As a client we do not pipeline: too many servers lost requests that way.)
//
// How it ends: a message says `Connection: close`, the peer hangs up, a deadline passes, or a rule is broken. A server
// answers broken rules with the status that RFC 9110 asks for, and hangs up: after a message whose end is in doubt,
// nothing further can be trusted.
//
// Or the connection changes its protocol: a 101 response ends HTTP, and unread() holds what belongs to its successor.
#pragma once
#include "http1/framing.hpp"
#include "http1/head.hpp"
#include "http1/target.hpp"
#include "wire/connection.hpp"

namespace http1 {

// Besides the heads themselves, what can happen:
// region events
struct Data {  // a piece of content, transfer coding removed
  wire::Buffer bytes;
};
struct End {  // the message is complete
  Fields trailers;
};
struct Informational {  // to a client: 100, 103 ...; the final response is still to come
  Response response;
};
struct Failed {  // the peer broke a rule or a deadline; a server has answered already
  wire::Error error;
};
using Event = std::variant<Request, Response, Informational, Data, End, Failed>;
// endregion

// What a server knows and a machine cannot: asked for when an answer is made, ours or the machine's own.
struct Origin {
  bool secure = false;                     // this connection is inside TLS
  const std::string& (*date)() = nullptr;  // for Date; nullptr: there is no clock, and none is sent
};

struct Limits {
  std::size_t request_line = 8 * 1024;             // 414 beyond; nginx's and Apache's limit
  std::size_t head = 32 * 1024;                    // 431 beyond
  std::uint64_t content = std::uint64_t{1} << 40;  // 413 beyond; content is streamed, so this protects no memory
  std::uint64_t discard = 256 * 1024;        // content that nobody read is read to its end up to this, to keep the
                                             // connection; more costs more than a new connection does
  std::size_t chunk_extensions = 16 * 1024;  // in all of a message: nobody uses them, and they carry nothing
  int interim_responses = 32;                // to one request, as a client
  wire::Clock::duration idle_time = std::chrono::seconds(75);     // between two exchanges: nginx's keepalive_timeout
  wire::Clock::duration answer_time = std::chrono::seconds(75);   // as a client: until the response begins
  wire::Clock::duration head_time = std::chrono::seconds(20);     // for a whole head: who sends it byte by byte is cut
  wire::Clock::duration content_time = std::chrono::seconds(60);  // between two pieces of content
};

class Connection : public wire::ConnectionBase<Connection, Event> {
 public:
  explicit Connection(wire::Side side, const Limits& limits = {}, const Origin& origin = {})
      : side_(side), limits_(limits), origin_(origin) {}

  // Client: begins an exchange. Without Content-Length or Transfer-Encoding among its fields it has no content, and
  // ends at once; else send_data() and send_end() must follow.
  void send(const Request& request);
  // Server: an interim response (1xx), or the head of the final one. Without Content-Length among its fields it is
  // sent in chunks, or to an HTTP/1.0 client until the connection closes. Connection is ours to set, except that
  // `Connection: close` is heeded.
  void send(Response response);
  // Content of the message begun by send(). To a HEAD request it vanishes, so that handlers need not care.
  void send_data(wire::Bytes data);
  void send_end(const Fields& trailers = {});

  // Server: what the present request is aimed at.
  const Target& target() const { return target_; }
  // Server: the client waits for 100 (Continue) before it sends its content.
  bool must_continue() const { return expects_continue_; }
  // Both directions of the present exchange have ended, or none has begun: a client may send its next request.
  bool idle() const { return receiving_ == Receiving::head && sending_ == Sending::head && !request_sent_; }
  // The peer's message has ended: no more Data will come before the next head.
  bool received_all() const { return receiving_ == Receiving::nothing || receiving_ == Receiving::head; }
  // What is left of the request is too much to be skipped: after the answer, the connection ends.
  bool too_much_left() const { return remaining_ > limits_.discard; }
  // Content of our message may follow, or its end.
  bool sending_content() const { return sending_ == Sending::content; }
  // After 101: HTTP is over on this connection.
  bool switched() const { return receiving_ == Receiving::switched; }
  // Whether the connection goes on after this exchange, as far as is known.
  bool keep_alive() const { return keep_alive_; }

  bool step(wire::Time now);
  void fail(wire::Error error);
  void end_of_input(wire::Time now);
  std::optional<wire::Time> next_timeout() const { return closed() ? std::nullopt : deadline_; }
  void handle_timeout(wire::Time now);
  void close(wire::Time now);

 private:
  // region states
  // The part of the peer's message that comes next.
  enum class Receiving { head, content, until_close, chunk_size, chunk_data, chunk_end, trailers, nothing, switched };
  // Ours.
  enum class Sending { head, content, nothing };
  // What we wait for the peer to do, by the clock.
  enum class Waiting { nothing, idle, answer, head, content };
  // endregion

  bool step_head(wire::Time now);
  bool step_content();
  bool step_chunk_size();
  bool step_chunk_end();
  bool step_trailers();
  std::optional<std::size_t> whole_head(std::size_t line_limit);  // its length, once it is there
  std::optional<std::size_t> whole_line(std::size_t limit);

  void received(Request request);
  void received(Response response);
  void begin_content(const Framing& framing);
  void deliver(wire::Buffer bytes);
  void received_end(Fields trailers);
  void next_exchange();
  void add_own_fields(Response& response) const;
  void wait_for(Waiting what, wire::Time now = {});
  bool count_content(std::uint64_t more);
  template <class Head>
  void write_head(std::string_view title, const Head& head);

  wire::Side side_;
  Limits limits_;
  Origin origin_;

  Receiving receiving_ = Receiving::head;
  std::uint64_t remaining_ = 0;  // of the content, or of the chunk
  std::uint64_t received_content_ = 0;
  std::size_t searched_ = 0;  // of the input, for the end of the head: no quadratic rescans
  std::size_t line_start_ = 0;
  std::size_t chunk_extensions_ = 0;  // bytes of them, in this message
  int interim_responses_ = 0;         // to this request

  Sending sending_ = Sending::head;
  Framing framing_;                   // of what we send
  std::uint64_t unsent_content_ = 0;  // of Content-Length
  bool hide_content_ = false;         // the answer to HEAD

  std::string method_;  // of the present exchange
  Target target_;
  int peer_minor_version_ = 1;
  bool request_sent_ = false;     // client: an answer is due
  bool upgrade_offered_ = false;  // client: the answer may be 101
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool discarding_ = false;  // the exchange is answered; what still comes of its request is skipped
  bool closing_ = false;     // close() was called: the present exchange is the last

  Waiting waiting_ = Waiting::nothing;
  std::optional<wire::Time> deadline_;
};

}  // namespace http1
