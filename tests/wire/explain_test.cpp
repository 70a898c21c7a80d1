// What the explanations of all chapters are made with.
#include "wire/explain.hpp"

#include "lines.hpp"
#include "support/catch.hpp"

using wire::Form;
using wire::Listener;
using wire::Side;

namespace {

// Two lines of somebody, as a machine hears them; what it answers is not shown.
std::string heard(Side speaker, Form form) {
  std::string out;
  Listener listener(out, speaker, form);
  lines::Connection machine;
  machine.observe(&listener);
  machine.send("not shown");
  machine.receive(wire::as_bytes("hello\nworld\n"), {});
  while (machine.poll({})) {
  }
  return '\n' + out;
}

}  // namespace

TEST_CASE("a listener writes down what is said to its machine, as a dump") {
  CHECK(heard(Side::client, Form::dump) == R"(
client → server  line, 6 bytes
  0000  hello\n                                   line

client → server  line, 6 bytes
  0000  world\n                                   line

)");
}

TEST_CASE("a listener's walk counts on from frame to frame") {
  CHECK(heard(Side::server, Form::walk) == R"(
client ← server  line, 6 bytes
  0000  68 65 6c 6c 6f 0a        hello␊    line

client ← server  line, 6 bytes
  0006  77 6f 72 6c 64 0a        world␊    line

)");
}

TEST_CASE("a walk begins anew with each message, and says which rule was broken") {
  std::string out;
  Listener listener(out, Side::client, Form::walk);
  listener.show("head", wire::as_bytes("a"));
  listener.show("body", wire::as_bytes("b"));
  listener.begin_message();
  listener.show("head", wire::as_bytes("c"));
  listener.refuse({wire::Errc::malformed, "no such letter", 0});
  CHECK('\n' + out == R"(
client → server  head, 1 bytes
  0000  61                       a         (not explained)

client → server  body, 1 bytes
  0001  62                       b         (not explained)

client → server  head, 1 bytes
  0000  63                       c         (not explained)

  !     malformed: no such letter

)");
}
