// The wire explorer's half that is C++: a chapter's own explain(), callable from a web page.
//
// book/build compiles this once for every chapter that explorer/protocols.txt names, with -DCHAPTER=http1, together
// with the chapter's codecs and its machine, to WebAssembly. There is no system below: no files, no sockets, no clock.
// The page writes what was said into room(), hands it over with say(), and reads the text that explain() returns.
#include EXPLAIN_HEADER  // "http1/explain.hpp"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

enum Speaker { unknown, client, server };

wire::Buffer said;                     // what room() has made place for
std::vector<wire::Said> conversation;  // what say() has taken so far
bool one_sided = false;                // the page does not know who spoke; the bytes have to tell
std::string text;                      // what explain() has returned last

}  // namespace

extern "C" {

// Where the page is to write the next `size` bytes.
[[clang::export_name("room")]] std::uint8_t* room(std::size_t size) {
  said.resize(size);
  return said.data();
}

// Appends those bytes to the conversation.
[[clang::export_name("say")]] void say(int speaker) {
  one_sided = speaker == unknown;
  conversation.push_back({speaker != server, std::move(said)});
  said = {};
}

// The conversation, explained: zero-terminated UTF-8, valid until the next call. The conversation is then forgotten.
[[clang::export_name("explain")]] const char* explain() {
  text = one_sided ? CHAPTER::explain(wire::Bytes(conversation.back().bytes)) : CHAPTER::explain(conversation);
  conversation.clear();
  return text.c_str();
}

// Only our own bugs throw (wire::UsageError), and a page has nobody to catch them. The compiler is told to ignore `try`
// (-fignore-exceptions), and what `throw` calls ends here: the module stops, and the page says that it did.
void* __cxa_allocate_exception(std::size_t) noexcept { std::abort(); }
void __cxa_throw(void*, void*, void (*)(void*)) { std::abort(); }
}
