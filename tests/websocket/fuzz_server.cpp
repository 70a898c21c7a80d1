// The machine as a server, under any bytes.
#include "fuzz_machine.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::test(wire::Side::server, data, size);
}
