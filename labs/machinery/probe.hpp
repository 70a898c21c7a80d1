// A probe lets the judge (labs/run) call a chapter's functions and see what comes of it. The judge writes a line for
// each call, a verb and its arguments; the probe answers with a line for each value, and a dot.
//
//     > decode-request 474554202f20...            arguments are bytes in hex; "-" is none at all
//     < method 474554                             so are values, each behind its name
//     < .
//
// Names may have spaces, bytes never do. A Result that is an Error is answered as three values: error, detail, status.
// An exception is answered as `threw`.
#pragma once
#include "wire/bytes.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <typeinfo>

namespace probe {

// The values of one answer.
class Answer {
 public:
  void value(std::string_view name, std::string_view text) { bytes(name, wire::as_bytes(text)); }
  void value(std::string_view name, std::uint64_t number) { value(name, std::to_string(number)); }
  void bytes(std::string_view name, wire::Bytes bytes) {
    text_ += fmt::format("{} {}\n", name, bytes.empty() ? "-" : fmt::format("{:02x}", fmt::join(bytes, "")));
  }
  void error(const wire::Error& error) {
    value("error", name(error.code));
    value("detail", error.detail);
    value("status", error.wire_code);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The arguments of one call, taken one after the other.
class Arguments {
 public:
  explicit Arguments(std::istringstream words) : words_(std::move(words)) {}
  bool more() { return (words_ >> std::ws).good(); }
  wire::Buffer bytes() {
    std::string hex;
    words_ >> hex;
    wire::Buffer bytes;
    if (hex == "-") return bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  std::string text() { return wire::as_string(bytes()); }
  std::uint64_t number() { return std::stoull(text()); }

 private:
  std::istringstream words_;
};

using Verb = std::function<void(Arguments&, Answer&)>;

// Set by the verb `throws`: the next exception prints the way that led to it.
inline bool show_throw = false;

// Set by the verb `origin`: the offset of a byte in what the next encoder writes.
inline std::optional<std::size_t> wanted_origin;

// What `write(Writer&)` appends to an empty buffer.
//
// If the origin of a byte is wanted, the buffer lies so that this byte is the first of a page of memory which cannot be
// written. Whoever writes it faults, and the sanitizer prints the way that led there: so the judge knows the line.
template <class Write>
wire::Buffer encoded(Write write) {
  wire::Buffer buffer;
  std::size_t before = 0;
  if (wanted_origin) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    buffer.reserve(*wanted_origin + 16 * page);
    const auto start = reinterpret_cast<std::uintptr_t>(buffer.data()) + *wanted_origin;
    before = page - start % page;
    buffer.resize(before);
    mprotect(reinterpret_cast<void*>(start + before), 2 * page, PROT_READ);
    wanted_origin.reset();
  }
  wire::Writer out(buffer);
  write(out);
  return wire::Buffer(buffer.begin() + static_cast<std::ptrdiff_t>(before), buffer.end());
}

inline std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 ? name.get() : type.name();
}

// Answers calls until the judge has no more.
inline int run(std::map<std::string, Verb> verbs) {
  // Answers have a channel of their own: what the learner's code prints goes to standard error, and is shown.
  std::FILE* channel = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  verbs["throws"] = [](Arguments&, Answer&) { show_throw = true; };
  verbs["origin"] = [](Arguments& in, Answer&) { wanted_origin = in.number(); };
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    Answer answer;
    Arguments arguments(std::move(words));
    try {
      verbs.at(verb)(arguments, answer);
    } catch (const std::exception& e) {
      answer = {};
      answer.value("threw", e.what());
      answer.value("type", type_name(typeid(e)));
    } catch (...) {
      answer = {};
      answer.value("threw", "something that is no std::exception");
      answer.value("type", "throw");
    }
    fmt::print(channel, "{}.\n", answer.text());
    std::fflush(channel);
  }
  return 0;
}

}  // namespace probe

// Every exception passes here on its way (Itanium C++ ABI: Exception Handling, §2.4.3). A probe is one source file, so
// this may stand in a header. Headers disagree about the types, so it goes by another name.
extern "C" __attribute__((weak)) void __sanitizer_print_stack_trace();  // only where there are sanitizers
extern "C" void on_throw(void* thrown, void* type, void (*destroy)(void*)) __asm__("__cxa_throw");
void on_throw(void* thrown, void* type, void (*destroy)(void*)) {
  if (std::exchange(probe::show_throw, false) && __sanitizer_print_stack_trace) __sanitizer_print_stack_trace();
  static const auto next = reinterpret_cast<decltype(&on_throw)>(dlsym(RTLD_NEXT, "__cxa_throw"));
  next(thrown, type, destroy);
  std::abort();
}
