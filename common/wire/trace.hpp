// A Trace remembers which bytes were which field. From it come the live output of --trace, the byte walks in the
// book, and the reports of labs and tests: nobody describes a message a second time.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

using Bytes = std::span<const std::uint8_t>;  // somebody else's bytes
using Buffer = std::vector<std::uint8_t>;     // our own
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

inline Bytes as_bytes(std::string_view s) { return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}; }
inline std::string_view as_text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline std::string as_string(Bytes b) { return std::string(as_text(b)); }

// Bytes as a reader can see them: \r \n \t \\ \" escaped, everything outside printable ASCII as \xNN.
std::string visible(Bytes bytes);
// Whether they are better shown as characters than in hex: printable ASCII, tabs and line ends, and nothing else.
bool is_text(Bytes bytes);

struct Trace {
  // region field
  struct Field {
    std::size_t offset, size;
    int depth;                      // how many parts this field lies inside
    bool text;                      // shown as characters, not as hex
    std::string name;               // the specification's word for it
    std::string value;              // "60", "\"MQTT\""; empty where the bytes say it all
    std::string meaning;            // what that value says, in words
    std::string section;            // where the specification defines it: "RFC 9112 §3"
    std::vector<Field> parts = {};  // what a line of text is made of; only walk() shows them
  };
  // endregion
  std::vector<Field> fields;
  int depth = 0;

  void add(std::size_t offset, std::size_t size, std::string_view name, std::string value, bool text = false) {
    fields.push_back({offset, size, depth, text, std::string(name), std::move(value), {}, {}});
  }
  void add_flags(std::size_t offset, std::uint8_t byte, std::string_view name);  // a byte, in hexadecimal
  // The next n bytes of the last field, as far as it goes, are this part of it.
  void add_part(std::size_t n, std::string_view name, std::string_view meaning, std::string_view section);
};

// One line or more for every field, and for every byte that no field covers: offset, bytes, name = value, meaning,
// section. A field that is longer than `most` bytes is cut short, and the dump says by how much.
std::string dump(const Trace& trace, Bytes bytes, std::size_t most = 256);

// The byte walk, as the book prints it: like dump(), but every byte both in hexadecimal and as a character, and lines
// of text taken apart. Offsets count from `base`.
std::string walk(const Trace& trace, Bytes bytes, std::size_t base = 0);

enum class Side { client, server };
enum class Direction { sent, received };

// Who watches a connection. The machine reports frames, in the protocol's terms; the driver reports bytes as they
// pass the socket, and who ends it.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void frame(Direction direction, std::string_view title, Bytes bytes, const Trace& trace) = 0;
  virtual void bytes(Direction direction, Bytes bytes) = 0;
  virtual void ended(Direction) {}  // that side has said its last byte; not called where a connection breaks
};

}  // namespace wire
