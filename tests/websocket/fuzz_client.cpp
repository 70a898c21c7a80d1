// The machine as a client, under any bytes.
#include "fuzz_machine.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::test(wire::Side::client, data, size);
}
